/** P networks of one architecture over the same examples, compiled or operation by operation. */
import { UserError } from '../../../src-shared/errors.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { EagerComputation, types } from '../backend/index.ts';
import type { Backend, Computation, ComputationBody, Program, Tensor } from '../backend/index.ts';
import { labelsOf, requireFitting, rowsOf } from '../data/index.ts';
import type { Examples } from '../data/index.ts';
import { batchSpecs, edgeSpecs, filledUp, labelSpec, placesOf } from './evaluation-plan.ts';
import type { EvaluationPlan, Place } from './evaluation-plan.ts';
import { compilationOf, valuesPerExample, widestNode } from './execution.ts';
import type { Way } from './execution.ts';
import { headsOf, headValue } from './heads.ts';
import type { Head } from './heads.ts';
import { mathsOf } from './maths.ts';
import { requireObjective, requireScored } from './objective.ts';
import type { Maths } from './maths.ts';
import { hasConvolutions, runningStatisticsOf } from './parameters.ts';
import { forward } from './run.ts';
import { scoreSums } from './score-sums.ts';
import { ScoreSum } from './scores.ts';
import type { Scores } from './scores.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';

/** Bytes that the values of one node may take: larger calls are no faster, and compiled ones stay in the cache. */
const activationBudget = { eager: 64 * 2 ** 20, compiled: 16 * 2 ** 20 };

/** Fewer would do as well; tracing takes longer with every row. */
const mostCompiledRows = 1024;

/** Numbers that the values of one node may be. */
const mostValues = (way: Way): number =>
  (way === 'eager' ? activationBudget.eager : activationBudget.compiled) / 4;

/** Networks per call if `rows` is given. */
export const networksPerCall = (network: Network, rows: number, way: Way): number =>
  Math.max(1, Math.floor(mostValues(way) / widestNode(network) / rows));

/** Examples per call of `count` networks. */
export function rowsPerCall(network: Network, count: number, way: Way): number {
  const rows = Math.max(32, Math.floor(mostValues(way) / widestNode(network) / count));
  // Operation by operation the values of all nodes stay until the end.
  if (way === 'eager' && hasConvolutions(network))
    return Math.max(1, Math.floor((8 * mostValues(way)) / valuesPerExample(network) / count));
  return way === 'eager' ? rows : Math.min(rows, mostCompiledRows);
}

/**
 * How networks are evaluated that go by batches of `rows` examples. A batch cannot be cut into smaller calls: one whose
 * values would not all fit into memory is compiled, so that only the values in use stay.
 * @param wished how they would be evaluated otherwise
 * @throws UserError naming the size of the batches where nothing can be compiled
 */
