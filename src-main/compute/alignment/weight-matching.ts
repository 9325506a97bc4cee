/**
 * Weight matching by coordinate ascent: S. Ainsworth, J. Hayase, S. Srinivasa, "Git Re-Basin", ICLR 2023, algorithm 1;
 * with the visiting order, stop rule and choice rule of neuron-identifiability, src/utils/rebasin/weight_matching.py:9.
 * All in float64 on the host, reading nothing but the permutation spec.
 */
import { UserError } from '../../../src-shared/errors.ts';
import type { EffectiveNetwork } from '../models/network.ts';
import { RandomStream } from '../random.ts';
import { bestPermutation } from './objective.ts';
import { namedArrays } from './parameters.ts';
import type { NamedArray } from './parameters.ts';
import { identityPermutation } from './permutation.ts';
import type { LayerPermutations, Permutation } from './permutation.ts';
import { permutationSpec, permuteArray } from './spec.ts';
import type { PermutationSpec } from './spec.ts';
import { ProductCache } from './weight-products.ts';
import type { Pair } from './weight-products.ts';

export interface WeightMatchingOptions {
  /** Independent ascents from the identity; they differ in visiting order only. */
  restarts: number;
  /** Decides the visiting orders. */
  seed: number;
  /** Each sweep visits the layers in this order, in every restart; absent: a new random order each sweep. */
  order?: readonly number[];
  /** Sweeps after which an ascent is given up. The ascent is monotonic, so this is seldom reached. */
  maxSweeps?: number;
  /** Called between layer visits; may throw to stop. */
  onVisit?: () => Promise<void>;
  /** Called after each restart, for progress. */
  onRestart?: () => void;
}

export interface WeightMatching {
  permutations: Permutation[];
  /** Sum over arrays of the Euclidean norm (not squared) of a - permuted b: what the restarts compete in. */
  sumOfNorms: number;
  sumOfNormsIdentity: number;
  /** Per array: the norm of a - permuted b. */
  norms: Record<string, number>;
  normsIdentity: Record<string, number>;
  /** Of every restart, in order. */
  restarts: { sumOfNorms: number; sweeps: number; converged: boolean }[];
}

const defaultMaxSweeps = 100;
const progressTolerance = 1e-12;

/**
 * Permutations for model b that bring its weights closest to model a's, as far as coordinate ascent finds them.
 * Running statistics and initial variances are permuted with their neurons but take no part in the choice.
 */
export async function matchWeights(
  a: EffectiveNetwork,
  b: EffectiveNetwork,
  options: WeightMatchingOptions,
): Promise<WeightMatching> {
  const spec = permutationSpec(a);
  if (options.order) checkOrder(options.order, spec.permutations.length);
  const pairs = pairArrays(a, b, spec);
  const products = new ProductCache(pairs, spec);
  const start = spec.permutations.map(({ size }) => identityPermutation(size));
  const stream = new RandomStream(options.seed, 'visiting-order');
  let best = { permutations: start, sumOfNorms: Infinity };
  const restarts: WeightMatching['restarts'] = [];
  for (let restart = 0; restart < options.restarts; restart++) {
    products.reset();
    const ascent = await ascend(pairs, products, start, stream, options);
    const sumOfNorms = total(arrayNorms(pairs, ascent.permutations));
    restarts.push({ sumOfNorms, sweeps: ascent.sweeps, converged: ascent.converged });
    options.onRestart?.();
    if (sumOfNorms < best.sumOfNorms) best = { permutations: ascent.permutations, sumOfNorms };
  }
  const norms = arrayNorms(pairs, best.permutations);
  const normsIdentity = arrayNorms(pairs, start);
  return {
    permutations: best.permutations,
    sumOfNorms: total(norms),
    sumOfNormsIdentity: total(normsIdentity),
    norms,
    normsIdentity,
    restarts,
  };
}

function checkOrder(order: readonly number[], layers: number): void {
  const sorted = [...order].sort((x, y) => x - y);
  if (sorted.length === layers && sorted.every((value, i) => value === i)) return;
  throw new UserError(
    `order: [${order.join(', ')}] does not visit each of the ${layers} hidden layers once`,
    {
      hint: `Give the numbers 0 to ${layers - 1} in any order, or leave it out for random orders.`,
    },
  );
}

