/** Seeded random streams: one per purpose, so that drawing more of one thing never changes another. */
import { mersenne } from 'pure-rand/generator/mersenne';
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';

export class RandomStream {
  readonly #generator;
  #spare: number | undefined;

  /** The stream named by `path` under a seed, e.g. `stream(seed, 'weight', 2)`. Other paths give independent streams. */
  constructor(seed: number, ...path: readonly (string | number)[]) {
    const next = stateOf(seed, path.join('/'));
    this.#generator = xoroshiro128plusFromState([next(), next(), next(), next() | 1]);
    for (let i = 0; i < 8; i++) this.#generator.next();
  }

  /** Uniform in [0, 1), 53 bits. */
  uniform(): number {
    const high = this.#generator.next() >>> 5;
    const low = this.#generator.next() >>> 6;
    return (high * 0x4000000 + low) * 2 ** -53;
  }

  /** Uniform integer in [0, bound); bound at most 2^32. */
  integer(bound: number): number {
    const limit = 0x100000000 - (0x100000000 % bound);
    for (;;) {
      const value = this.#generator.next() >>> 0;
      if (value < limit) return value % bound;
    }
  }

  /** Standard normal (Marsaglia's polar method). */
  normal(): number {
    if (this.#spare !== undefined) {
      const value = this.#spare;
      this.#spare = undefined;
      return value;
    }
    for (;;) {
      const a = 2 * this.uniform() - 1;
      const b = 2 * this.uniform() - 1;
      const square = a * a + b * b;
      if (square === 0 || square >= 1) continue;
      const factor = Math.sqrt((-2 * Math.log(square)) / square);
      this.#spare = b * factor;
      return a * factor;
    }
  }

  /** `count` draws of N(0, deviation^2). */
  normals(count: number, deviation = 1): Float32Array<ArrayBuffer> {
    const out = new Float32Array(count);
    for (let i = 0; i < count; i++) out[i] = deviation * this.normal();
    return out;
  }

  /** `count` draws of U(-bound, bound). */
  uniforms(count: number, bound: number): Float32Array<ArrayBuffer> {
    const out = new Float32Array(count);
    for (let i = 0; i < count; i++) out[i] = bound * (2 * this.uniform() - 1);
    return out;
  }

  /** Every entry: 0 with probability `rate`, else 1 / (1 - rate). */
  keeps(out: Float32Array, rate: number): void {
    const [limit, kept] = [rate * 0x100000000, 1 / (1 - rate)];
    for (let i = 0; i < out.length; i++) out[i] = this.#generator.next() >>> 0 >= limit ? kept : 0;
  }

  /** Shuffles in place (Fisher-Yates); only the first `count` places are settled when it is given. */
  shuffle(values: Int32Array, count = values.length): Int32Array {
    const stop = Math.min(count, values.length - 1);
    for (let i = 0; i < stop; i++) {
      const j = i + this.integer(values.length - i);
      const held = values[i]!;
      values[i] = values[j]!;
      values[j] = held;
    }
    return values;
  }

  permutation(count: number): Int32Array {
    return this.shuffle(Int32Array.from({ length: count }, (_, i) => i));
  }
}

/** Mixes seed and name into 32-bit words: FNV-1a over the name, splitmix32 from there. */
function stateOf(seed: number, name: string): () => number {
  let state = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) state = Math.imul(state ^ name.charCodeAt(i), 0x01000193);
  const salt = state >>> 0;
  state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9 + salt) | 0;
    let z = state ^ salt;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return z ^ (z >>> 15);
  };
}

/** PyTorch's `torch.randperm(count)` with a CPU generator seeded `seed` (32 bits): the first that it draws. */
export const torchPermutation = (seed: number, count: number): Int32Array => permutationsOfTorch(seed)(count);

/**
 * PyTorch's `torch.randperm`, again and again with one CPU generator seeded `seed` (32 bits): Mersenne Twister and a modulo
 * Fisher-Yates, as aten/src/ATen/native/TensorFactories.cpp draws it for counts below 2^32 / 20. Makes the splits of runs
 * trained with PyTorch known without a file.
 */
export function permutationsOfTorch(seed: number): (count: number) => Int32Array {
  const generator = mersenne(seed);
  return (count) => {
    const values = Int32Array.from({ length: count }, (_, i) => i);
    for (let i = 0; i < count - 1; i++) {
      const j = i + ((generator.next() >>> 0) % (count - i));
      const held = values[i]!;
      values[i] = values[j]!;
      values[j] = held;
    }
    return values;
  };
}

/**
 * Three words of 32 bits that belong to (seed, epoch, index), each set independent of all others: for what is drawn per
 * example, where a stream for each would take longer than the work itself.
 */
export function draws32(seed: number, epoch: number, index: number): [number, number, number] {
  const next = stateOf(mix32(mix32(seed, epoch), index), 'example');
  return [next() >>> 0, next() >>> 0, next() >>> 0];
}

/** murmur3's mixing of one more word into a state. */
function mix32(state: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  let h = state ^ k;
  h = Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
