/**
 * The state of one assignment problem, after R. Jonker and A. Volgenant, "A shortest augmenting path algorithm for dense
 * and sparse linear assignment problems", Computing 38 (1987): column reduction, reduction transfer, augmenting row
 * reduction, then one shortest augmenting path for each row that is still free. In between, if that start leaves rows
 * free, better column duals are found by auction, after D. Bertsekas, "Auction algorithms for network flow problems: a
 * tutorial introduction", Computational Optimization and Applications 1 (1992).
 */
import { noAssignment, PathSearch } from './path-search.ts';
import type { PartialAssignment } from './path-search.ts';

/** Share of the rows: if more are free after the usual start, duals are found by auction. */
const manyFree = 1 / 16;

/** Steps of the auction's phases, as shares of the range of the costs of a row. */
const stepShares = [1e-2, 1e-3, 1e-4];

/** A minimisation with rows <= cols. Entries are finite or +Infinity. */
export class Problem implements PartialAssignment {
  readonly cost: Float64Array;
  readonly rows: number;
  readonly cols: number;
  /** Column duals. A column that stays unassigned keeps 0, the others end at or below 0 in a wide problem. */
  readonly v: Float64Array;
  readonly columnOf: Int32Array;
  readonly rowOf: Int32Array;

  constructor(cost: Float64Array, rows: number, cols: number) {
    this.cost = cost;
    this.rows = rows;
    this.cols = cols;
    this.v = new Float64Array(cols);
    this.columnOf = new Int32Array(rows).fill(-1);
    this.rowOf = new Int32Array(cols).fill(-1);
  }

  solve(transposed: boolean): void {
    const { rows, cols } = this;
    if (rows === 0) return;
    const square = rows === cols;
    // Column reduction raises v, and bids lower it for good: sound only if every column gets a row.
    let free = square ? this.#reduceColumns(transposed) : Int32Array.from({ length: rows }, (_, i) => i);
    free = this.#augmentRowReduction(this.#augmentRowReduction(free, rows), rows);
    if (square && free.length > rows * manyFree) free = this.#startAnew(free);
    const search = new PathSearch(cols);
    for (const row of free) search.augment(this, row, transposed);
  }

  rowDuals(): Float64Array {
    const { rows, cols, cost, v, columnOf } = this;
    const u = new Float64Array(rows);
    for (let i = 0; i < rows; i++) {
      const j = columnOf[i]!;
      u[i] = cost[i * cols + j]! - v[j]!;
    }
    return u;
  }

