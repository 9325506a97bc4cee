/**
 * The two loops over examples that training of a scalar network spends its time in, in WebAssembly, two examples at a
 * time and without branches. Terms are formed in the order of the plain loops, so outputs have the same bits; sums over
 * examples are formed in two halves.
 */
import {
  add,
  block,
  compile,
  constant,
  doWhileBelow,
  get,
  load,
  plus,
  set,
  spread,
  store,
  times,
  zeros,
} from '../linalg/assemble.ts';
import type { Code, Kernel, Local } from '../linalg/assemble.ts';

/** Addresses are bytes into `memory`. */
interface Exports {
  memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  /** out += max(0, a0 z0 + a1 z1 + b) from z0 to `end`; `unit` holds a0, a1, b. */
  addOutput(z0: number, z1: number, out: number, end: number, unit: number): void;
  /** `sums` [3][2] = sums of r z0, r z1 and r over the examples for which the unit is active. */
  gradient(z0: number, z1: number, r: number, end: number, unit: number, sums: number): void;
}

const largest = (a: Code, b: Code): Code => [...a, ...b, 0xfd, 0xf5, 0x01];
const above = (a: Code, b: Code): Code => [...a, ...b, 0xfd, 0x4a];
const both = (a: Code, b: Code): Code => [...a, ...b, 0xfd, 0x4e];
const advance = (local: Local): Code => set(local, plus(get(local), constant(16)));

/** a0 z0 + a1 z1 + b, with the unit's numbers in vectors from `first` on. */
const input = (first: Local, z0: Local, z1: Local): Code =>
  add(add(times(get(first), load(get(z0))), times(get(first + 1), load(get(z1)))), get(first + 2));

const takeUnit = (unit: Local, first: Local): Code =>
  block(...[0, 1, 2].map((i) => set(first + i, spread(get(unit), 8 * i))));

function outputKernel(): Kernel {
  const [z0, z1, out, end, unit] = [0, 1, 2, 3, 4];
  const first = 5;
  const body = block(
    takeUnit(unit, first),
    doWhileBelow(
      z0,
      end,
      store(get(out), add(load(get(out)), largest(zeros, input(first, z0, z1)))),
      ...[z0, z1, out].map(advance),
    ),
  );
  return { params: 5, integers: 0, vectors: 3, body };
}

function gradientKernel(): Kernel {
  const [z0, z1, r, end, unit, sums] = [0, 1, 2, 3, 4, 5];
  const first = 6;
  const [taken, s0, s1, s] = [9, 10, 11, 12];
  const gather = (sum: Local, term: Code): Code => set(sum, add(get(sum), term));
  const body = block(
    takeUnit(unit, first),
    doWhileBelow(
      z0,
      end,
      set(taken, both(load(get(r)), above(input(first, z0, z1), zeros))),
      gather(s0, times(get(taken), load(get(z0)))),
      gather(s1, times(get(taken), load(get(z1)))),
      gather(s, get(taken)),
      ...[z0, z1, r].map(advance),
    ),
    ...[s0, s1, s].map((sum, i) => store(get(sums), get(sum), 16 * i)),
  );
  return { params: 6, integers: 0, vectors: 7, body };
}

const instantiate = compile({ addOutput: outputKernel(), gradient: gradientKernel() });

/** Examples in the memory of the kernels, and what units make of them. */
export class ScalarKernels {
  readonly #kernels: Exports;
  readonly #bytes: number;
  readonly first: Float64Array;
  readonly second: Float64Array;
  /** Outputs of all units so far, or residuals. */
  readonly out: Float64Array;
  readonly #unit: Float64Array;
  readonly #sums: Float64Array;
  #count = 0;

  /** @param capacity most examples at a time */
  constructor(capacity: number) {
    this.#kernels = instantiate() as Exports;
    const even = capacity + (capacity % 2);
    this.#bytes = 8 * even;
    const { memory } = this.#kernels;
    memory.grow(Math.ceil((3 * this.#bytes + 80) / 65_536));
    const part = (place: number, length: number) => new Float64Array(memory.buffer, place, length);
    this.first = part(0, even);
    this.second = part(this.#bytes, even);
    this.out = part(2 * this.#bytes, even);
    this.#unit = part(3 * this.#bytes, 3);
    this.#sums = part(3 * this.#bytes + 32, 6);
  }

  /** So many examples are in place now; an odd number is filled up with one that weighs nothing. */
  begin(count: number): void {
    this.#count = count;
    this.out.fill(0, 0, count + 1);
    if (count % 2 === 1) this.first[count] = this.second[count] = 0;
  }

  addOutput(a0: number, a1: number, b: number): void {
    const z = this.#bytes;
    this.#take(a0, a1, b);
    this.#kernels.addOutput(0, z, 2 * z, this.#end(), 3 * z);
  }

  /** The filler of an odd number of examples must have residual 0. Returns the sums of r z0, r z1 and r. */
  gradient(a0: number, a1: number, b: number): [number, number, number] {
    const z = this.#bytes;
    this.#take(a0, a1, b);
    this.#kernels.gradient(0, z, 2 * z, this.#end(), 3 * z, 3 * z + 32);
    const sums = this.#sums;
    return [sums[0]! + sums[1]!, sums[2]! + sums[3]!, sums[4]! + sums[5]!];
  }

  #end(): number {
    return 8 * (this.#count + (this.#count % 2));
  }

  #take(a0: number, a1: number, b: number): void {
    this.#unit[0] = a0;
    this.#unit[1] = a1;
    this.#unit[2] = b;
  }
}
