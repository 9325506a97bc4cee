/** Two neurons taken out of their layers: their weights, and what exchanging them costs. */
import type { InspectedNeurons } from '../../../src-shared/jobs/inspect-neurons.ts';
import { matrix } from '../../../src-shared/matrix.ts';
import type { Split } from '../../../src-shared/domain.ts';
import { swapCosts } from '../../../src-shared/swap-costs.ts';
import { multiplyTransposedRight } from '../linalg/multiply.ts';
import type { LayerWeights } from './layer-weights.ts';
import { centerDistances, realizationCosts } from './realization.ts';
import type { Subspace } from './subspace.ts';

/** A layer of two neurons: row `neurons[0]` of the first layer and row `neurons[1]` of the second. */
export function pairOf(
  layers: readonly [LayerWeights, LayerWeights],
  neurons: readonly number[],
): LayerWeights {
  const { inputs, sigmaF } = layers[0];
  const both = (
    pick: (layer: LayerWeights) => Float64Array | Float32Array | undefined,
    absent: number,
  ): Float64Array | undefined => {
    if (!layers.some((layer) => pick(layer))) return undefined;
    const out = new Float64Array(2 * inputs).fill(absent);
    layers.forEach((layer, i) => {
      const row = pick(layer)?.subarray(neurons[i]! * inputs, (neurons[i]! + 1) * inputs);
      if (row) out.set(row, i * inputs);
    });
    return out;
  };
  const weight = both((layer) => layer.weight, 0)!;
  const fixed = both((layer) => layer.fixed, 0);
  const mask = both((layer) => layer.mask, 1);
  return {
    ...{ outputs: 2, inputs, weight, sigmaF },
    ...(fixed && { fixed }),
    ...(mask && { mask: Float32Array.from(mask) }),
  };
}

/** What the two neurons of a layer of two cost each other: the four entries of M, and what follows from them. */
export async function costsOfPair(
  pair: LayerWeights,
  space: Subspace,
  split: Split,
): Promise<NonNullable<InspectedNeurons['costs']>> {
  const { costs, projected, centers, minRank } = await realizationCosts(pair, space);
  const { dimension: k, full, basis } = space;
  const entry = (i: number, j: number): number => costs[2 * i + j]!;
  const lengths = (rows: Float64Array): [number, number] => [
    Math.hypot(...rows.subarray(0, k)),
    Math.hypot(...rows.subarray(k)),
  ];
  const inInputs = (rows: Float64Array) => matrix(2, full, multiplyTransposedRight(rows, basis, 2, k, full));
  return {
    own_first: entry(0, 0),
    own_second: entry(1, 1),
    first_realises_second: entry(0, 1),
    second_realises_first: entry(1, 0),
    swap: swapCosts(costs, 2)[1]!,
    projected_norms: lengths(projected),
    center_norms: lengths(centers),
    center_distance: centerDistances(centers, 2)[1]!,
    projections: inInputs(projected),
    centers: pair.fixed ? inInputs(centers) : null,
    subspace_dimension: k,
    full_dimension: full,
    explained_variance_ratio: space.explained,
    min_gram_rank: minRank,
    split,
  };
}