  /** v_j = min_i c_ij; the last column whose minimum lies in a row takes that row. Then reduction transfer. */
  #reduceColumns(transposed: boolean): Int32Array {
    const { rows: n, cost, v, columnOf, rowOf } = this;
    const smallest = new Int32Array(n);
    v.set(cost.subarray(0, n));
    for (let i = 1; i < n; i++) {
      const base = i * n;
      for (let j = 0; j < n; j++) {
        const c = cost[base + j]!;
        if (c < v[j]!) {
          v[j] = c;
          smallest[j] = i;
        }
      }
    }
    const matches = new Int32Array(n);
    for (let j = n - 1; j >= 0; j--) {
      if (v[j] === Infinity) throw noAssignment(transposed ? 'row' : 'column', j);
      const i = smallest[j]!;
      matches[i]!++;
      if (columnOf[i]! >= 0) continue;
      columnOf[i] = j;
      rowOf[j] = i;
    }
    const free: number[] = [];
    for (let i = 0; i < n; i++) {
      if (matches[i] === 0) free.push(i);
      else if (matches[i] === 1) this.#transferReduction(i);
    }
    return Int32Array.from(free);
  }

  #transferReduction(i: number): void {
    const { cols, cost, v, columnOf } = this;
    const taken = columnOf[i]!;
    const base = i * cols;
    let least = Infinity;
    for (let j = 0; j < cols; j++) {
      const reduced = cost[base + j]! - v[j]!;
      if (reduced < least && j !== taken) least = reduced;
    }
    if (least < Infinity) v[taken]! -= least;
  }

  /** Other duals, and an assignment from there; if it leaves more rows free than `free`, all stays as it was. */
  #startAnew(free: Int32Array): Int32Array {
    const range = usualRange(this.cost, this.rows);
    if (range === 0) return free;
    const own = [this.v, this.columnOf, this.rowOf] as const;
    const before = own.map((values) => values.slice());
    this.#bidInPhases(range);
    const all = Int32Array.from({ length: this.rows }, (_, i) => i);
    const left = this.#augmentRowReduction(this.#augmentRowReduction(all, 4 * this.rows), 4 * this.rows);
    if (left.length <= free.length) return left;
    own.forEach((values, i) => {
      values.set(before[i]!);
    });
    return free;
  }

  /**
   * Column duals by auction, without an assignment: rows bid for their cheapest column, and each bid lowers its dual by
   * `step` more than needed, a step that becomes smaller from phase to phase. If a few columns are the cheapest of most
   * rows (units with large means), this finds in some thousand bids what bids without a step, and paths, take long for.
   */
  #bidInPhases(range: number): void {
    const { rows, v, columnOf, rowOf } = this;
    const queue = new Int32Array(rows);
    v.fill(0); // nearer to the end than what the bids so far leave: four times fewer bids
    for (const share of stepShares) {
      const step = share * range;
      rowOf.fill(-1);
      for (let i = 0; i < rows; i++) queue[i] = i;
      // Rows that have the same favourites outbid one another step by step: what is enough is enough.
      let budget = 16 * rows;
      for (let waiting = rows; waiting > 0 && budget > 0; budget--) {
        const i = queue[--waiting]!;
        const { best, first, second } = this.#twoCheapest(i);
        v[best]! -= second - first + step;
        const displaced = rowOf[best]!;
        rowOf[best] = i;
        if (displaced >= 0) queue[waiting++] = displaced;
      }
    }
    rowOf.fill(-1);
    columnOf.fill(-1);
  }

  /** Each free row bids for its cheapest column, `budget` bids at most; returns the rows that are still free. */
  #augmentRowReduction(free: Int32Array, most: number): Int32Array {
    const { v, columnOf, rowOf } = this;
    const queue = free.slice();
    const left: number[] = [];
    // With real costs a displaced row can come back for ever smaller bids: they are capped.
    let budget = most + 64;
    for (let next = 0; next < queue.length;) {
      const i = queue[next++]!;
      const { first, second, best: cheapest, runnerUp } = this.#twoCheapest(i);
      if (second === Infinity || budget-- <= 0) {
        left.push(i); // a row with one permitted column, or bids that no longer pay: left to the path search
        continue;
      }
      let best = cheapest;
      const lowered = v[best]! - (second - first);
      const lowers = lowered < v[best]!;
      if (lowers) v[best] = lowered;
      else if (rowOf[best]! >= 0) best = runnerUp;
      const displaced = rowOf[best]!;
      columnOf[i] = best;
      rowOf[best] = i;
      if (displaced < 0) continue;
      columnOf[displaced] = -1;
      if (lowers) queue[--next] = displaced;
      else left.push(displaced);
    }
    return Int32Array.from(left);
  }

  /** The two cheapest columns of row i in reduced costs, the first of equals. */
  #twoCheapest(i: number): { first: number; second: number; best: number; runnerUp: number } {
    const { cols, cost, v } = this;
    const base = i * cols;
    let first = Infinity;
    let second = Infinity;
    let best = -1;
    let runnerUp = -1;
    for (let j = 0; j < cols; j++) {
      const reduced = cost[base + j]! - v[j]!;
      if (reduced >= second) continue;
      if (reduced >= first) {
        second = reduced;
        runnerUp = j;
      } else {
        second = first;
        runnerUp = best;
        first = reduced;
        best = j;
      }
    }
    return { first, second, best, runnerUp };
  }
}

/** How far the costs of a row lie apart: the median over the rows; 0 if a pair is forbidden. */
function usualRange(cost: Float64Array, rows: number): number {
  const cols = cost.length / rows;
  const ranges = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    let smallest = Infinity;
    let largest = -Infinity;
    for (let k = i * cols; k < (i + 1) * cols; k++) {
      if (cost[k]! < smallest) smallest = cost[k]!;
      if (cost[k]! > largest) largest = cost[k]!;
    }
    ranges[i] = largest - smallest;
  }
  ranges.sort();
  return ranges.at(-1)! < Infinity ? ranges[rows >> 1]! : 0; // NaN, of a row of Infinity, comes last too
}
