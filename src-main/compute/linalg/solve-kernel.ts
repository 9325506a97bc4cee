/** Forward substitution in WebAssembly: four columns at a time against one factor, four of its rows at a time. */
import {
  advance,
  block,
  doWhileBelow,
  get,
  ifBelow,
  load,
  loadInteger,
  minusTimes,
  plus,
  set,
  spread,
  store,
  subtract,
  times,
  timesPlus,
  zeros,
} from './assemble.ts';
import type { Code, Kernel, Local } from './assemble.ts';

/**
 * For every panel of four columns: x = L^-1 (rows of the panel picked - shift), and |x|^2 of each column to `out`.
 * Addresses in bytes.
 * @param panel the first panel: rows of four numbers, 32 bytes each. @param panelBytes from one to the next
 * @param offsets per row of L, where its row of the panel lies, a 32-bit integer
 * @param factor L in blocks of four rows: for every column before the diagonal four numbers, one per row; then the
 * 4 x 4 block on the diagonal, column by column, with the reciprocals of its diagonal
 * @param x room for one panel's x, up to xEnd: 32 bytes per row of L; rows of L are a multiple of four
 * @param shift one number per row of L
 */
export type SolveKernel = (
  panel: number,
  panelEnd: number,
  panelBytes: number,
  offsets: number,
  factor: number,
  x: number,
  xEnd: number,
  shift: number,
  out: number,
) => void;

const [panel, panelEnd, panelBytes, offsets, factor, x, xEnd, shift, out] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
const [row, left, place, shifts, before] = [9, 10, 11, 12, 13];
const vector = (i: number): Local => 14 + i;
const value = (r: number, half: number): Local => vector(2 * r + half);
const [entry, above0, above1, squares0, squares1] = [8, 9, 10, 11, 12].map(vector) as [
  Local,
  Local,
  Local,
  Local,
  Local,
];
const rows = [0, 1, 2, 3];

/** Row r of the block: what was picked, less the shift. */
const pick = (r: number): Code =>
  block(
    set(entry, spread(get(shifts), 8 * r)),
    ...[0, 1].map((half) => {
      const picked = load(plus(get(panel), loadInteger(get(place), 4 * r)), 16 * half);
      return set(value(r, half), subtract(picked, get(entry)));
    }),
  );

/** Row r -= entry * (the two halves of a solved row). */
const eliminate = (r: number, at: number, half0: Code, half1: Code): Code =>
  block(
    set(entry, spread(get(left), at)),
    set(value(r, 0), minusTimes(get(value(r, 0)), get(entry), half0)),
    set(value(r, 1), minusTimes(get(value(r, 1)), get(entry), half1)),
  );

const rowsBefore: Code = block(
  set(before, get(x)),
  ifBelow(
    before,
    row,
    doWhileBelow(
      before,
      row,
      set(above0, load(get(before))),
      set(above1, load(get(before), 16)),
      ...rows.map((r) => eliminate(r, 8 * r, get(above0), get(above1))),
      advance(before, 32),
      advance(left, 32),
    ),
  ),
);

/** Solves row j of the block, and takes it out of those below. */
const onDiagonal = (j: number): Code =>
  block(
    set(entry, spread(get(left), 40 * j)),
    set(value(j, 0), times(get(value(j, 0)), get(entry))),
    set(value(j, 1), times(get(value(j, 1)), get(entry))),
    ...rows.slice(j + 1).map((r) => eliminate(r, 32 * j + 8 * r, get(value(j, 0)), get(value(j, 1)))),
    store(get(row), get(value(j, 0)), 32 * j),
    store(get(row), get(value(j, 1)), 32 * j + 16),
    set(squares0, timesPlus(get(value(j, 0)), get(value(j, 0)), get(squares0))),
    set(squares1, timesPlus(get(value(j, 1)), get(value(j, 1)), get(squares1))),
  );

const blockOfRows: Code = block(
  ...rows.map(pick),
  rowsBefore,
  ...rows.map(onDiagonal),
  advance(row, 128),
  advance(left, 128),
  advance(place, 16),
  advance(shifts, 32),
);

export const solve: Kernel = {
  params: 9,
  integers: 5,
  vectors: 13,
  body: doWhileBelow(
    panel,
    panelEnd,
    set(row, get(x)),
    set(left, get(factor)),
    set(place, get(offsets)),
    set(shifts, get(shift)),
    set(squares0, zeros),
    set(squares1, zeros),
    doWhileBelow(row, xEnd, blockOfRows),
    store(get(out), get(squares0)),
    store(get(out), get(squares1), 16),
    advance(out, 32),
    set(panel, plus(get(panel), get(panelBytes))),
  ),
};