async function ascend(
  pairs: Pair[],
  products: ProductCache,
  start: LayerPermutations,
  stream: RandomStream,
  options: WeightMatchingOptions,
): Promise<{ permutations: Permutation[]; sweeps: number; converged: boolean }> {
  const perms = start.map((perm) => perm.slice());
  const maxSweeps = options.maxSweeps ?? defaultMaxSweeps;
  const settled = perms.map(() => false);
  for (let sweep = 1; sweep <= maxSweeps; sweep++) {
    let progress = false;
    for (const p of options.order ?? stream.permutation(perms.length)) {
      // Nothing it depends on has changed since its last visit: the same answer would come out again.
      if (settled[p]) continue;
      await options.onVisit?.();
      settled[p] = true;
      if (!visit(pairs, products, perms, p)) continue;
      progress = true;
      for (const neighbour of products.neighbours(p)) settled[neighbour] = false;
    }
    if (!progress) return { permutations: perms, sweeps: sweep, converged: true };
  }
  return { permutations: perms, sweeps: maxSweeps, converged: false };
}

/** Replaces perms[p] by the best one given the others. @returns whether the sum of products grew. */
function visit(pairs: Pair[], products: ProductCache, perms: Permutation[], p: number): boolean {
  if (products.isQuadratic(p)) return visitQuadratic(pairs, products, perms, p);
  const previous = perms[p]!;
  const similarity = products.similarity(p, perms);
  const next = bestPermutation(similarity, previous.length, products.potentials(p));
  const before = trace(similarity, previous);
  if (!isGain(before, trace(similarity, next))) return false;
  perms[p] = next;
  return true;
}

/**
 * Both axes of the gate C move with one permutation, so the objective is quadratic in it and no assignment problem. Two
 * assignments are tried, one by the weights alone and one with C's part linearised about the present permutation; the
 * better one is taken, if the true objective grows.
 */
function visitQuadratic(pairs: Pair[], products: ProductCache, perms: Permutation[], p: number): boolean {
  const own = pairs.filter(({ axes }) => axes.includes(p));
  const previous = perms[p]!;
  const before = innerProduct(own, perms);
  const candidates = [false, true].map((withGate) =>
    bestPermutation(products.similarity(p, perms, withGate), previous.length),
  );
  const values = candidates.map((candidate) => innerProduct(own, perms.with(p, candidate)));
  const better = values[1]! > values[0]! ? 1 : 0;
  if (!isGain(before, values[better]!)) return false;
  perms[p] = candidates[better]!;
  return true;
}

/** Sums of many products in float64: differences below their own rounding are none. */
const isGain = (before: number, after: number): boolean =>
  after - before > progressTolerance * Math.max(1, Math.abs(before));

function trace(similarity: Float64Array, perm: Permutation): number {
  let sum = 0;
  for (let i = 0; i < perm.length; i++) sum += similarity[i * perm.length + perm[i]!]!;
  return sum;
}

function pairArrays(a: EffectiveNetwork, b: EffectiveNetwork, spec: PermutationSpec): Pair[] {
  const others = new Map(namedArrays(b).map((array) => [array.name, array]));
  return namedArrays(a)
    .filter(({ role }) => role !== 'statistic')
    .map(({ name, shape, data }: NamedArray) => {
      const axes = spec.axes.get(name)!;
      return {
        name,
        rows: shape[0]!,
        columns: shape[1] ?? 1,
        a: Float64Array.from(data),
        b: Float64Array.from(others.get(name)!.data),
        axes: [axes[0] ?? null, axes[1] ?? null],
      };
    });
}

function permuted(pair: Pair, perms: LayerPermutations): Float64Array {
  return permuteArray(
    pair.b,
    [pair.rows, pair.columns],
    pair.axes.map((p) => (p === null ? null : perms[p]!)),
  );
}

function arrayNorms(pairs: Pair[], perms: LayerPermutations): Record<string, number> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const b = permuted(pair, perms);
      let sum = 0;
      for (let k = 0; k < b.length; k++) sum += (pair.a[k]! - b[k]!) ** 2;
      return [pair.name, Math.sqrt(sum)];
    }),
  );
}

function innerProduct(pairs: Pair[], perms: LayerPermutations): number {
  let sum = 0;
  for (const pair of pairs) {
    const b = permuted(pair, perms);
    for (let k = 0; k < b.length; k++) sum += pair.a[k]! * b[k]!;
  }
  return sum;
}

const total = (norms: Record<string, number>): number =>
  Object.values(norms).reduce((sum, norm) => sum + norm, 0);
