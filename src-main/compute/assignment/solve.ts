/**
 * The dense linear assignment problem, after R. Jonker and A. Volgenant, "A shortest augmenting path algorithm for
 * dense and sparse linear assignment problems", Computing 38 (1987): column reduction, reduction transfer, two rounds
 * of augmenting row reduction, then one shortest augmenting path for each row that is still free.
 */
import { UserError } from '../../../src-shared/errors.ts';

export interface AssignmentOptions {
  /** Look for the largest total instead of the smallest. Default false. */
  readonly maximize?: boolean;
}

export interface Assignment {
  /** For each row the column it is given, or -1 (only where there are more rows than columns). */
  readonly rowToCol: Int32Array;
  /** The sum of cost[row, rowToCol[row]] over the assigned rows, in the units of the cost. */
  readonly objective: number;
  /** Dual variables: a proof that the assignment is optimal, see `certify`. */
  readonly duals: { readonly u: Float64Array; readonly v: Float64Array };
}

/**
 * Assigns min(rows, cols) rows to distinct columns so that the total cost is least (or largest).
 *
 * `cost` is [rows, cols], row-major. An edge that must not be used may be +Infinity (-Infinity when maximising); NaN
 * and the other infinity are refused. The result depends on the input alone: ties are broken by index order.
 * O(n^3) time, O(rows + cols) memory beside the cost (a copy of it when maximising or when rows > cols).
 *
 * @throws UserError where the sizes do not fit, an entry is not usable, or the forbidden edges leave no assignment.
 */
export function solveAssignment(
  cost: Float64Array,
  rows: number,
  cols: number,
  options: AssignmentOptions = {},
): Assignment {
  const maximize = options.maximize ?? false;
  checkCost(cost, rows, cols, maximize);
  const tall = rows > cols;
  const work = tall || maximize ? prepared(cost, rows, cols, tall, maximize) : cost;
  const problem = new Problem(work, tall ? cols : rows, tall ? rows : cols);
  problem.solve(tall);
  return assembled(cost, rows, cols, problem, tall, maximize);
}

/** Sums of a few costs must not overflow. */
const largestCost = 1e300;

function checkCost(cost: Float64Array, rows: number, cols: number, maximize: boolean): void {
  const sizes = Number.isSafeInteger(rows) && Number.isSafeInteger(cols) && rows >= 0 && cols >= 0;
  if (!sizes || cost.length !== rows * cols) {
    throw new UserError(`assignment: a cost of ${cost.length} entries is not a ${rows} x ${cols} matrix`);
  }
  let finite = 0; // x - x is 0 for numbers and NaN for everything else: one cheap pass in the usual case
  let largest = 0;
  for (let k = 0; k < cost.length; k++) {
    const value = cost[k]!;
    finite += value - value;
    if (value > largest) largest = value;
    else if (-value > largest) largest = -value;
  }
  if (finite === 0 && largest <= largestCost) return;
  const forbidden = maximize ? -Infinity : Infinity;
  for (let k = 0; k < cost.length; k++) {
    const value = cost[k]!;
    if (Math.abs(value) <= largestCost || value === forbidden) continue;
    const where = `row ${Math.floor(k / cols)}, column ${k % cols}`;
    throw new UserError(
      `assignment: the cost at ${where} is ${value}, a number of size at most ${largestCost} was expected`,
      {
        hint: `Apart from numbers, only ${forbidden} is allowed: it forbids the pair.`,
      },
    );
  }
}

/** The cost as a wide or square matrix to be minimised. */
function prepared(
  cost: Float64Array,
  rows: number,
  cols: number,
  transpose: boolean,
  negate: boolean,
): Float64Array {
  const sign = negate ? -1 : 1;
  const out = new Float64Array(cost.length);
  if (!transpose) {
    for (let k = 0; k < cost.length; k++) out[k] = sign * cost[k]!;
    return out;
  }
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++) out[j * rows + i] = sign * cost[i * cols + j]!;
  }
  return out;
}

function assembled(
  cost: Float64Array,
  rows: number,
  cols: number,
  problem: Problem,
  tall: boolean,
  maximize: boolean,
): Assignment {
  const rowToCol = tall ? problem.rowOf.slice() : problem.columnOf.slice();
  let objective = 0;
  for (let i = 0; i < rows; i++) {
    const j = rowToCol[i]!;
    if (j >= 0) objective += cost[i * cols + j]!;
  }
  const rowDuals = problem.rowDuals();
  const columnDuals = problem.v;
  if (maximize) {
    for (const duals of [rowDuals, columnDuals])
      for (let k = 0; k < duals.length; k++) duals[k] = 0 - duals[k]!;
  }
  const duals = tall ? { u: columnDuals, v: rowDuals } : { u: rowDuals, v: columnDuals };
  return { rowToCol, objective, duals };
}