export function wayOfBatches(backend: Backend, network: Network, rows: number, wished: Way): Way {
  const most = rowsPerCall(network, 1, 'eager');
  if (wished !== 'eager' || !hasConvolutions(network) || rows <= most) return wished;
  const { way, shortfall } = compilationOf(backend, network);
  if (shortfall === undefined) return way;
  throw new UserError(
    `statisticsBatch: the values of ${rows} images inside the network do not fit into memory at once, and ${shortfall}.`,
    {
      hint: `Choose smaller batches for the norm statistics, such as --statistics-batch ${Math.max(2, most)} (other batches give slightly other numbers), or use native TensorFlow.`,
    },
  );
}

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
    requireScored(plan.network);
    this.plan = plan;
    this.#backend = backend;
    this.#heads = headsOf(plan.network);
    this.#places = placesOf(plan, this.#heads);
    if (plan.way === 'eager') {
      this.#computation = new EagerComputation(backend.tf, this.#body('logits'));
      return;
    }
    const [input] = plan.network.graph.inputs;
    const features = sizeOf(input!.shape);
    this.#program = backend.native!.compiler.compile(
      {
        mode: plan.way,
        args: [
          { dtype: types.float32, shape: [plan.rows, features] },
          labelSpec(plan),
          ...(plan.byBatch ? batchSpecs(plan.rows) : []),
          ...edgeSpecs(plan),
        ],
        state: this.#places.map(({ spec }) => spec),
      },
      this.#body('sums'),
      JSON.stringify([
        'evaluation',
        {
          ...{ ...plan, network: plan.network.graph, shared: [...(plan.shared ?? [])] },
          ...(plan.network.objective && { objective: plan.network.objective }),
        },
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
    const sum = new ScoreSum(count, this.plan.network.objective);
    requireObjective(this.plan.network, examples);
    this.#check(examples);
    for (let start = 0; start < examples.count; start += rows) {
      const size = Math.min(rows, examples.count - start);
      const labels = labelsOf(examples, start, start + size);
      if (this.#program) sum.addSums(this.#sums(examples, start, size), labels);
      else sum.add(this.logits(examples, start, size), labels);
      await between(size / examples.count);
    }
    return sum.scores();
  }

  /** Logits [P, size, classes] of the rows from `start` on. Only of a plan that is run operation by operation. */
  logits(examples: Examples, start: number, size: number): Float32Array {
    if (this.#program) throw new Error('a compiled evaluation returns sums, not logits');
    return this.#logits(this.#computation, examples, start, size);
  }

  /**
   * Mean and unbiased variance of what every batch norm reads, over the examples from `start` on: by the names of the
   * running statistics, [P or 1, units] each. Only of a plan by batch that returns statistics.
   */
  batchStatistics(examples: Examples, start: number, size: number): Map<string, Float32Array> {
    if (this.#program && !this.#program.checked) this.#checkStatistics(examples);
    return this.#statistics(this.#computation, examples, start, this.#program ? this.plan.rows : size, size);
  }

  dispose(): void {
    this.#computation.dispose();
  }

  #logits(computation: Computation, examples: Examples, start: number, size: number): Float32Array {
    const { tf } = this.#backend;
    const args = this.#args(examples, start, size, size);
    const [logits] = computation.run(args);
    const values = logits!.dataSync() as Float32Array;
    tf.dispose([...args, logits!]);
    return values;
  }

  #statistics(
    computation: Computation,
    examples: Examples,
    start: number,
    rows: number,
    size: number,
  ): Map<string, Float32Array> {
    const { tf } = this.#backend;
    const args = this.#args(examples, start, size, rows);
    const found = computation.run(args);
    const names = runningStatisticsOf(this.plan.network);
    const values = found.map((each) => each.dataSync() as Float32Array);
    tf.dispose([...args, ...found]);
    return new Map(names.map((name, i) => [name, values[i]!]));
  }

  #sums(examples: Examples, start: number, size: number): Float64Array[] {
    const { rows } = this.plan;
    const { doubles } = this.#backend.native!;
    const args = this.#args(examples, start, size, rows);
    const sums = this.#program!.runDoubles(args);
    const values = sums.map((each) => doubles.read(each));
    doubles.free(...sums);
    this.#backend.tf.dispose(args);
    return values;
  }

  /** Inputs, labels (see `scoreSums` where filled up) and, by batch, what batch norms need to know of it. */
  #args(examples: Examples, start: number, size: number, rows: number): Tensor[] {
    const { tf } = this.#backend;
    const labels = filledUp(this.plan.network, labelsOf(examples, start, start + size), rows);
    const args = [
      this.#rows(examples, start, size, rows),
      tf.tensor(labels.data, labels.shape, labels.data instanceof Float32Array ? 'float32' : 'int32'),
    ];
    if (this.plan.byBatch) {
      const weights = new Float32Array(rows).fill(1 / size, 0, size);
      args.push(tf.tensor1d(weights), tf.scalar(size / (size - 1)));
    }
    const { edges } = examples;
    if (!edges) return args;
    if (size !== examples.count) throw new Error('only a part of the nodes of a graph were to be evaluated');
    return [...args, tf.tensor1d(edges.sources, 'int32'), tf.tensor1d(edges.targets, 'int32')];
  }

  /** [rows, features], filled up with zeros. */
  #rows(examples: Examples, start: number, size: number, rows: number): Tensor {
    const { features } = examples;
    requireFitting(examples, this.plan.network.graph.inputs[0]!.shape);
    const own = rowsOf(examples, start, start + size);
    if (size === rows) return this.#backend.tf.tensor2d(own, [rows, features]);
    const filled = new Float32Array(rows * features);
    filled.set(own);
    return this.#backend.tf.tensor2d(filled, [rows, features]);
  }

  #checkedRows(examples: Examples): number {
    const { network, count, rows, edges } = this.plan;
    if (edges !== undefined) return rows;
    return Math.min(checkedRows, rows, rowsPerCall(network, count, 'eager'), examples.count);
  }

  /** Whether what was compiled computes what the operations compute, one by one. @throws Error if not: a defect */
  #check(examples: Examples): void {
    if (!this.#program || this.#program.checked) return;
    const size = this.#checkedRows(examples);
    const eager = this.#eager();
    const logits = this.#logits(eager, examples, 0, size);
    eager.dispose();
    const scoresOf = (add: (sum: ScoreSum) => void): number[] => {
      const sum = new ScoreSum(this.plan.count, this.plan.network.objective);
      add(sum);
      return sum.scores().loss;
    };
    const expected = scoresOf((sum) => {
      sum.add(logits, labelsOf(examples, 0, size));
    });
    const found = scoresOf((sum) => {
      sum.addSums(this.#sums(examples, 0, size), labelsOf(examples, 0, size));
    });
    const each = logits.length / this.plan.count;
    const isSquared = this.plan.network.objective?.loss === 'mean-squared-error';
    const wrong = expected.findIndex((loss, p) => {
      const largest = largestOf(logits.subarray(p * each, (p + 1) * each));
      // Squares of errors grow with the error and with its scale.
      const scale = isSquared ? Math.max(largest, largestOf(labelsOf(examples, 0, size))) ** 2 : largest;
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

  /** The same with running statistics as the output. @throws Error if not: a defect */
  #checkStatistics(examples: Examples): void {
    const size = this.#checkedRows(examples);
    const eager = this.#eager();
    const expected = this.#statistics(eager, examples, 0, size, size);
    eager.dispose();
    const found = this.#statistics(this.#computation, examples, 0, this.plan.rows, size);
    for (const [name, values] of expected) {
      const own = found.get(name)!;
      const scale = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
      const wrong = values.findIndex(
        (value, i) => Number.isFinite(value) && !(Math.abs(value - own[i]!) <= tolerance * scale),
      );
      if (wrong >= 0 && (Number.isFinite(own[wrong]) || !this.#hasHugeState()))
        throw new Error(
          `compiled, entry ${wrong} of "${name}" is ${own[wrong]} on ${size} examples; operation by operation ${values[wrong]}`,
        );
    }
    this.#program!.checked = true;
  }

  /** The same computation with the same state, operation by operation. */
  #eager(): EagerComputation {
    const eager = new EagerComputation(this.#backend.tf, this.#body('logits'));
    const state = this.#computation.getAll([...this.#places.keys()]);
    eager.setAll([...state.entries()]);
    this.#backend.tf.dispose(state);
    return eager;
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

  #body(wanted: 'logits' | 'sums'): ComputationBody {
    const { network, byBatch, edges } = this.plan;
    const maths = mathsOf(this.#backend);
    return ([x, labels, ...further], state) => {
      const [rowWeights, unbiased] = byBatch ? further : [];
      const [edgeSources, targets] = edges === undefined ? [] : further.slice(-2);
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
      const seen = new Map<string, Tensor[]>();
      const { output } = forward(maths, network, parameters, batch, {
        known: new Map(known),
        edges: edgeSources && targets && { sources: edgeSources, targets },
        ...(byBatch && {
          training: {
            ...{ rowWeights: rowWeights!, unbiased: unbiased!, momentum: 1 },
            // The graph of a measurement drops nothing.
            mask: () => undefined,
            track: (name: string, value: Tensor) => void seen.set(name, [...(seen.get(name) ?? []), value]),
          },
        }),
      });
      if (byBatch === 'statistics')
        return { outputs: runningStatisticsOf(network).map((name) => meanOf(maths, seen.get(name)!)), state };
      if (wanted === 'logits') return { outputs: [output], state };
      const { objective } = network;
      const scored = { logits: output, labels: labels!, objective };
      return { outputs: scoreSums(maths, this.#backend.native!, scored), state };
    };
  }
}

/** At least 1. */
const largestOf = (values: Float32Array | Int32Array): number => {
  let most = 1;
  for (const value of values) most = Math.max(most, Math.abs(value));
  return most;
};

/** A norm that is read in several places sees each of them. */
const meanOf = ({ tf, number }: Maths, values: readonly Tensor[]): Tensor =>
  values.length === 1
    ? values[0]!
    : tf.div(
        values.reduce((sum, value) => tf.add(sum, value)),
        number(values.length),
      );
