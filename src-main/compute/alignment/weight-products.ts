/** The matrix products that weight matching needs again and again, kept up to date instead of made anew. */
import type { GroupAxis } from '../../../src-shared/networks/symmetries.ts';
import type { Double, Doubles } from '../backend/doubles.ts';
import { addProduct, transposedView, view } from '../linalg/multiply.ts';
import { orderOf } from '../networks/permute.ts';
import type { ArrayData } from '../networks/permute.ts';
import type { Potentials } from './objective.ts';
import type { Permutation } from './permutation.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';

/** An axis, or a part of one, that a group moves: the group by its place among the groups. */
export interface MovedAxis extends Omit<GroupAxis, 'parameter'> {
  readonly group: number;
}

/** One parameter of both models, of any rank. */
export interface MatchedArray {
  readonly name: string;
  readonly shape: readonly number[];
  readonly a: ArrayData;
  readonly b: ArrayData;
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
  /** Slices are copied unit by unit, not rest by rest, because a unit's numbers lie closer together than a rest's. */
  readonly unitsFirst: boolean;
  now: Product | undefined;
  /** As after the first use, so that a restart need not multiply again. */
  first: Product | undefined;
}

interface Product {
  /** The rest of b that each rest of a is matched with. */
  readonly under: Int32Array;
  /** [size, size] */
  readonly data: Float64Array;
}

/** Multiplications from which on TensorFlow computes a product, if it is there: a second or more. */
const many = 2 ** 33;

/** Numbers of each factor that are multiplied at once, at most. */
const mostNumbers = 2 ** 24;

/**
 * The products of coordinate ascent. Between two visits of a group its neighbours' permutations change in ever fewer
 * places, so a product is kept and brought up to date by the changed columns alone: a product of n x n x changed
 * instead of n x n x n.
 */
export class ProductCache {
  readonly #terms: Term[][];
  readonly #potentials: Potentials[];
  readonly #doubles: Doubles | undefined;

