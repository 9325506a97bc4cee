/**
 * The innermost loops of this folder in WebAssembly, two float64 numbers at a time: three to four times as fast as the
 * same in JavaScript. The loops written here multiply and add in a fixed order; `solve` uses a relaxed fused multiply-add,
 * whose bits depend on the processor. What is promised about bits: docs/determinism.md.
 */
import {
  add,
  advance,
  block,
  compile,
  doWhileBelow,
  get,
  load,
  plus,
  set,
  spread,
  store,
  subtract,
  times,
  zeros,
} from './assemble.ts';
import type { Code, Kernel, Local } from './assemble.ts';
import { solve } from './solve-kernel.ts';
import type { SolveKernel } from './solve-kernel.ts';

/** Addresses and counts are bytes into `memory`, and multiples of 8 but for counts of loops. */
interface Exports {
  /** See solve-kernel.ts. */
  solve: SolveKernel;
  memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  /**
   * Sixteen sums per panel: out[panel][4 r + c] = sum_p a[4 p + r] b[panel][4 p + c].
   * @param depth bytes of one row of a panel, 32 per p
   */
  products(a: number, b: number, depth: number, bEnd: number, out: number): void;
  /** As `products`, of the squared differences: sum_p (a[4 p + r] - b[panel][4 p + c])^2. */
  distances(a: number, b: number, depth: number, bEnd: number, out: number): void;
  /**
   * With four rows r, `stride` bytes apart: `sums` [4][2] = r times x, two lanes each. All of these go over the numbers
   * from x to xEnd, two at a time.
   */
  dots(row: number, stride: number, x: number, xEnd: number, sums: number): void;
  /** x += sum_r factors[r] r */
  combine(row: number, stride: number, x: number, xEnd: number, factors: number): void;
  /** Both at once: `sums` = r times x, and y += sum_r factors[r] r. */
  symmetric(
    row: number,
    stride: number,
    x: number,
    xEnd: number,
    sums: number,
    y: number,
    factors: number,
  ): void;
}

/** The loop over panels of four columns; `term` is what one pair of numbers adds to a sum. */
function tiles(term: (left: Code, right: Code) => Code): Kernel {
  const [a, b, depth, bEnd, out, p, end] = [0, 1, 2, 3, 4, 5, 6];
  const sum = (r: number, half: number): Local => 7 + 2 * r + half;
  const [left, right0, right1] = [15, 16, 17];
  const rows = [0, 1, 2, 3];
  const eachSum = (code: (r: number, half: number) => Code): Code =>
    block(...rows.flatMap((r) => [code(r, 0), code(r, 1)]));
  const step = block(
    set(right0, load(get(b))),
    set(right1, load(get(b), 16)),
    ...rows.map((r) =>
      block(
        set(left, spread(get(p), 8 * r)),
        set(sum(r, 0), add(get(sum(r, 0)), term(get(left), get(right0)))),
        set(sum(r, 1), add(get(sum(r, 1)), term(get(left), get(right1)))),
      ),
    ),
    advance(p, 32),
    advance(b, 32),
  );
  const body = doWhileBelow(
    b,
    bEnd,
    eachSum((r, half) => set(sum(r, half), zeros)),
    set(p, get(a)),
    set(end, plus(get(a), get(depth))),
    doWhileBelow(p, end, step),
    eachSum((r, half) => store(get(out), get(sum(r, half)), 32 * r + 16 * half)),
    advance(out, 128),
  );
  return { params: 5, integers: 2, vectors: 11, body };
}

/** Loops over four rows. Parameters: row, stride, x, xEnd, then those of `sums` and of `y` and `factors`. */
function fourRows(does: { dots: boolean; y?: 'x' | 'apart' }): Kernel {
  const [row, stride, x, xEnd] = [0, 1, 2, 3];
  const sums = 4;
  const y = does.y === 'apart' ? 5 : x;
  const params = does.y === 'apart' ? 7 : 5;
  const factors = params - 1;
  const first = params;
  const at = [row, first, first + 1, first + 2];
  const vector = (i: number): Local => first + 3 + i;
  const [xs, ys, entries] = [vector(8), vector(9), vector(10)];
  const rows = [0, 1, 2, 3];
  const [sum, factor] = [(r: number) => vector(r), (r: number) => vector(4 + r)];
  const step = (r: number): Code =>
    block(
      set(entries, load(get(at[r]!))),
      ...(does.dots ? [set(sum(r), add(get(sum(r)), times(get(entries), get(xs))))] : []),
      ...(does.y ? [set(ys, add(get(ys), times(get(entries), get(factor(r)))))] : []),
      advance(at[r]!, 16),
    );
  const body = block(
    ...rows.slice(1).map((r) => set(at[r]!, plus(get(at[r - 1]!), get(stride)))),
    ...(does.y ? rows.map((r) => set(factor(r), spread(get(factors), 8 * r))) : []),
    doWhileBelow(
      x,
      xEnd,
      ...(does.dots ? [set(xs, load(get(x)))] : []),
      ...(does.y ? [set(ys, load(get(y)))] : []),
      ...rows.map(step),
      ...(does.y ? [store(get(y), get(ys))] : []),
      advance(x, 16),
      ...(y === x ? [] : [advance(y, 16)]),
    ),
    ...(does.dots ? rows.map((r) => store(get(sums), get(sum(r)), 16 * r)) : []),
  );
  return { params, integers: 3, vectors: 11, body };
}

const square = (left: Code, right: Code, held: Local): Code =>
  block(set(held, subtract(left, right)), times(get(held), get(held)));

const instantiate = compile({
  products: tiles(times),
  distances: { ...tiles((left, right) => square(left, right, 18)), vectors: 12 },
  dots: fourRows({ dots: true }),
  combine: fourRows({ dots: false, y: 'x' }),
  symmetric: fourRows({ dots: true, y: 'apart' }),
  solve,
});

/** The kernels with a memory of their own, which grows as asked and is never given back while this is held. */
export class Simd {
  readonly run: Exports;
  #numbers: Float64Array<ArrayBuffer>;

  constructor() {
    this.run = instantiate() as Exports;
    this.#numbers = new Float64Array(this.run.memory.buffer);
  }

  /** The memory as numbers, `count` of them at least. The next call that asks for more makes earlier answers useless. */
  numbers(count: number): Float64Array<ArrayBuffer> {
    const missing = count * 8 - this.#numbers.byteLength;
    if (missing > 0) {
      this.run.memory.grow(Math.ceil(missing / 2 ** 16));
      this.#numbers = new Float64Array(this.run.memory.buffer);
    }
    return this.#numbers;
  }
}
