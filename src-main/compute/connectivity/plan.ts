/** Which points the curves of a job are made of, and the networks that the points are made of. */
import type { Network } from '../../../src-shared/networks/network.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import type { PairAlignment } from '../alignment/align-pairs.ts';
import type { LoadedModel } from '../load-models.ts';
import { headsOf } from '../networks/heads.ts';
import { permuteArrays } from '../networks/permute.ts';
import type { GroupPermutations } from '../networks/permute.ts';
import type { PairIndices } from '../pairs.ts';
import type { End } from './endpoints.ts';
import type { Point, Vertex } from './points.ts';

export interface Segments {
  network: Network;
  models: readonly LoadedModel[];
  pairs: readonly PairIndices[];
  /** Intervals. */
  steps: number;
  /** The mean of all models as a last point. */
  midpoint: boolean;
  /** Of the second model of every pair. */
  alignments: readonly PairAlignment[] | undefined;
}

/** steps + 1 evenly spaced factors from 0 to 1, both included exactly. */
export function lambdasOf(steps: number): number[] {
  return Array.from({ length: steps + 1 }, (_, i) => i / steps);
}

/** Each model once, then the interior of every pair's segment, then the midpoint. */
export function pointsOf({ models, pairs, steps, midpoint, alignments }: Segments): Point[] {
  const alone = models.map((_, vertex): Point => [{ vertex, weight: 1 }]);
  const interior = lambdasOf(steps).slice(1, -1);
  // Of a pair that is aligned by more than permutations the first model is in other coordinates, too: behind all others.
  const firstOf = (pair: number, a: number): number =>
    alignments?.[pair]?.rotated ? models.length + pairs.length + pair : a;
  const between = pairs.flatMap(([a, b], pair) =>
    interior.map((lambda): Point => [
      { vertex: firstOf(pair, a), weight: 1 - lambda },
      // The permuted second model of pair p is vertex models + p.
      { vertex: alignments ? models.length + pair : b, weight: lambda },
    ]),
  );
  const mean: Point = models.map((_, vertex) => ({ vertex, weight: 1 / models.length }));
  return [...alone, ...between, ...(midpoint ? [mean] : [])];
}

/** Places among `pointsOf` of a pair's curve, from its first model to its second. */
export function placesOf({ models, pairs, steps }: Segments, pair: number): number[] {
  const [a, b] = pairs[pair]!;
  const first = models.length + pair * (steps - 1);
  return [a, ...Array.from({ length: steps - 1 }, (_, i) => first + i), b];
}

/** The models, then the aligned second model of every pair, then the first one of each if that changes, too. */
export function verticesOf({ network, models, pairs, alignments }: Segments): Vertex[] {
  const own = models.map(({ acting }): Vertex => ({ arrays: acting }));
  const aligned = (alignments ?? []).map(({ permutations, rotated }, p): Vertex => {
    const vertex = pairs[p]![1];
    if (rotated) return { arrays: rotated.second };
    return permutedVertex(network, { vertex, arrays: models[vertex]!.acting, permutations });
  });
  const first = (alignments ?? []).flatMap(({ rotated }) => (rotated ? [{ arrays: rotated.first }] : []));
  return [...own, ...aligned, ...first];
}

/** A vertex with its units in another order. */
export function permutedVertex(
  network: Network,
  {
    vertex,
    arrays,
    permutations,
  }: Pick<Vertex, 'arrays'> & { vertex: number; permutations: GroupPermutations },
): Vertex {
  const { groups } = symmetriesOf(network);
  const heads = headsOf(network).map(({ weight, outputs }) => {
    const places = { shape: [outputs, 1], data: Float64Array.from({ length: outputs }, (_, k) => k) };
    const moved = permuteArrays(new Map([[weight, places]]), groups, permutations);
    return [weight, Int32Array.from(moved.get(weight)!.data)] as const;
  });
  return {
    arrays: permuteArrays(arrays, groups, permutations),
    permutedFrom: { vertex, heads: new Map(heads) },
  };
}

/** Where curves begin and end. */
export function endsOf({ models, pairs, alignments }: Segments): End[] {
  const own = models.map(({ acting, name }, vertex) => ({ vertex, arrays: acting, name }));
  const second = (alignments ?? []).map(({ rotated }, p) => {
    const { acting, name } = models[pairs[p]![1]]!;
    return {
      vertex: models.length + p,
      arrays: acting,
      name: `${name}, ${rotated ? 'aligned' : 'permuted'}`,
    };
  });
  const first = (alignments ?? []).flatMap(({ rotated }, p) => {
    if (!rotated) return [];
    const { acting, name } = models[pairs[p]![0]]!;
    return [
      { vertex: models.length + pairs.length + p, arrays: acting, name: `${name}, in other coordinates` },
    ];
  });
  return [...own, ...second, ...first];
}
