/** First and second moments of two sets of columns, gathered chunk by chunk in float64: enough for every similarity. */
import { addProduct, transposedView, view } from '../linalg/multiply.ts';

/** Centred moments of activations A [rows, columnsA] and B [rows, columnsB]. */
export interface CrossMoments {
  rows: number;
  columnsA: number;
  columnsB: number;
  meanA: Float64Array;
  meanB: Float64Array;
  /** [columnsA, columnsB]: sum over rows of (a_i - mean a_i)(b_j - mean b_j). */
  cross: Float64Array;
  /** Sum over rows of (a_i - mean a_i)^2. */
  squaresA: Float64Array;
  squaresB: Float64Array;
  /** 1 where every row holds the same value: decided by smallest and largest, not by rounding. */
  constantA: Uint8Array;
  constantB: Uint8Array;
}

/** What one chunk adds, about fixed shifts near the means: all sums are of shifted values. */
export interface ChunkSums {
  rows: number;
  /** [columnsA, columnsB] */
  cross: ArrayLike<number>;
  a: ColumnSums;
  b: ColumnSums;
}

export interface ColumnSums<Numbers extends ArrayLike<number> = ArrayLike<number>> {
  sum: Numbers;
  squares: Numbers;
  /** Absent: earlier chunks have shown that no column is constant. */
  extremes?: { smallest: Numbers; largest: Numbers };
}

interface Side extends Required<ColumnSums<Float64Array>> {
  shift: Float64Array;
}

/**
 * Adds up chunks. The shifts (any values near the column means, the means of the first chunk say) take the bulk of the
 * means out before products are formed, so that little is lost when the rest is taken out at the end, even where the
 * chunk sums come from float32 kernels.
 */
export class MomentAccumulator {
  readonly #cross: Float64Array;
  readonly #a: Side;
  readonly #b: Side;
  #rows = 0;

  constructor(shiftA: ArrayLike<number>, shiftB: ArrayLike<number>) {
    this.#a = newSide(shiftA);
    this.#b = newSide(shiftB);
    this.#cross = new Float64Array(shiftA.length * shiftB.length);
  }

