/**
 * Anisotropies: spectral norms of S_i - p I, with S_i = U^T Diag(mask_i) U (neuron-identifiability,
 * subspace_coherence.py:45). With A the rows of U at the free entries, or at the fixed ones if they are fewer, S_i is A^T A,
 * or I - A^T A; besides zero, A^T A has the eigenvalues of A A^T, a part of U U^T that is only looked up. If all neurons
 * have fewer such entries than the subspace has dimensions, that is the smaller problem.
 */
import type { Doubles } from '../backend/doubles.ts';
import { multiply, productOn, transpose } from '../linalg/multiply.ts';
import { symmetricEigenvalues } from '../linalg/symmetric-eigen.ts';
import { GramMatrices } from './gram-matrices.ts';
import { fixedPlaces } from './slots.ts';
import type { Subspace } from './subspace.ts';

type Basis = Pick<Subspace, 'basis' | 'full' | 'dimension'>;

/** Numbers of the matrices whose eigenvalues are found at a time: 4 MiB. */
const mostEntries = 2 ** 19;

/** The anisotropies of one layer's neurons, some at a time. */
export interface Anisotropies {
  /** How many neurons to ask for at a time. */
  readonly atOnce: number;
  /** Of the neurons `from` to `to`. */
  of(from: number, to: number): number[];
}

/**
 * @param mask [neurons, d], 1 where an entry is free
 * @param p the mean of the mask
 */
export function anisotropiesOf(space: Basis, mask: Float32Array, p: number, doubles?: Doubles): Anisotropies {
  const fewer = fewerEntries(mask, space.full);
  const most = Math.max(1, ...fewer.map(({ places }) => places.length));
  if (most >= space.dimension) return byGram(new GramMatrices(space, mask), p, doubles);
  return byFewer(space, fewer, { most, p }, doubles);
}

const neuronsAtOnce = (size: number): number => Math.max(1, Math.floor(mostEntries / size ** 2));

function byGram(grams: GramMatrices, p: number, doubles: Doubles | undefined): Anisotropies {
  const k = grams.dimension;
  return {
    atOnce: neuronsAtOnce(k),
    of(from, to) {
      const many = new Float64Array((to - from) * k * k);
      for (let i = from; i < to; i++) many.set(grams.of(i), (i - from) * k * k);
      const values = symmetricEigenvalues(many, k, doubles);
      return Array.from({ length: to - from }, (_, i) =>
        Math.max(Math.abs(values[i * k]! - p), Math.abs(values[(i + 1) * k - 1]! - p)),
      );
    },
  };
}

interface FewerEntries {
  /** Whether they are the free entries. */
  free: boolean;
  places: Int32Array;
}

function fewerEntries(mask: Float32Array, full: number): FewerEntries[] {
  const neurons = mask.length / full;
  const fixed = fixedPlaces(mask, neurons);
  const free = fixedPlaces(
    mask.map((entry) => (entry === 0 ? 1 : 0)),
    neurons,
  );
  return free.map((places, i) =>
    places.length <= fixed[i]!.length ? { free: true, places } : { free: false, places: fixed[i]! },
  );
}

function byFewer(
  { basis, full, dimension: k }: Basis,
  fewer: readonly FewerEntries[],
  { most, p }: { most: number; p: number },
  doubles: Doubles | undefined,
): Anisotropies {
  const times = doubles ? productOn(doubles) : multiply;
  const projector = times(basis, transpose(basis, full, k), full, k, full);
  return {
    atOnce: neuronsAtOnce(most),
    of(from, to) {
      // Where a neuron has fewer than most, zeros: eigenvalues that A^T A has as well.
      const many = new Float64Array((to - from) * most * most);
      for (let i = from; i < to; i++) {
        const { places } = fewer[i]!;
        for (const [r, place] of places.entries()) {
          const at = ((i - from) * most + r) * most;
          for (let c = 0; c <= r; c++) {
            const entry = projector[place * full + places[c]!]!;
            many[at + c] = entry;
            many[((i - from) * most + c) * most + r] = entry;
          }
        }
      }
      const values = symmetricEigenvalues(many, most, doubles);
      return Array.from({ length: to - from }, (_, i) => {
        const largest = values[(i + 1) * most - 1]!;
        // A^T A is singular here: its smallest eigenvalue is zero.
        return fewer[from + i]!.free
          ? Math.max(p, Math.abs(largest - p))
          : Math.max(Math.abs(1 - p), Math.abs(1 - largest - p));
      });
    },
  };
}
