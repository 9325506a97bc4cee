/** The dense linear assignment problem: its input, its checks and its result. `problem.ts` solves it. */
import { UserError } from '../../../src-shared/errors.ts';
import { Problem } from './problem.ts';

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
