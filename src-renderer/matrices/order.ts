/** In which order rows and columns are shown; the matrix itself stays as it is. */
import type { Matrix } from '../../src-shared/matrix.ts';

export const orders = ['as is', 'matched', 'by cluster', 'by value'] as const;
export type Order = (typeof orders)[number];

export interface Arrangement {
  /** Shown place -> index in the matrix. */
  rows: Int32Array;
  columns: Int32Array;
}

/** The very same object for the same matrix and order, so that its picture is painted once for all who show it. */
const known = new WeakMap<
  Matrix,
  Map<Order, { assignment: number[] | undefined; arrangement: Arrangement }>
>();

const identity = (n: number) => Int32Array.from({ length: n }, (_, i) => i);

/**
 * `matched`: columns follow the assignment, so that matched neurons lie on the diagonal. `by value`: by mean value,
 * largest first. `by cluster`: along the first principal component of the rows (and of the columns; the same order for
 * both where the matrix is square and symmetric), which brings neurons that behave alike next to each other.
 */
export function arrange(matrix: Matrix, order: Order, assignment: number[] | undefined): Arrangement {
  const orders =
    known.get(matrix) ?? new Map<Order, { assignment: number[] | undefined; arrangement: Arrangement }>();
  known.set(matrix, orders);
  const found = orders.get(order);
  if (found && found.assignment === assignment) return found.arrangement;
  const arrangement = arranged(matrix, order, assignment);
  orders.set(order, { assignment, arrangement });
  return arrangement;
}

function arranged(matrix: Matrix, order: Order, assignment: number[] | undefined): Arrangement {
  const { rows, columns } = matrix;
  if (order === 'matched' && assignment)
    return { rows: identity(rows), columns: matchedColumns(assignment, columns) };
  if (order === 'by value') {
    return { rows: byDescending(means(matrix, 'rows')), columns: byDescending(means(matrix, 'columns')) };
  }
  if (order === 'by cluster') {
    const { left, right } = leadingPair(matrix);
    const rowOrder = byDescending(left);
    return { rows: rowOrder, columns: isSymmetric(matrix) ? rowOrder : byDescending(right) };
  }
  return { rows: identity(rows), columns: identity(columns) };
}

/** Assigned columns in the order of their rows, then those that no row has. */
function matchedColumns(assignment: number[], columns: number): Int32Array {
  const used = new Set(assignment);
  return Int32Array.from([...assignment, ...[...identity(columns)].filter((column) => !used.has(column))]);
}

function byDescending(values: Float64Array): Int32Array {
  return identity(values.length).sort((a, b) => values[b]! - values[a]! || a - b);
}

function means({ rows, columns, data }: Matrix, along: 'rows' | 'columns'): Float64Array {
  const out = new Float64Array(along === 'rows' ? rows : columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const value = data[i * columns + j]!;
      if (Number.isFinite(value)) out[along === 'rows' ? i : j]! += value;
    }
  }
  return out;
}

function isSymmetric({ rows, columns, data }: Matrix): boolean {
  if (rows !== columns) return false;
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < i; j++) {
      const [a, b] = [data[i * columns + j]!, data[j * columns + i]!];
      if (Math.abs(a - b) > 1e-6 * Math.max(1, Math.abs(a))) return false;
    }
  }
  return true;
}

/** Leading singular vectors of the matrix without its row and column means, by power iteration from a fixed start. */
function leadingPair({ rows, columns, data }: Matrix): { left: Float64Array; right: Float64Array } {
  const rowMeans = means({ rows, columns, data }, 'rows').map((v) => v / columns);
  const columnMeans = means({ rows, columns, data }, 'columns').map((v) => v / rows);
  const total = rowMeans.reduce((a, b) => a + b, 0) / rows;
  const centred = (i: number, j: number) => {
    const value = data[i * columns + j]!;
    return Number.isFinite(value) ? value - rowMeans[i]! - columnMeans[j]! + total : 0;
  };
  const left = new Float64Array(rows);
  let right = Float64Array.from({ length: columns }, (_, j) => Math.cos(j + 1));
  for (let step = 0; step < 24; step++) {
    const next = new Float64Array(columns);
    for (let i = 0; i < rows; i++) {
      let dot = 0;
      for (let j = 0; j < columns; j++) dot += centred(i, j) * right[j]!;
      left[i] = dot;
      for (let j = 0; j < columns; j++) next[j]! += centred(i, j) * dot;
    }
    const norm = Math.hypot(...next) || 1;
    right = next.map((v) => v / norm);
  }
  return { left, right };
}

/** Cycles of a permutation, longest first; fixed points are cycles of length one. */
export function cyclesOf(permutation: readonly number[]): number[][] {
  const seen = new Set<number>();
  const cycles: number[][] = [];
  for (let start = 0; start < permutation.length; start++) {
    if (seen.has(start)) continue;
    const cycle: number[] = [];
    for (let at = start; !seen.has(at); at = permutation[at]!) {
      seen.add(at);
      cycle.push(at);
      if (permutation[at] === undefined) break;
    }
    cycles.push(cycle);
  }
  return cycles.sort((a, b) => b.length - a.length);
}
