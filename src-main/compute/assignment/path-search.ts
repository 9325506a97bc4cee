/** Shortest augmenting paths in reduced costs: E. Dijkstra's search over the columns of an assignment problem. */
import { UserError } from '../../../src-shared/errors.ts';

/** A partial assignment with rows <= cols; entries of the cost are finite or +Infinity. Changed in place. */
export interface PartialAssignment {
  /** [rows, cols] */
  readonly cost: Float64Array;
  readonly cols: number;
  /** Column duals. */
  readonly v: Float64Array;
  /** -1: free. */
  readonly columnOf: Int32Array;
  readonly rowOf: Int32Array;
}

/** The search, with its buffers kept from one to the next. */
export class PathSearch {
  readonly #distance: Float64Array;
  readonly #predecessor: Int32Array;
  /** Column duals, and -Infinity for columns that are settled: no way leads there any more. */
  readonly #open: Float64Array;
  /** Settled columns, and how far each is. */
  readonly #settled: Int32Array;
  readonly #reached: Float64Array;

  constructor(cols: number) {
    this.#distance = new Float64Array(cols);
    this.#predecessor = new Int32Array(cols);
    this.#open = new Float64Array(cols);
    this.#settled = new Int32Array(cols);
    this.#reached = new Float64Array(cols);
  }

  /**
   * Gives the free row `start` a column, others on the way another one.
   * @param transposed for messages: rows here are the caller's columns
   */
  augment(problem: PartialAssignment, start: number, transposed: boolean): void {
    const { cost, cols, v, rowOf, columnOf } = problem;
    const open = this.#open;
    open.set(v);
    this.#distance.fill(Infinity);
    let count = 0;
    let column = this.#scan(problem, start, 0, -Infinity);
    while (column >= 0 && rowOf[column]! >= 0) {
      const least = this.#distance[column]!;
      const row = rowOf[column]!;
      const offset = cost[row * cols + column]! - v[column]! - least;
      this.#settled[count] = column;
      this.#reached[count++] = least;
      this.#distance[column] = Infinity;
      open[column] = -Infinity;
      column = this.#scan(problem, row, offset, least);
    }
    if (column < 0) throw noAssignment(transposed ? 'column' : 'row', start);
    const end = this.#distance[column]!;
    for (let k = 0; k < count; k++) v[this.#settled[k]!]! += this.#reached[k]! - end;
    for (let j = column, i = -1; i !== start;) {
      i = this.#predecessor[j]!;
      rowOf[j] = i;
      const previous = columnOf[i]!;
      columnOf[i] = j;
      j = previous;
    }
  }

  /**
   * Shortens the ways that lead over a row. Columns are scanned as they lie in memory, settled ones too: that is several
   * times faster than to pick out the others.
   * @param least no way is shorter; by rounding it may seem so
   * @returns the nearest column that is not settled, of equals the first, but a free one before others; -1 if none can be
   * reached
   */
  #scan({ cost, cols, rowOf }: PartialAssignment, row: number, offset: number, least: number): number {
    const distance = this.#distance;
    const predecessor = this.#predecessor;
    const open = this.#open;
    const base = row * cols;
    let nearest = Infinity;
    let at = -1;
    for (let j = 0; j < cols; j++) {
      let through = cost[base + j]! - open[j]! - offset;
      if (through < least) through = least;
      let known = distance[j]!;
      if (through < known) {
        distance[j] = known = through;
        predecessor[j] = row;
      }
      if (known < nearest) {
        nearest = known;
        at = j;
      } else if (known === nearest && at >= 0 && rowOf[j]! < 0 && rowOf[at]! >= 0) at = j;
    }
    return at;
  }
}

export function noAssignment(side: 'row' | 'column', index: number): UserError {
  return new UserError(
    `assignment: ${side} ${index} cannot be assigned: the forbidden pairs rule out every assignment`,
  );
}
