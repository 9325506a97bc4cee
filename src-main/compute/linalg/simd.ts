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

const square = (left: Code, right: Code, held: Local): Code =>
  block(set(held, subtract(left, right)), times(get(held), get(held)));

const instantiate = compile({
  products: tiles(times),
  distances: { ...tiles((left, right) => square(left, right, 18)), vectors: 12 },
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

  /** The memory as numbers, `count` of them at least. The next call that asks for more makes earlier views useless. */
  numbers(count: number): Float64Array<ArrayBuffer> {
    const missing = count * 8 - this.#numbers.byteLength;
    if (missing > 0) {
      this.run.memory.grow(Math.ceil(missing / 2 ** 16));
      this.#numbers = new Float64Array(this.run.memory.buffer);
    }
    return this.#numbers;
  }
}