  /** @param doubles float64 kernels for large products, if there are any */
  constructor(arrays: readonly MatchedArray[], sizes: readonly number[], doubles?: Doubles) {
    this.#doubles = doubles;
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
      const { data } = broughtUpToDate(term, perms, this.#doubles);
      for (let k = 0; k < sum.length; k++) sum[k]! += data[k]!;
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

  /** Back to the first products. */
  reset(): void {
    for (const term of this.#terms.flat()) term.now = term.first;
  }
}

const isQuadratic = ({ moved, others }: Term): boolean => others.some(({ group }) => group === moved.group);

const identity = (size: number): Int32Array => Int32Array.from({ length: size }, (_, i) => i);

function newTerm(array: MatchedArray, moved: MovedAxis, size: number): Term {
  const { shape } = array;
  const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
  const offsets = overRests(shape, moved.axis, (offset, axis, i) => offset + i * strides[axis]!);
  return {
    ...{ array, moved, size, offsets, stride: strides[moved.axis]! },
    others: array.axes.filter(({ axis }) => axis !== moved.axis),
    unitsFirst: moved.axis === 0 || moved.block > 1,
    ...{ now: undefined, first: undefined },
  };
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

/** The product under these permutations, made when it is first asked for. */
function broughtUpToDate(term: Term, perms: readonly Permutation[], doubles: Doubles | undefined): Product {
  const { now, array, size, offsets } = term;
  if (now && term.others.length === 0) return now;
  const under = restsUnder(term, perms);
  const changed = identity(under.length).filter((k) => under[k] !== now?.under[k]);
  if (now && changed.length === 0) return now;
  // A correction costs a share changed / all of starting again; starting again now and then keeps rounding from piling up.
  const corrects = now !== undefined && changed.length < 0.9 * under.length;
  const data = corrects ? now.data.slice() : new Float64Array(size * size);
  const rests = corrects ? changed : identity(offsets.length);
  addRests(data, term, rests, {
    doubles,
    of: (some) => {
      const fresh = slicesOf(
        term,
        array.b,
        some.map((k) => under[k]!),
      );
      if (!corrects) return fresh;
      const stale = slicesOf(
        term,
        array.b,
        some.map((k) => now.under[k]!),
      );
      for (let k = 0; k < fresh.length; k++) fresh[k]! -= stale[k]!;
      return fresh;
    },
  });
  term.now = { under, data };
  term.first ??= term.now;
  return term.now;
}

/** product [size, size] += over these rests a's slices times those of `of`, transposed; in parts if they are large. */
function addRests(
  product: Float64Array,
  term: Term,
  rests: Int32Array,
  { of, doubles }: { of: (some: Int32Array) => Float64Array; doubles: Doubles | undefined },
): void {
  const { array, moved, size } = term;
  const onTensorFlow = rests.length * moved.block * size ** 2 >= many ? doubles : undefined;
  const atOnce = Math.max(1, Math.floor(mostNumbers / (moved.block * size)));
  for (let start = 0; start < rests.length; start += atOnce) {
    const some = rests.subarray(start, start + atOnce);
    const factors = [slicesOf(term, array.a, some), of(some)] as const;
    if (onTensorFlow) addOnTensorFlow(product, factors, term, onTensorFlow);
    else addHere(product, factors, term);
  }
}

type Factors = readonly [Float64Array, Float64Array];

function addHere(product: Float64Array, [left, right]: Factors, { size, unitsFirst }: Term): void {
  const rows = left.length / size;
  const [a, b] = unitsFirst
    ? [view(left, rows), transposedView(view(right, rows))]
    : [transposedView(view(left, size)), view(right, size)];
  addProduct(view(product, size), a, b, size, rows, size, 1);
}

function addOnTensorFlow(
  product: Float64Array,
  factors: Factors,
  { size, unitsFirst }: Term,
  doubles: Doubles,
): void {
  const rows = factors[0].length / size;
  const shape = unitsFirst ? [size, rows] : [rows, size];
  const [left, right] = factors.map((factor) => doubles.put(factor, shape)) as [Double, Double];
  const found = doubles.matMul(left, right, !unitsFirst, unitsFirst);
  const part = doubles.read(found);
  doubles.free(left, right, found);
  for (let k = 0; k < part.length; k++) product[k]! += part[k]!;
}

/** Of an array's data, at these rests, what belongs to each unit: [size, rests * block], or [rests, size]. */
function slicesOf(term: Term, data: ArrayData, rests: Int32Array): Float64Array {
  const out = new Float64Array(term.moved.block * rests.length * term.size);
  if (term.unitsFirst) copyUnitByUnit(term, data, rests, out);
  else copyRestByRest(term, data, rests, out);
  return out;
}

function copyUnitByUnit(
  { moved: { places, block }, stride, offsets, size }: Term,
  data: ArrayData,
  rests: Int32Array,
  out: Float64Array,
): void {
  const starts = Int32Array.from(rests, (rest) => offsets[rest]!);
  let to = 0;
  for (let i = 0; i < size; i++)
    for (const start of starts)
      for (let part = 0; part < block; part++) out[to++] = data[start + places[i * block + part]! * stride]!;
}

/** Of units that own one place each. */
function copyRestByRest(
  { moved: { places }, stride, offsets, size }: Term,
  data: ArrayData,
  rests: Int32Array,
  out: Float64Array,
): void {
  // A few rests at once: where they lie next to each other, each line of memory is read once.
  for (let first = 0; first < rests.length; first += together) {
    const last = Math.min(rests.length, first + together);
    for (let i = 0; i < size; i++) {
      const unit = places[i]! * stride;
      for (let k = first; k < last; k++) out[k * size + i] = data[offsets[rests[k]!]! + unit]!;
    }
  }
}

const together = 8;
