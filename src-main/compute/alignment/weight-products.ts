/** The matrix products that weight matching needs again and again, kept up to date instead of made anew. */
import { addProduct, transposedView, view } from '../linalg/multiply.ts';
import type { Potentials } from './objective.ts';
import { identityPermutation } from './permutation.ts';
import type { LayerPermutations, Permutation } from './permutation.ts';
import type { PermutationSpec } from './spec.ts';

/** One array of both models, in float64. */
export interface Pair {
  name: string;
  /** As a matrix: [rows, columns], a vector has one column. */
  rows: number;
  columns: number;
  a: Float64Array;
  b: Float64Array;
  /** The permutations of rows and columns; null where fixed. */
  axes: [number | null, number | null];
}

/** One product A B^T over the axis that a permutation does not move, and the other permutation it was made under. */
interface Term {
  pair: Pair;
  axis: 0 | 1;
  size: number;
  other: number | null;
  under: Permutation | null;
  product: Float64Array;
  /** As after the first use, so that a restart need not multiply again. */
  initial: { under: Permutation | null; product: Float64Array };
}

/**
 * The products of coordinate ascent. Between two visits of a layer its neighbours' permutations change in ever fewer
 * places, so a product is kept and brought up to date by the changed columns alone: a product of n x n x changed
 * instead of n x n x n.
 */
export class ProductCache {
  readonly #terms: Term[][];
  readonly #potentials: Potentials[];

  constructor(pairs: Pair[], spec: PermutationSpec) {
    this.#potentials = spec.permutations.map(({ size }) => ({
      rows: new Float64Array(size),
      columns: new Float64Array(size),
    }));
    this.#terms = spec.permutations.map(({ size }, p) =>
      pairs.flatMap((pair) =>
        ([0, 1] as const).filter((axis) => pair.axes[axis] === p).map((axis) => newTerm(pair, axis, size)),
      ),
    );
  }

  /** [n, n]: entry (i, j) is the inner product of neuron i of a with neuron j of b, the other layers permuted. */
  similarity(p: number, perms: LayerPermutations, withQuadratic = true): Float64Array {
    const size = perms[p]!.length;
    const sum = new Float64Array(size * size);
    for (const term of this.#terms[p]!) {
      if (term.other === p && !withQuadratic) continue;
      bringUpToDate(term, term.other === null ? null : perms[term.other]!);
      for (let k = 0; k < sum.length; k++) sum[k]! += term.product[k]!;
    }
    return sum;
  }

  /** Whether an array has both its axes moved by `p`. */
  isQuadratic(p: number): boolean {
    return this.#terms[p]!.some(({ other }) => other === p);
  }

  /** Of the last assignment of layer `p`, for the next one to start from. */
  potentials(p: number): Potentials {
    return this.#potentials[p]!;
  }

  /** The permutations whose best answer depends on `p` (itself where both axes of an array move with it). */
  neighbours(p: number): Set<number> {
    return new Set(this.#terms[p]!.flatMap(({ other }) => (other === null ? [] : [other])));
  }

  /** Back to the products under the identity. */
  reset(): void {
    for (const term of this.#terms.flat()) {
      term.under = term.initial.under;
      term.product = term.initial.product.slice();
    }
  }
}

function newTerm(pair: Pair, axis: 0 | 1, size: number): Term {
  const other = pair.axes[axis === 0 ? 1 : 0];
  const depth = axis === 0 ? pair.columns : pair.rows;
  const under = other === null ? null : identityPermutation(depth);
  const product = new Float64Array(size * size);
  const all = Array.from({ length: depth }, (_, k) => k);
  addColumns(product, pair, axis, size, all, columnsOf(pair, axis, size, all));
  return { pair, axis, size, other, under, product: product.slice(), initial: { under, product } };
}

function bringUpToDate(term: Term, other: Permutation | null): void {
  if (other === null || term.under === null) return;
  const { pair, axis, size, under, product } = term;
  const changed: number[] = [];
  other.forEach((to, k) => {
    if (to !== under[k]) changed.push(k);
  });
  if (changed.length === 0) return;
  const fresh = columnsOf(
    pair,
    axis,
    size,
    changed.map((k) => other[k]!),
  );
  // A correction costs a share changed / all of starting again; starting again now and then keeps rounding from piling up.
  if (changed.length < 0.9 * under.length) {
    const stale = columnsOf(
      pair,
      axis,
      size,
      changed.map((k) => under[k]!),
    );
    for (let k = 0; k < fresh.length; k++) fresh[k]! -= stale[k]!;
    addColumns(product, pair, axis, size, changed, fresh);
  } else {
    product.fill(0);
    const all = Array.from({ length: other.length }, (_, k) => k);
    addColumns(
      product,
      pair,
      axis,
      size,
      all,
      columnsOf(
        pair,
        axis,
        size,
        all.map((k) => other[k]!),
      ),
    );
  }
  term.under = other.slice();
}

/** Slices of b across `axis` at the given places of the other axis: [places, size]. */
function columnsOf(pair: Pair, axis: 0 | 1, size: number, places: number[]): Float64Array {
  return gather(pair.b, pair.columns, axis, size, places);
}

/** product [size, size] += sum over places k of a's slice k times the row of `slices` for k, transposed. */
function addColumns(
  product: Float64Array,
  pair: Pair,
  axis: 0 | 1,
  size: number,
  places: number[],
  slices: Float64Array,
): void {
  const left = gather(pair.a, pair.columns, axis, size, places);
  addProduct(
    view(product, size),
    transposedView(view(left, size)),
    view(slices, size),
    size,
    places.length,
    size,
    1,
  );
}

function gather(
  data: Float64Array,
  columns: number,
  axis: 0 | 1,
  size: number,
  places: number[],
): Float64Array {
  const out = new Float64Array(places.length * size);
  places.forEach((place, k) => {
    for (let i = 0; i < size; i++) {
      out[k * size + i] = axis === 0 ? data[i * columns + place]! : data[place * columns + i]!;
    }
  });
  return out;
}
