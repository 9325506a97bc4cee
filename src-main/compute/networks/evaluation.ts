/** P networks of one architecture over the same examples, compiled or operation by operation. */
import type { Network } from '../../../src-shared/networks/network.ts';
import { EagerComputation, types } from '../backend/index.ts';
import type { Backend, Computation, ComputationBody, Program, Spec, Tensor } from '../backend/index.ts';
import { isCounter } from '../models/file-names.ts';
import { orderedRows, rowOrder } from '../data/index.ts';
import type { Examples } from '../data/index.ts';
import { widestNode } from './execution.ts';
import type { Way } from './execution.ts';
import { headsOf, headValue } from './heads.ts';
import type { Head } from './heads.ts';
import { mathsOf } from './maths.ts';
import { readParameters } from './parameters.ts';
import { forward } from './run.ts';
import { ScoreSum, scoreSums } from './scores.ts';
import type { Scores } from './scores.ts';

export interface EvaluationPlan {
  network: Network;
  /** Networks at once, P. */
  count: number;
  /** Examples per call; the last call is filled up. */
  rows: number;
  way: Way;
  /** Heads are mixed of those of other networks; absent: each of the P has its own. */
  mix?: { sources: number; used: number; permuted: boolean };
  /** Parameters that all networks share, [1, ...shape]; all others are [P, ...shape]. */
  shared?: ReadonlySet<string>;
}

/** Bytes that the values of one node may take: larger calls are no faster, and compiled ones stay in the cache. */
const activationBudget = { eager: 64 * 2 ** 20, compiled: 16 * 2 ** 20 };

/** Fewer would do as well; tracing takes longer with every row. */
const mostCompiledRows = 1024;

/** Examples per call of `count` networks. */
export function rowsPerCall(network: Network, count: number, way: Way): number {
  const budget = way === 'eager' ? activationBudget.eager : activationBudget.compiled;
  const rows = Math.max(32, Math.floor(budget / 4 / widestNode(network) / count));
  return way === 'eager' ? rows : Math.min(rows, mostCompiledRows);
}

type Place = { spec: Spec } & (
  | { kind: 'parameter'; name: string }
  /** Weights of a head, [S, outputs, inputs]. */
  | { kind: 'source'; name: string }
  /** Where a head's outputs are among those of the sources. */
  | { kind: 'places'; name: string }
  | { kind: 'shares'; name: '' }
);

/**
 * Rows on which a compiled evaluation is compared with one operation by operation, and how far their losses may differ,
 * relative to the largest logit: float32 sums in another order differ by about 1e-6.
 */
const checkedRows = 32;
const tolerance = 1e-4;
/** No network that trained well has such weights; with them float32 may overflow inside. */
const huge = 1e6;

export class Evaluation {
  readonly plan: EvaluationPlan;
  readonly #backend: Backend;
  readonly #places: readonly Place[];
  readonly #heads: readonly Head[];
  readonly #computation: Computation;
  readonly #program: Program | undefined;

