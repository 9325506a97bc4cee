/** The matrix products that weight matching needs again and again, kept up to date instead of made anew. */
import type { GroupAxis } from '../../../src-shared/networks/symmetries.ts';
import { addProduct, transposedView, view } from '../linalg/multiply.ts';
import { orderOf } from '../networks/permute.ts';
import type { Potentials } from './objective.ts';
import type { Permutation } from './permutation.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';

/** An axis, or a part of one, that a group moves: the group by its place among the groups. */
export interface MovedAxis extends Omit<GroupAxis, 'parameter'> {
  readonly group: number;
}

/** One parameter of both models, in float64, of any rank. */
export interface MatchedArray {
  readonly name: string;
  readonly shape: readonly number[];
  readonly a: Float64Array;
  readonly b: Float64Array;
  readonly axes: readonly MovedAxis[];
}

/**
 * One product A B^T of the slices that the units of a group own, over everything else: the other axes (a slice's
 * `rests`) and, where a unit owns several places, these. It was made under the permutations of the other axes.
 */
interface Term {
  readonly array: MatchedArray;
  readonly moved: MovedAxis;
  readonly size: number;
  /** What moves the other axes. */
  readonly others: readonly MovedAxis[];
  /** Distance of two neighbours along the moved axis, and where each rest lies in the first slice. */
  readonly stride: number;
  readonly offsets: Int32Array;
  /** The rest of b that each rest of a is matched with. */
  under: Int32Array;
  product: Float64Array;
  /** As after the first use, so that a restart need not multiply again. */
  readonly initial: { readonly under: Int32Array; readonly product: Float64Array };
}

/**
 * The products of coordinate ascent. Between two visits of a group its neighbours' permutations change in ever fewer
 * places, so a product is kept and brought up to date by the changed columns alone: a product of n x n x changed
 * instead of n x n x n.
 */
export class ProductCache {
  readonly #terms: Term[][];
  readonly #potentials: Potentials[];

  constructor(arrays: readonly MatchedArray[], sizes: readonly number[]) {
    this.#potentials = sizes.map((size) => ({
      rows: new Float64Array(size),
      columns: new Float64Array(size),
    }));
    this.#terms = sizes.map((size, group) =>
      arrays.flatMap((array) =>
        array.axes.filter((axis) => axis.group === group).map((axis) => newTerm(array, axis, size)),
      ),
    );
  }

  /** [n, n]: entry (i, j) is the inner product of unit i of a with unit j of b, the other groups permuted. */
  similarity(group: number, perms: readonly Permutation[], withQuadratic = true): Float64Array {
    const size = perms[group]!.length;
    const sum = new Float64Array(size * size);
    for (const term of this.#terms[group]!) {
      if (!withQuadratic && isQuadratic(term)) continue;
      bringUpToDate(term, perms);
      for (let k = 0; k < sum.length; k++) sum[k]! += term.product[k]!;
    }
    return sum;
  }

  /** Whether an array has two axes that the group moves. */
  isQuadratic(group: number): boolean {
    return this.#terms[group]!.some(isQuadratic);
  }

  /** Of the group's last assignment, for the next one to start from. */
  potentials(group: number): Potentials {
    return this.#potentials[group]!;
  }

  /** The groups whose best permutation depends on this one (itself where two axes of an array move with it). */
  neighbours(group: number): Set<number> {
    return new Set(this.#terms[group]!.flatMap(({ others }) => others.map((other) => other.group)));
  }

  /** Back to the products under the identity. */
  reset(): void {
    for (const term of this.#terms.flat()) {
      term.under = term.initial.under;
      term.product = term.initial.product.slice();
    }
  }
}

const isQuadratic = ({ moved, others }: Term): boolean => others.some(({ group }) => group === moved.group);

const identity = (size: number): Int32Array => Int32Array.from({ length: size }, (_, i) => i);

function newTerm(array: MatchedArray, moved: MovedAxis, size: number): Term {
  const { shape } = array;
  const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
  const offsets = overRests(shape, moved.axis, (offset, axis, i) => offset + i * strides[axis]!);
  const product = new Float64Array(size * size);
  const under = identity(offsets.length);
  const term: Term = {
    ...{ array, moved, size, offsets, stride: strides[moved.axis]! },
    others: array.axes.filter(({ axis }) => axis !== moved.axis),
    ...{ under, product: product.slice(), initial: { under, product } },
  };
  addRests(product, term, under, slicesOf(term, array.b, under));
  term.product = product.slice();
  return term;
}

/** One number for every rest: all axes but one, the last running fastest. */
function overRests(
  shape: readonly number[],
  without: number,
  next: (before: number, axis: number, i: number) => number,
): Int32Array {
  let rests = Int32Array.of(0);
  shape.forEach((size, axis) => {
    if (axis === without) return;
    const longer = new Int32Array(rests.length * size);
    for (let k = 0; k < longer.length; k++) longer[k] = next(rests[Math.floor(k / size)]!, axis, k % size);
    rests = longer;
  });
  return rests;
}

/** The rest of b that each rest of a is matched with under these permutations. */
function restsUnder({ array, moved, others }: Term, perms: readonly Permutation[]): Int32Array {
  const orders = array.shape.map(identity);
  for (const other of others)
    orderOf(other, perms[other.group]!, array.shape[other.axis]!).forEach((from, to) => {
      if (from !== to) orders[other.axis]![to] = from;
    });
  return overRests(array.shape, moved.axis, (rest, axis, i) => rest * array.shape[axis]! + orders[axis]![i]!);
}

function bringUpToDate(term: Term, perms: readonly Permutation[]): void {
  if (term.others.length === 0) return;
  const { array, under, product } = term;
  const now = restsUnder(term, perms);
  const changed = identity(now.length).filter((k) => now[k] !== under[k]);
  if (changed.length === 0) return;
  // A correction costs a share changed / all of starting again; starting again now and then keeps rounding from piling up.
  if (changed.length < 0.9 * under.length) {
    const fresh = slicesOf(
      term,
      array.b,
      changed.map((k) => now[k]!),
    );
    const stale = slicesOf(
      term,
      array.b,
      changed.map((k) => under[k]!),
    );
    for (let k = 0; k < fresh.length; k++) fresh[k]! -= stale[k]!;
    addRests(product, term, changed, fresh);
  } else {
    product.fill(0);
    addRests(product, term, identity(now.length), slicesOf(term, array.b, now));
  }
  term.under = now;
}

/** product [size, size] += over these rests a's slices times `slices`, transposed. */
function addRests(product: Float64Array, term: Term, rests: Int32Array, slices: Float64Array): void {
  const { array, moved, size } = term;
  const left = slicesOf(term, array.a, rests);
  addProduct(
    view(product, size),
    transposedView(view(left, size)),
    view(slices, size),
    size,
    rests.length * moved.block,
    size,
    1,
  );
}

/** Of an array's data, at these rests, what belongs to each unit: [block * rests, size]. */
function slicesOf(
  { moved: { places, block }, stride, offsets, size }: Term,
  data: Float64Array,
  rests: Int32Array,
): Float64Array {
  const out = new Float64Array(block * rests.length * size);
  for (let part = 0; part < block; part++) {
    rests.forEach((rest, k) => {
      const [from, to] = [offsets[rest]!, (part * rests.length + k) * size];
      for (let i = 0; i < size; i++) out[to + i] = data[from + places[i * block + part]! * stride]!;
    });
  }
  return out;
}
