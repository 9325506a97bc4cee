/**
 * S_i = U^T Diag(mask_i) U: what the free entries of neuron i can reach of the subspace. Its eigenvalues lie in [0, 1]
 * (neuron-identifiability, subspace_coherence.py:45).
 */
import type { Doubles } from '../backend/doubles.ts';
import { addProduct, transposedView, view } from '../linalg/multiply.ts';
import { symmetricEigen } from '../linalg/symmetric-eigen.ts';
import type { Subspace } from './subspace.ts';

type Basis = Pick<Subspace, 'basis' | 'full' | 'dimension'>;

/** Gram matrices of one layer's neurons, one at a time in the same memory. */
export class GramMatrices {
  readonly #space: Basis;
  readonly #mask: Float32Array;
  readonly #picked: Float64Array;
  readonly #gram: Float64Array;

  /** @param mask [neurons, d], 1 where an entry is free */
  constructor(space: Basis, mask: Float32Array) {
    this.#space = space;
    this.#mask = mask;
    this.#picked = new Float64Array(space.full * space.dimension);
    this.#gram = new Float64Array(space.dimension ** 2);
  }

  /** k */
  get dimension(): number {
    return this.#space.dimension;
  }

  /** S_i [k, k]; the next call overwrites it. Summed over the fewer of free and fixed entries: the rows of U^T U = I. */
  of(neuron: number): Float64Array {
    const { basis, full, dimension: k } = this.#space;
    const row = this.#mask.subarray(neuron * full, (neuron + 1) * full);
    const free = row.reduce((sum, entry) => sum + (entry === 0 ? 0 : 1), 0);
    const sumFree = 2 * free <= full;
    let picked = 0;
    for (let r = 0; r < full; r++) {
      if ((row[r] !== 0) === sumFree) this.#picked.set(basis.subarray(r * k, (r + 1) * k), k * picked++);
    }
    const gram = this.#gram.fill(0);
    const rows = view(this.#picked, k);
    const left = transposedView(rows);
    const band = 32;
    for (let i = 0; i < k; i += band) {
      const size = Math.min(band, k - i);
      addProduct(
        view(gram, k, i * k),
        { ...left, offset: i },
        rows,
        size,
        picked,
        i + size,
        sumFree ? 1 : -1,
      );
    }
    for (let i = 0; i < k; i++) {
      if (!sumFree) gram[i * k + i]! += 1;
      for (let j = 0; j < i; j++) gram[j * k + i] = gram[i * k + j]!;
    }
    return gram;
  }
}

/**
 * With probability at least 1 - delta over the mask's random draw, the anisotropy stays below
 * (2/3) b nu l + sigma sqrt(nu) sqrt(2 l), l = ln(2 k / delta) (matrix Bernstein; subspace_coherence.py:197).
 * @param b the largest deviation of a mask entry from its mean; the reference takes p, which is that for p >= 1/2 only
 * @param sigma standard deviation of a mask entry
 */
export function anisotropyBound(nu: number, k: number, delta: number, b: number, sigma: number): number {
  const l = Math.log((2 * k) / delta);
  return (2 / 3) * b * nu * l + sigma * Math.sqrt(nu) * Math.sqrt(2 * l);
}

/**
 * Eigenvalues of a Gram matrix at or below this count as zero in its pseudo-inverse. The basis is orthonormal to about
 * d x 2^-53, and that is what an eigenvalue that should be zero shows. (The reference: k eps of float32, relative.)
 */
export const gramCutoff = (full: number): number => 4 * full * Number.EPSILON;

/**
 * W [rank, k] with W^T W the pseudo-inverse of S [k, k]: eigenvectors over the roots of their values, for those above
 * `cutoff`.
 */
export function inverseFactor(
  gram: Float64Array,
  k: number,
  cutoff: number,
  doubles?: Doubles,
): { factor: Float64Array; rank: number } {
  const { values, vectors } = symmetricEigen(gram, k, doubles);
  const first = values.findIndex((value) => value > cutoff);
  const rank = first < 0 ? 0 : k - first;
  const factor = new Float64Array(rank * k);
  for (let r = 0; r < rank; r++) {
    const scale = 1 / Math.sqrt(values[first + r]!);
    for (let j = 0; j < k; j++) factor[r * k + j] = scale * vectors[j * k + first + r]!;
  }
  return { factor, rank };
}