  add(chunk: ChunkSums): void {
    this.#rows += chunk.rows;
    const cross = this.#cross;
    for (let k = 0; k < cross.length; k++) cross[k]! += chunk.cross[k]!;
    addSide(this.#a, chunk.a);
    addSide(this.#b, chunk.b);
  }

  finish(): CrossMoments {
    const rows = this.#rows;
    const [a, b] = [this.#a, this.#b];
    const columnsB = b.sum.length;
    const cross = this.#cross.slice();
    for (let i = 0, k = 0; i < a.sum.length; i++) {
      for (let j = 0; j < columnsB; j++, k++) cross[k]! -= (a.sum[i]! * b.sum[j]!) / rows;
    }
    return {
      rows,
      columnsA: a.sum.length,
      columnsB,
      meanA: meanOf(a, rows),
      meanB: meanOf(b, rows),
      cross,
      squaresA: centredSquares(a, rows),
      squaresB: centredSquares(b, rows),
      constantA: constantOf(a),
      constantB: constantOf(b),
    };
  }
}

/** The moments of all rows together, those of each part counted about the mean of all. */
export function pooledMoments(parts: readonly CrossMoments[]): CrossMoments {
  const [first] = parts as [CrossMoments];
  if (parts.length === 1) return first;
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const pooled = (of: (part: CrossMoments, k: number) => number, length: number): Float64Array =>
    Float64Array.from({ length }, (_, k) => parts.reduce((sum, part) => sum + of(part, k), 0));
  const { columnsA, columnsB } = first;
  const meanA = pooled((part, i) => (part.rows * part.meanA[i]!) / rows, columnsA);
  const meanB = pooled((part, j) => (part.rows * part.meanB[j]!) / rows, columnsB);
  return {
    ...{ rows, columnsA, columnsB, meanA, meanB },
    cross: pooled((part, k) => {
      const [i, j] = [Math.floor(k / columnsB), k % columnsB];
      return part.cross[k]! + part.rows * (part.meanA[i]! - meanA[i]!) * (part.meanB[j]! - meanB[j]!);
    }, columnsA * columnsB),
    squaresA: pooled(
      (part, i) => part.squaresA[i]! + part.rows * (part.meanA[i]! - meanA[i]!) ** 2,
      columnsA,
    ),
    squaresB: pooled(
      (part, j) => part.squaresB[j]! + part.rows * (part.meanB[j]! - meanB[j]!) ** 2,
      columnsB,
    ),
    constantA: constantInAll(parts, 'constantA', 'meanA'),
    constantB: constantInAll(parts, 'constantB', 'meanB'),
  };
}

/** A unit that holds one value in every part, and in all parts the same (but for the rounding of the means). */
function constantInAll(
  parts: readonly CrossMoments[],
  constant: 'constantA' | 'constantB',
  mean: 'meanA' | 'meanB',
): Uint8Array {
  return parts[0]![constant].map((_, i) => {
    const means = parts.map((part) => part[mean][i]!);
    const [low, high] = [Math.min(...means), Math.max(...means)];
    const same = high - low <= 1e-6 * Math.max(Math.abs(low), Math.abs(high));
    return same && parts.every((part) => part[constant][i] === 1) ? 1 : 0;
  });
}

/** The moments of arrays in memory, [rows, columns] each, all in float64. */
export function momentsOf(
  a: Float64Array,
  b: Float64Array,
  rows: number,
  columnsA: number,
  columnsB: number,
): CrossMoments {
  const [shiftA, shiftB] = [columnMeans(a, rows, columnsA), columnMeans(b, rows, columnsB)];
  const [x, y] = [shifted(a, shiftA), shifted(b, shiftB)];
  const cross = new Float64Array(columnsA * columnsB);
  addProduct(
    view(cross, columnsB),
    transposedView(view(x, columnsA)),
    view(y, columnsB),
    columnsA,
    rows,
    columnsB,
    1,
  );
  const sums = new MomentAccumulator(shiftA, shiftB);
  sums.add({ rows, cross, a: columnSums(x, columnsA), b: columnSums(y, columnsB) });
  return sums.finish();
}

/** Sums, squares and extremes of the columns of x [rows, columns]. */
export function columnSums(x: ArrayLike<number>, columns: number): ColumnSums {
  const sums = noSums(columns);
  const { sum, squares } = sums;
  const { smallest, largest } = sums.extremes;
  for (let k = 0, j = 0; k < x.length; k++) {
    const value = x[k]!;
    sum[j]! += value;
    squares[j]! += value * value;
    if (value < smallest[j]!) smallest[j] = value;
    if (value > largest[j]!) largest[j] = value;
    j = j + 1 === columns ? 0 : j + 1;
  }
  return sums;
}

const noSums = (columns: number): Required<ColumnSums<Float64Array>> => ({
  sum: new Float64Array(columns),
  squares: new Float64Array(columns),
  extremes: {
    smallest: new Float64Array(columns).fill(Infinity),
    largest: new Float64Array(columns).fill(-Infinity),
  },
});

const newSide = (shift: ArrayLike<number>): Side => ({
  shift: Float64Array.from(shift),
  ...noSums(shift.length),
});

function addSide(side: Side, { sum, squares, extremes }: ColumnSums): void {
  for (let j = 0; j < side.sum.length; j++) {
    side.sum[j]! += sum[j]!;
    side.squares[j]! += squares[j]!;
  }
  if (!extremes) return;
  const { smallest, largest } = side.extremes;
  for (let j = 0; j < smallest.length; j++) {
    smallest[j] = Math.min(smallest[j]!, extremes.smallest[j]!);
    largest[j] = Math.max(largest[j]!, extremes.largest[j]!);
  }
}

const meanOf = (side: Side, rows: number): Float64Array =>
  side.shift.map((shift, j) => shift + side.sum[j]! / rows);

const centredSquares = (side: Side, rows: number): Float64Array =>
  side.squares.map((squares, j) => Math.max(0, squares - side.sum[j]! ** 2 / rows));

function constantOf({ extremes: { smallest, largest } }: Side): Uint8Array {
  return Uint8Array.from(smallest, (least, j) => (least === largest[j] ? 1 : 0));
}

function columnMeans(x: Float64Array, rows: number, columns: number): Float64Array {
  return Float64Array.from(columnSums(x, columns).sum, (sum) => sum / rows);
}

function shifted(x: Float64Array, shift: Float64Array): Float64Array {
  return x.map((value, k) => value - shift[k % shift.length]!);
}