/** State of one minimisation with rows <= cols. Entries are finite or +Infinity. */
class Problem {
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
    if (this.rows === 0) return;
    let free: Int32Array<ArrayBufferLike>;
    // Column reduction raises v, which is sound only where every column gets a row.
    if (this.rows === this.cols) free = this.#reduceColumns(transposed);
    else free = Int32Array.from({ length: this.rows }, (_, i) => i);
    for (let round = 0; round < 2 && free.length > 0; round++) free = this.#augmentRowReduction(free);
    const search = new PathSearch(this.cols);
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

  /** Each free row bids for its cheapest column; returns the rows that are still free. */
  #augmentRowReduction(free: Int32Array): Int32Array {
    const { rows, cols, cost, v, columnOf, rowOf } = this;
    const queue = free.slice();
    const left: number[] = [];
    // With real costs a displaced row can come back for ever smaller bids: the scans are capped.
    let budget = 4 * rows + 64;
    for (let next = 0; next < queue.length;) {
      const i = queue[next++]!;
      const base = i * cols;
      let first = Infinity;
      let second = Infinity;
      let best = -1;
      let runnerUp = -1;
      for (let j = 0; j < cols; j++) {
        const reduced = cost[base + j]! - v[j]!;
        if (reduced < second) {
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
      }
      if (second === Infinity || budget-- <= 0) {
        left.push(i); // a row with one permitted column, or bids that no longer pay: left to the path search
        continue;
      }
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
}

/** Dijkstra over columns, with its buffers kept between searches. */
class PathSearch {
  readonly distance: Float64Array;
  readonly predecessor: Int32Array;
  /** Columns: [0, low) done, [low, up) at the present minimum, [up, n) to be reached. */
  readonly order: Int32Array;

  constructor(cols: number) {
    this.distance = new Float64Array(cols);
    this.predecessor = new Int32Array(cols);
    this.order = Int32Array.from({ length: cols }, (_, j) => j);
  }

  augment(problem: Problem, start: number, transposed: boolean): void {
    const { rowOf, columnOf, v } = problem;
    const end = this.#shortestPath(problem, start);
    if (end < 0) throw noAssignment(transposed ? 'column' : 'row', start);
    const { distance, order } = this;
    const least = distance[end]!;
    for (let k = 0; k < this.#finished; k++) {
      const j = order[k]!;
      v[j]! += distance[j]! - least;
    }
    for (let j = end, i = -1; i !== start;) {
      i = this.predecessor[j]!;
      rowOf[j] = i;
      const previous = columnOf[i]!;
      columnOf[i] = j;
      j = previous;
    }
  }

  /** How many columns at the front of `order` were settled strictly below the end's distance. */
  #finished = 0;

  /** The nearest unassigned column in reduced costs, or -1 where forbidden edges leave none. */
  #shortestPath(problem: Problem, start: number): number {
    const { cost, cols, v, rowOf } = problem;
    const { distance, predecessor, order } = this;
    const startBase = start * cols;
    for (let j = 0; j < cols; j++) distance[j] = cost[startBase + j]! - v[j]!;
    predecessor.fill(start);
    let low = 0;
    let up = 0;
    let least = 0;
    for (;;) {
      if (low === up) {
        this.#finished = low;
        least = distance[order[up]!]!;
        up++;
        for (let k = up; k < cols; k++) {
          const j = order[k]!;
          const d = distance[j]!;
          if (d > least) continue;
          if (d < least) {
            up = low;
            least = d;
          }
          order[k] = order[up]!;
          order[up++] = j;
        }
        if (least === Infinity) return -1;
        for (let k = low; k < up; k++) if (rowOf[order[k]!]! < 0) return order[k]!;
      }
      const settled = order[low++]!;
      const i = rowOf[settled]!;
      const base = i * cols;
      const offset = cost[base + settled]! - v[settled]! - least;
      for (let k = up; k < cols; k++) {
        const j = order[k]!;
        const through = cost[base + j]! - v[j]! - offset;
        if (through >= distance[j]!) continue;
        predecessor[j] = i;
        if (through > least) {
          distance[j] = through;
          continue;
        }
        distance[j] = least; // equal, or below it by rounding
        if (rowOf[j]! < 0) return j;
        order[k] = order[up]!;
        order[up++] = j;
      }
    }
  }
}

function noAssignment(side: 'row' | 'column', index: number): UserError {
  return new UserError(
    `assignment: ${side} ${index} cannot be assigned: the forbidden pairs rule out every assignment`,
  );
}
