/**
 * Realization costs in the Mahalanobis form (neuron-identifiability, measure_realization_cost.py:47): a_j = U^T w_j,
 * v_i = U^T F_i, and M[i, j] = (a_j - v_i)^T S_i^+ (a_j - v_i) is the squared length of the smallest free part with
 * which slot i computes the function of neuron j on the subspace (of the part within reach where S_i is singular).
 * Biases are free and norms are not folded in. `plain-costs.ts` says the same in the fewest lines; this does it fast.
 */
import {
  multiply,
  multiplyTransposedRight,
  pairDistances,
  productOn,
  squaredDistances,
} from '../linalg/multiply.ts';
import { inLanes } from '../threads/lanes.ts';
import { inThread, threadCount } from '../threads/pool.ts';
import { GramMatrices, gramCutoff, inverseFactor } from './gram-matrices.ts';
import type { Doubles } from '../backend/doubles.ts';
import type { LayerWeights } from './layer-weights.ts';
import { slotCosts, slotCostsTask, systemsOf } from './slot-costs.ts';
import type { LayerSystems } from './slot-costs.ts';
import { fixedPlaces, keepRegular } from './slots.ts';
import type { Slots } from './slots.ts';
import type { Subspace } from './subspace.ts';

type Basis = Pick<Subspace, 'basis' | 'full' | 'dimension'>;

export interface RealizationCosts {
  neurons: number;
  /** M, [neurons, neurons]: slot i realises neuron j. */
  costs: Float64Array;
  /** a_j, [neurons, k]. */
  projected: Float64Array;
  /** v_i, [neurons, k]; zero where nothing is fixed. */
  centers: Float64Array;
  minRank: number;
  cutoff: number;
}

/**
 * @param options between: called between neurons with a share of the work each; throw there to stop. doubles: float64
 * kernels for products and solves; without them the same is done here.
 */
export async function realizationCosts(
  layer: LayerWeights,
  space: Basis,
  options: { between?: (share: number) => Promise<void>; doubles?: Doubles | undefined } = {},
): Promise<RealizationCosts> {
  const { outputs: neurons, weight, fixed, mask } = layer;
  const { basis, full, dimension: k } = space;
  const times = options.doubles ? productOn(options.doubles) : multiply;
  const projected = times(weight, basis, neurons, full, k);
  const centers = fixed ? times(fixed, basis, neurons, full, k) : new Float64Array(neurons * k);
  const common = { neurons, projected, centers, cutoff: gramCutoff(full) };
  if (!mask) return { ...common, costs: squaredDistances(centers, projected, k), minRank: k };
  const between = options.between ?? (() => Promise.resolve());
  const costs = new Float64Array(neurons * neurons);
  const slots = { space, mask, projected, centers, neurons };
  const left = await solveRegular(systemsOf(slots, fixedPlaces(mask, neurons), times), costs, between);
  const minRank = await solveSingular(slots, left, costs, between, options.doubles);
  return { ...common, costs, minRank };
}

/** Multiplications below which handing work to a thread takes longer than doing it. */
const smallWork = 2 ** 22;
/** Slots that a thread solves for between two looks at whether to stop. */
const slotsAtOnce = 32;

/** All slots whose matrix is regular, here and in threads. Returns those left over, see `keepRegular`. */
async function solveRegular(
  systems: LayerSystems,
  costs: Float64Array,
  between: (share: number) => Promise<void>,
): Promise<number[]> {
  const { neurons, most } = systems;
  const helpers = neurons ** 2 * most ** 2 < smallWork ? 0 : threadCount();
  const left: number[] = [];
  await inLanes({ count: Math.ceil(neurons / slotsAtOnce), helpers }, async (piece, here) => {
    const from = piece * slotsAtOnce;
    const to = Math.min(neurons, from + slotsAtOnce);
    const solved = here ? slotCosts(systems, from, to) : await inThread(slotCostsTask, [systems, from, to]);
    const singular = keepRegular(solved, from, costs, neurons);
    left.push(...singular);
    await between((to - from - singular.length) / neurons);
  });
  return left.sort((a, b) => a - b);
}

/** The slots left over, one by one, by the pseudo-inverse. Returns the least rank. */
async function solveSingular(
  { space, mask, projected, centers, neurons }: Slots,
  left: readonly number[],
  costs: Float64Array,
  between: (share: number) => Promise<void>,
  doubles: Doubles | undefined,
): Promise<number> {
  const k = space.dimension;
  const grams = new GramMatrices(space, mask);
  let minRank = k;
  for (const i of left) {
    const { factor, rank } = inverseFactor(grams.of(i), k, gramCutoff(space.full), doubles);
    const apart = projected.map((value, at) => value - centers[i * k + (at % k)]!);
    const inner = multiplyTransposedRight(apart, factor, neurons, k, rank);
    for (let j = 0; j < neurons; j++) {
      let sum = 0;
      for (let r = j * rank; r < (j + 1) * rank; r++) sum += inner[r]! ** 2;
      costs[i * neurons + j] = sum;
    }
    minRank = Math.min(minRank, rank);
    await between(1 / neurons);
  }
  return minRank;
}

/** |v_i - v_j|, [n, n]. */
export const centerDistances = (centers: Float64Array, n: number): Float64Array =>
  pairDistances(centers, centers.length / n).map(Math.sqrt);
