/**
 * Weight matching by coordinate ascent: S. Ainsworth, J. Hayase, S. Srinivasa, "Git Re-Basin", ICLR 2023, algorithm 1;
 * with the visiting order, stop rule and choice rule of neuron-identifiability, src/utils/rebasin/weight_matching.py:9.
 * All in float64, for any network: which group moves which axis of which parameter is read off its graph.
 */
import { UserError } from '../../../src-shared/errors.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import type { PermutationGroup } from '../../../src-shared/networks/symmetries.ts';
import type { Doubles } from '../backend/doubles.ts';
import { orderOf, reorder } from '../networks/permute.ts';
import type { ArrayData, GroupPermutations, NamedArrays } from '../networks/permute.ts';
import { RandomStream } from '../random.ts';
import { bestPermutation } from './objective.ts';
import { weightsOf } from '../networks/parameters.ts';
import { BlockAscent } from './block-matching.ts';
import { hasBlocks } from './unit-trees.ts';
import { identityPermutation, isIdentity } from './permutation.ts';
import type { Permutation } from './permutation.ts';
import { ProductCache } from './weight-products.ts';
import type { MatchedArray } from './weight-products.ts';

export interface WeightMatchingOptions {
  /** Independent ascents from the identity; they differ in visiting order only. */
  restarts: number;
  /** Decides the visiting orders. */
  seed: number;
  /**
   * Each sweep visits the groups in this order, in every restart: these are then one and the same ascent, made once.
   * Absent: a new random order each sweep.
   */
  order?: readonly number[];
  /** Float64 kernels for the products of large layers; they round otherwise than the host does. */
  doubles?: Doubles | undefined;
  /** Sweeps after which an ascent is given up. The ascent is monotonic, so this is seldom reached. */
  maxSweeps?: number;
  /** Called between visits; may throw to stop. */
  onVisit?: () => Promise<void>;
  /** Called after each restart, for progress. */
  onRestart?: () => void;
}

