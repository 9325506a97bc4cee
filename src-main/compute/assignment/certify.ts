/** The dual certificate of an assignment: a proof of optimality that does not trust the solver. */
import type { Assignment, AssignmentOptions } from './solve.ts';

export interface Certificate {
  /** True where every condition below holds within the tolerance. */
  readonly optimal: boolean;
  /** Distinct columns, min(rows, cols) of them, and the objective is the sum of their costs. */
  readonly feasible: boolean;
  /** Largest violation of u_i + v_j <= c_ij (>= when maximising); 0 where none is violated. */
  readonly dualViolation: number;
  /** Largest |c_ij - u_i - v_j| over assigned pairs and |dual| over what was left unassigned. */
  readonly slackness: number;
  /** |objective - sum u - sum v|. Zero means optimal by weak duality. */
  readonly gap: number;
}

/**
 * Checks `result` against `cost` [rows, cols]: primal feasibility, dual feasibility, complementary slackness, and the
 * gap between the primal and the dual objective. `tolerance` is absolute and in the units of the cost; the gap, being
 * a sum over assigned pairs, is allowed tolerance x min(rows, cols).
 */
export function certify(
  cost: Float64Array,
  rows: number,
  cols: number,
  result: Assignment,
  tolerance: number,
  options: AssignmentOptions = {},
): Certificate {
  const sign = (options.maximize ?? false) ? -1 : 1;
  const { u, v } = result.duals;
  const pairs = Math.min(rows, cols);
  const { feasible, total, columnTaken } = primal(cost, rows, cols, result, tolerance * Math.max(1, pairs));
  const dualViolation = Math.max(
    reducedCostViolation(cost, rows, cols, u, v, sign),
    rows < cols ? signViolation(v, sign) : 0,
    rows > cols ? signViolation(u, sign) : 0,
  );
  const slackness = worstSlackness(cost, cols, result, columnTaken);
  const gap = Math.abs(total - sum(u) - sum(v));
  const within =
    dualViolation <= tolerance && slackness <= tolerance && gap <= tolerance * Math.max(1, pairs);
  return { optimal: feasible && within, feasible, dualViolation, slackness, gap };
}

function primal(cost: Float64Array, rows: number, cols: number, result: Assignment, tolerance: number) {
  const columnTaken = new Uint8Array(cols);
  let total = 0;
  let assigned = 0;
  let valid =
    result.rowToCol.length === rows && result.duals.u.length === rows && result.duals.v.length === cols;
  result.rowToCol.forEach((j, i) => {
    if (j === -1) return;
    if (j < 0 || j >= cols || columnTaken[j] === 1) {
      valid = false;
      return;
    }
    columnTaken[j] = 1;
    assigned++;
    total += cost[i * cols + j] ?? NaN;
  });
  const agrees = Math.abs(total - result.objective) <= tolerance;
  return { feasible: valid && agrees && assigned === Math.min(rows, cols), total, columnTaken };
}

function reducedCostViolation(
  cost: Float64Array,
  rows: number,
  cols: number,
  u: Float64Array,
  v: Float64Array,
  sign: number,
): number {
  let worst = 0;
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++) worst = Math.max(worst, sign * (u[i]! + v[j]! - cost[i * cols + j]!));
  }
  return worst;
}

/** The duals of the side that may stay unassigned must be <= 0 (>= 0 when maximising). */
function signViolation(duals: Float64Array, sign: number): number {
  return duals.reduce((worst, dual) => Math.max(worst, sign * dual), 0);
}

function worstSlackness(
  cost: Float64Array,
  cols: number,
  result: Assignment,
  columnTaken: Uint8Array,
): number {
  const { u, v } = result.duals;
  let worst = 0;
  result.rowToCol.forEach((j, i) => {
    const slack = j < 0 ? u[i]! : cost[i * cols + j]! - u[i]! - v[j]!;
    worst = Math.max(worst, Math.abs(slack));
  });
  columnTaken.forEach((taken, j) => {
    if (taken === 0) worst = Math.max(worst, Math.abs(v[j]!));
  });
  return worst;
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
