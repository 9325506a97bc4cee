/** In which order linear layers stand one behind the other: by the numbers in their names and by shapes that fit. */

/** A module with its place in the tree of names. */
export interface Named {
  path: string;
}

export interface Piece extends Named {
  inputs: number;
  outputs: number;
}

export type Order<T> =
  | { kind: 'one'; order: T[] }
  /** Two of several orders that fit names and shapes. */
  | { kind: 'several'; orders: [T[], T[]] }
  /** Shapes that follow one another in no order that the numbers allow. */
  | { kind: 'none'; reason: string };

/** No multilayer perceptron has more layers; comparing each with each takes a second up to there. */
const mostLayers = 500;

/** Beyond this many attempts the names say so little that no order would be believed. */
const mostSteps = 20_000;

/**
 * -1 if the numbers in the names put `a` before `b`, 1 if behind it, 0 if they say nothing: at the first segment that
 * differs both must read alike but for their numbers (`fc2` and `fc10`, `hidden.2.linear` and `hidden.10.linear`).
 */
export function compareNumbers(a: string, b: string): -1 | 0 | 1 {
  const [left, right] = [a.split('.'), b.split('.')];
  const at = left.findIndex((segment, i) => segment !== right[i]);
  const [x, y] = [left[at], right[at]];
  if (x === undefined || y === undefined || template(x) !== template(y)) return 0;
  const [xs, ys] = [numbersIn(x), numbersIn(y)];
  const k = xs.findIndex((n, i) => n !== ys[i]);
  if (k < 0) return 0;
  return xs[k]! < ys[k]! ? -1 : 1;
}

const template = (text: string): string => text.replace(/\d+/g, '#');

/** All numbers of a name, in their order: `layer1.block2` has [1, 2]. */
export const numbersIn = (text: string): number[] => (text.match(/\d+/g) ?? []).map(Number);

/** The order of the layers, if names and shapes leave exactly one. */
export function orderOf<T extends Piece>(pieces: readonly T[]): Order<T> {
  if (pieces.length > mostLayers)
    return {
      kind: 'none',
      reason: `${pieces.length} linear layers, more than the ${mostLayers} that can be ordered`,
    };
  const search = new Search(pieces);
  search.extend([], undefined);
  const { found, steps } = search;
  if (found.length >= 2) return { kind: 'several', orders: [found[0]!, found[1]!] };
  if (steps > mostSteps)
    return { kind: 'none', reason: 'names without numbers and shapes that allow too many orders to try' };
  if (found.length === 1) return { kind: 'one', order: found[0]! };
  return { kind: 'none', reason: misfit(pieces) };
}

class Search<T extends Piece> {
  readonly found: T[][] = [];
  steps = 0;
  private readonly pieces: readonly T[];
  private readonly used: boolean[];
  /** How many that must come before each are still to be placed. */
  private readonly waiting: number[];
  private readonly behind: number[][];

  constructor(pieces: readonly T[]) {
    this.pieces = pieces;
    this.used = pieces.map(() => false);
    this.behind = pieces.map((a) =>
      pieces.flatMap((b, j) => (compareNumbers(a.path, b.path) < 0 ? [j] : [])),
    );
    this.waiting = pieces.map(() => 0);
    for (const j of this.behind.flat()) this.waiting[j]!++;
  }

  /** Every order that goes on from `order`, until two are found. */
  extend(order: number[], width: number | undefined): void {
    if (order.length === this.pieces.length) {
      this.found.push(order.map((i) => this.pieces[i]!));
      return;
    }
    for (const [i, piece] of this.pieces.entries()) {
      if (this.used[i] || this.waiting[i]! > 0) continue;
      if (width !== undefined && piece.inputs !== width) continue;
      if (this.found.length >= 2 || ++this.steps > mostSteps) return;
      this.place(i, true);
      order.push(i);
      this.extend(order, piece.outputs);
      order.pop();
      this.place(i, false);
    }
  }

  private place(i: number, placed: boolean): void {
    this.used[i] = placed;
    for (const j of this.behind[i]!) this.waiting[j]! += placed ? -1 : 1;
  }
}

const shown = ({ path, inputs, outputs }: Piece): string => `"${path}" (${inputs} to ${outputs})`;

/** Why nothing fits: the first break in the order of the numbers, where they leave one. */
function misfit<T extends Piece>(pieces: readonly T[]): string {
  const sorted = pieces.toSorted((a, b) => compareNumbers(a.path, b.path));
  const total = sorted.every((piece, i) => i === 0 || compareNumbers(sorted[i - 1]!.path, piece.path) < 0);
  const at = sorted.findIndex((piece, i) => i > 0 && sorted[i - 1]!.outputs !== piece.inputs);
  if (total && at > 0)
    return `no chain of linear layers: in the order of their numbers ${shown(sorted[at]!)} follows ${shown(sorted[at - 1]!)}, which does not fit`;
  const listed = pieces.slice(0, 6).map(shown).join(', ');
  return `no chain of linear layers, each taking the previous one's output, in any order that the names allow: ${listed}${pieces.length > 6 ? `, and ${pieces.length - 6} more` : ''}`;
}