export interface WeightMatching {
  permutations: GroupPermutations;
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
 * Statistics of norms are permuted with their units but take no part in the choice.
 * @param a parameters as they act, by name; those of `b` have the same names and shapes
 */
export async function matchWeights(
  network: Network,
  a: NamedArrays,
  b: NamedArrays,
  options: WeightMatchingOptions,
): Promise<WeightMatching> {
  const { groups } = symmetriesOf(network);
  if (options.order) checkOrder(options.order, groups);
  const arrays = matchedArrays(network, a, b);
  const begin = hasBlocks(groups) ? overBlocks(groups, arrays) : overUnits(groups, arrays, options.doubles);
  const start = groups.map(({ size }) => identityPermutation(size));
  const stream = new RandomStream(options.seed, 'visiting-order');
  const normsIdentity = arrayNorms(arrays, start);
  let best = { permutations: start, norms: normsIdentity, sumOfNorms: Infinity };
  const restarts: WeightMatching['restarts'] = [];
  for (let restart = 0; restart < options.restarts; restart++) {
    const [before] = restarts;
    if (options.order && before) {
      restarts.push(before);
      options.onRestart?.();
      continue;
    }
    const { permutations, sweeps, converged } = await ascend(begin(), groups.length, stream, options);
    const norms = arrayNorms(arrays, permutations);
    const sumOfNorms = total(norms);
    restarts.push({ sumOfNorms, sweeps, converged });
    options.onRestart?.();
    if (sumOfNorms < best.sumOfNorms) best = { permutations, norms, sumOfNorms };
  }
  return {
    permutations: new Map(groups.map(({ name }, group) => [name, best.permutations[group]!])),
    sumOfNorms: total(best.norms),
    sumOfNormsIdentity: total(normsIdentity),
    norms: best.norms,
    normsIdentity,
    restarts,
  };
}

function checkOrder(order: readonly number[], groups: readonly PermutationGroup[]): void {
  const sorted = [...order].sort((x, y) => x - y);
  if (sorted.length === groups.length && sorted.every((value, i) => value === i)) return;
  const names = groups.map(({ name }) => name).join(', ');
  throw new UserError(
    `order: [${order.join(', ')}] does not contain each of the ${groups.length} groups (${names}) once`,
    {
      hint: `Give the numbers 0 to ${groups.length - 1} in any order, or omit it for random orders.`,
    },
  );
}

/** One ascent from the identity. */
interface Ascent {
  readonly permutations: () => Permutation[];
  /** @returns whether the sum of products grew */
  visit(group: number): boolean;
  /** The groups whose best permutation depends on this one. */
  neighbours(group: number): Iterable<number>;
}

/** @returns begins an ascent */
function overUnits(
  groups: readonly PermutationGroup[],
  arrays: readonly MatchedArray[],
  doubles: Doubles | undefined,
): () => Ascent {
  const products = new ProductCache(
    arrays,
    groups.map(({ size }) => size),
    doubles,
  );
  return () => {
    products.reset();
    const perms = groups.map(({ size }) => identityPermutation(size));
    return {
      permutations: () => perms,
      visit: (group) => visit(arrays, products, perms, group),
      neighbours: (group) => products.neighbours(group),
    };
  };
}

/** The same if units may be blocks. */
function overBlocks(groups: readonly PermutationGroup[], arrays: readonly MatchedArray[]): () => Ascent {
  const side = (of: 'a' | 'b'): NamedArrays =>
    new Map(arrays.map(({ name, shape, [of]: data }) => [name, { shape, data }]));
  const ascent = new BlockAscent(groups, side('a'), side('b'));
  return () => {
    ascent.reset();
    return {
      permutations: () => [...ascent.permutations],
      visit: (group) => ascent.visit(group, isGain),
      neighbours: () => groups.keys(),
    };
  };
}

async function ascend(
  ascent: Ascent,
  count: number,
  stream: RandomStream,
  options: WeightMatchingOptions,
): Promise<{ permutations: Permutation[]; sweeps: number; converged: boolean }> {
  const maxSweeps = options.maxSweeps ?? defaultMaxSweeps;
  const settled = new Array<boolean>(count).fill(false);
  for (let sweep = 1; sweep <= maxSweeps; sweep++) {
    let progress = false;
    for (const p of options.order ?? stream.permutation(count)) {
      // Nothing it depends on has changed since its last visit: it would come out the same again.
      if (settled[p]) continue;
      await options.onVisit?.();
      settled[p] = true;
      if (!ascent.visit(p)) continue;
      progress = true;
      for (const neighbour of ascent.neighbours(p)) settled[neighbour] = false;
    }
    if (!progress) return { permutations: ascent.permutations(), sweeps: sweep, converged: true };
  }
  return { permutations: ascent.permutations(), sweeps: maxSweeps, converged: false };
}

/** Replaces perms[p] by the best one given the others. @returns whether the sum of products grew. */
function visit(
  arrays: readonly MatchedArray[],
  products: ProductCache,
  perms: Permutation[],
  p: number,
): boolean {
  if (products.isQuadratic(p)) return visitQuadratic(arrays, products, perms, p);
  const previous = perms[p]!;
  const similarity = products.similarity(p, perms);
  const next = bestPermutation(similarity, previous.length, products.potentials(p));
  const before = trace(similarity, previous);
  if (!isGain(before, trace(similarity, next))) return false;
  perms[p] = next;
  return true;
}

/**
 * Where two axes of an array move with one permutation (the gate C, square weights on a residual stream), the objective
 * is quadratic in it and no assignment problem. Two assignments are tried, one without these arrays and one with their
 * part linearised about the present permutation; the better one is taken, if the true objective grows.
 */
function visitQuadratic(
  arrays: readonly MatchedArray[],
  products: ProductCache,
  perms: Permutation[],
  p: number,
): boolean {
  const own = arrays.filter(({ axes }) => axes.some(({ group }) => group === p));
  const previous = perms[p]!;
  const before = innerProduct(own, perms);
  const candidates = [false, true].map((withQuadratic) =>
    bestPermutation(products.similarity(p, perms, withQuadratic), previous.length),
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

function matchedArrays(network: Network, a: NamedArrays, b: NamedArrays): MatchedArray[] {
  const { groups } = symmetriesOf(network);
  return weightsOf(network).map(({ name, shape }) => {
    const [mine, other] = [a.get(name), b.get(name)];
    if (!mine || !other) throw new Error(`a model lacks the parameter "${name}"`);
    const axes = groups.flatMap((group, place) =>
      group.axes.filter(({ parameter }) => parameter === name).map((axis) => ({ ...axis, group: place })),
    );
    return {
      ...{ name, shape, a: mine.data, b: other.data },
      axes: axes.sort((x, y) => x.axis - y.axis),
    };
  });
}

/** Of b, its units in this order. */
function permuted({ shape, b, axes }: MatchedArray, perms: readonly Permutation[]): ArrayData {
  return axes.reduce((data, moved) => {
    const order = perms[moved.group]!;
    if (isIdentity(order)) return data;
    return reorder({ shape, data }, moved.axis, orderOf(moved, order, shape[moved.axis]!), moved.within);
  }, b);
}

function arrayNorms(arrays: readonly MatchedArray[], perms: readonly Permutation[]): Record<string, number> {
  return Object.fromEntries(
    arrays.map((array) => {
      const b = permuted(array, perms);
      let sum = 0;
      for (let k = 0; k < b.length; k++) sum += (array.a[k]! - b[k]!) ** 2;
      return [array.name, Math.sqrt(sum)];
    }),
  );
}

function innerProduct(arrays: readonly MatchedArray[], perms: readonly Permutation[]): number {
  let sum = 0;
  for (const array of arrays) {
    const b = permuted(array, perms);
    for (let k = 0; k < b.length; k++) sum += array.a[k]! * b[k]!;
  }
  return sum;
}

const total = (norms: Record<string, number>): number =>
  Object.values(norms).reduce((sum, norm) => sum + norm, 0);
