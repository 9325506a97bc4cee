/** Which points the curves of a job are made of, and the networks that the points are made of. */
import type { PairAlignment } from '../alignment/align-pairs.ts';
import { permuteNetwork } from '../alignment/spec.ts';
import type { LoadedModel } from '../checkpoints.ts';
import type { PairIndices } from '../pairs.ts';
import type { End } from './endpoints.ts';
import type { Point, Vertex } from './points.ts';

export interface Segments {
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
  const between = pairs.flatMap(([a, b], pair) =>
    interior.map((lambda): Point => [
      { vertex: a, weight: 1 - lambda },
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

/** The models, then the permuted second model of every pair. */
export function verticesOf({ models, pairs, alignments }: Segments): Vertex[] {
  const own = models.map(({ network }): Vertex => ({ network }));
  const permuted = (alignments ?? []).map(({ permutations }, p): Vertex => {
    const vertex = pairs[p]![1];
    const layers = [...permutations.values()];
    const network = permuteNetwork(models[vertex]!.network, layers);
    const first = layers[0];
    return first ? { network, permutedFrom: { vertex, first } } : { network };
  });
  return [...own, ...permuted];
}

/** Where curves begin and end. */
export function endsOf({ models, pairs, alignments }: Segments): End[] {
  const own = models.map(({ network, name }, vertex) => ({ vertex, network, name }));
  const permuted = (alignments ?? []).map((_, p) => {
    const { network, name } = models[pairs[p]![1]]!;
    return { vertex: models.length + p, network, name: `${name}, permuted` };
  });
  return [...own, ...permuted];
}