  constructor(backend: Backend, plan: EvaluationPlan) {
    this.plan = plan;
    this.#backend = backend;
    this.#heads = headsOf(plan.network);
    this.#places = placesOf(plan, this.#heads);
    if (plan.way === 'eager') {
      this.#computation = new EagerComputation(backend.tf, this.#body(false));
      return;
    }
    const [input] = plan.network.graph.inputs;
    const features = input!.shape.reduce((a, b) => a * b, 1);
    this.#program = backend.native!.compiler.compile(
      {
        mode: plan.way,
        args: [
          { dtype: types.float32, shape: [plan.rows, features] },
          { dtype: types.int32, shape: [plan.rows] },
        ],
        state: this.#places.map(({ spec }) => spec),
      },
      this.#body(true),
      JSON.stringify([
        'evaluation',
        { ...plan, network: plan.network.graph, shared: [...(plan.shared ?? [])] },
      ]),
    );
    this.#computation = this.#program;
  }

  /** Names of the parameters to be set with `setParameter`. */
  get parameters(): string[] {
    return this.#places.flatMap(({ kind, name }) => (kind === 'parameter' ? [name] : []));
  }

  /** Heads whose source weights (and places) are to be set. */
  get heads(): readonly Head[] {
    return this.#heads;
  }

  /** @param value [P or 1, ...shape] */
  setParameter(name: string, value: Tensor): void {
    this.#set('parameter', name, value);
  }

  /** @param weight [S, outputs, inputs] @param places int32 [U * outputs], of a mix with permuted networks */
  setSources(head: Head, weight: Tensor, places?: Tensor): void {
    this.#set('source', head.weight, weight);
    if (places) this.#set('places', head.weight, places);
  }

  /** @param shares [P, U] */
  setShares(shares: Tensor): void {
    this.#set('shares', '', shares);
  }

  #set(kind: Place['kind'], name: string, value: Tensor): void {
    const index = this.#places.findIndex((place) => place.kind === kind && place.name === name);
    if (index < 0) throw new Error(`this evaluation has no ${kind} "${name}"`);
    this.#computation.set(index, value);
  }

  /**
   * Exact loss and accuracy of each network.
   * @param between called after every call with the share of the examples just done; throw there to stop
   */
  async scores(examples: Examples, between: (share: number) => Promise<void>): Promise<Scores> {
    const { rows, count } = this.plan;
    const sum = new ScoreSum(count);
    this.#check(examples);
    for (let start = 0; start < examples.count; start += rows) {
      const size = Math.min(rows, examples.count - start);
      if (this.#program) sum.addSums(this.#sums(examples, start, size), size);
      else sum.add(this.logits(examples, start, size), examples.labels.subarray(start, start + size));
      await between(size / examples.count);
    }
    return sum.scores();
  }

  /** Logits [P, size, classes] of the rows from `start` on. Only of a plan that is run operation by operation. */
  logits(examples: Examples, start: number, size: number): Float32Array {
    if (this.#program) throw new Error('a compiled evaluation answers sums, not logits');
    return this.#logits(this.#computation, examples, start, size);
  }

  dispose(): void {
    this.#computation.dispose();
  }

  #logits(computation: Computation, examples: Examples, start: number, size: number): Float32Array {
    const { tf } = this.#backend;
    const x = this.#rows(examples, start, size, size);
    const [logits] = computation.run([x]);
    const values = logits!.dataSync() as Float32Array;
    tf.dispose([x, logits!]);
    return values;
  }

  #sums(examples: Examples, start: number, size: number): Float64Array[] {
    const { rows } = this.plan;
    const { doubles } = this.#backend.native!;
    const labels = new Int32Array(rows).fill(-1);
    labels.set(examples.labels.subarray(start, start + size));
    const args = [this.#rows(examples, start, size, rows), this.#backend.tf.tensor1d(labels, 'int32')];
    const sums = this.#program!.runDoubles(args);
    const values = sums.map((each) => doubles.read(each));
    doubles.free(...sums);
    this.#backend.tf.dispose(args);
    return values;
  }

  /** [rows, features], filled up with zeros. */
  #rows(examples: Examples, start: number, size: number, rows: number): Tensor {
    const { features } = examples;
    const order = rowOrder(examples, this.plan.network.graph.inputs[0]!.shape);
    const own = orderedRows(examples, order, [start, start + size]);
    if (size === rows) return this.#backend.tf.tensor2d(own, [rows, features]);
    const filled = new Float32Array(rows * features);
    filled.set(own);
    return this.#backend.tf.tensor2d(filled, [rows, features]);
  }

  /** Whether what was compiled computes what the operations compute, one by one. @throws Error if not: a defect */
  #check(examples: Examples): void {
    if (!this.#program || this.#program.checked) return;
    const size = Math.min(checkedRows, this.plan.rows, examples.count);
    const eager = new EagerComputation(this.#backend.tf, this.#body(false));
    const state = this.#computation.getAll([...this.#places.keys()]);
    eager.setAll([...state.entries()]);
    this.#backend.tf.dispose(state);
    const logits = this.#logits(eager, examples, 0, size);
    eager.dispose();
    const scoresOf = (add: (sum: ScoreSum) => void): number[] => {
      const sum = new ScoreSum(this.plan.count);
      add(sum);
      return sum.scores().loss;
    };
    const expected = scoresOf((sum) => {
      sum.add(logits, examples.labels.subarray(0, size));
    });
    const found = scoresOf((sum) => {
      sum.addSums(this.#sums(examples, 0, size), size);
    });
    const each = logits.length / this.plan.count;
    const wrong = expected.findIndex((loss, p) => {
      const own = logits.subarray(p * each, (p + 1) * each);
      const scale = own.reduce((most, logit) => Math.max(most, Math.abs(logit)), 1);
      if (!Number.isFinite(loss) || Math.abs(loss - found[p]!) <= tolerance * scale) return false;
      // Sums in another order: one may overflow where the other just does not.
      return Number.isFinite(found[p]) || !this.#hasHugeState();
    });
    if (wrong >= 0)
      throw new Error(
        `compiled, network ${wrong + 1} has the loss ${found[wrong]} on ${size} examples; operation by operation ${expected[wrong]}`,
      );
    this.#program.checked = true;
  }

  #hasHugeState(): boolean {
    const { tf } = this.#backend;
    return this.#places.some(({ kind }, i) => {
      if (kind !== 'parameter' && kind !== 'source') return false;
      const value = this.#computation.get(i);
      const largest = tf.tidy(() => tf.max(tf.abs(value)).dataSync()[0]!);
      value.dispose();
      return largest > huge;
    });
  }

  #body(scored: boolean): ComputationBody {
    const { network } = this.plan;
    const maths = mathsOf(this.#backend);
    return ([x, labels], state) => {
      const of = (kind: Place['kind']): Map<string, Tensor> =>
        new Map(
          this.#places.flatMap((place, i) => (place.kind === kind ? [[place.name, state[i]!] as const] : [])),
        );
      const parameters = of('parameter');
      const shares = of('shares').get('');
      const [sources, places] = [of('source'), of('places')];
      const known = this.#heads.map((head) => {
        const weight = sources.get(head.weight) ?? parameters.get(head.weight)!;
        const bias = head.bias === undefined ? undefined : parameters.get(head.bias)!;
        const mix = shares && { shares, places: places.get(head.weight) };
        return [head.node, headValue(maths, x!, { weight, bias }, mix)] as const;
      });
      const [input] = network.graph.inputs;
      const batch = maths.tf.reshape(x!, [1, x!.shape[0]!, ...input!.shape]);
      const { output } = forward(maths, network, parameters, batch, { known: new Map(known) });
      const outputs = scored ? scoreSums(maths, this.#backend.native!, output, labels!) : [output];
      return { outputs, state };
    };
  }
}

function placesOf({ network, count, mix, shared }: EvaluationPlan, heads: readonly Head[]): Place[] {
  const mixed = new Set(mix ? heads.map(({ weight }) => weight) : []);
  const own = readParameters(network).flatMap(({ name, shape }): Place[] => {
    if (mixed.has(name) || isCounter(name)) return [];
    return [
      {
        kind: 'parameter',
        name,
        spec: { dtype: types.float32, shape: [shared?.has(name) ? 1 : count, ...shape] },
      },
    ];
  });
  if (!mix) return own;
  const { sources, used, permuted } = mix;
  const ofHeads = heads.flatMap(({ weight, outputs, inputs }): Place[] => [
    { kind: 'source', name: weight, spec: { dtype: types.float32, shape: [sources, outputs, inputs] } },
    ...(permuted
      ? [
          {
            kind: 'places' as const,
            name: weight,
            spec: { dtype: types.int32, shape: [used * outputs] },
          },
        ]
      : []),
  ]);
  const shares: Place = { kind: 'shares', name: '', spec: { dtype: types.float32, shape: [count, used] } };
  return heads.length === 0 ? own : [...own, ...ofHeads, shares];
}
