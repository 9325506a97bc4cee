/** Deterministic damage to files. */

export type Random = () => number;

/** mulberry32: a small seeded generator; values in [0, 1). */
export function random(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const below = (next: Random, limit: number): number => Math.floor(next() * limit);
export const pick = <T>(next: Random, items: readonly T[]): T => items[below(next, items.length)]!;

const absurd = [
  ...[0n, 1n, 0x7fn, 0x80n, 0xffn, 0x7fffn, 0xffffn, 0x7fffffffn, 0x80000000n, 0xffffffffn, 0x100000000n],
  ...[0x1fffffffffffffn, 0x20000000000000n, 0x7fffffffffffffffn, 0x8000000000000000n, 0xffffffffffffffffn],
];

type Mutation = (bytes: Buffer, next: Random, others: readonly Buffer[]) => Buffer;

const flipBits: Mutation = (bytes, next) => {
  const out = Buffer.from(bytes);
  const count = 1 + below(next, 8);
  for (let i = 0; i < count && out.length > 0; i++) out[below(next, out.length)]! ^= 1 << below(next, 8);
  return out;
};

const truncate: Mutation = (bytes, next) => bytes.subarray(0, below(next, bytes.length + 1));

const dropStart: Mutation = (bytes, next) => bytes.subarray(below(next, bytes.length + 1));

/** Writes an absurd number over 1, 2, 4 or 8 bytes, in either byte order. */
const absurdSize: Mutation = (bytes, next) => {
  const width = pick(next, [1, 2, 4, 8]);
  const number = Buffer.alloc(8);
  const value = pick(next, absurd);
  const little = next() < 0.7;
  if (little) number.writeBigUInt64LE(value);
  else number.writeBigUInt64BE(value);
  const out = Buffer.from(bytes);
  number.copy(out, below(next, Math.max(out.length - width, 1)), little ? 0 : 8 - width, little ? width : 8);
  return out;
};

const swapRanges: Mutation = (bytes, next) => {
  const length = 1 + below(next, Math.max(bytes.length >> 2, 1));
  const [a, b] = [
    below(next, Math.max(bytes.length - length, 1)),
    below(next, Math.max(bytes.length - length, 1)),
  ];
  const out = Buffer.from(bytes);
  bytes.copy(out, a, b, b + length);
  bytes.copy(out, b, a, a + length);
  return out;
};

const repeatRange: Mutation = (bytes, next) => {
  const start = below(next, bytes.length + 1);
  const piece = bytes.subarray(start, start + 1 + below(next, 64));
  const times = pick(next, [1, 2, 100, 5000]);
  return Buffer.concat([
    bytes.subarray(0, start),
    ...Array<Buffer>(times).fill(piece),
    bytes.subarray(start),
  ]);
};

const removeRange: Mutation = (bytes, next) => {
  const start = below(next, bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + 1 + below(next, 64))]);
};

const splice: Mutation = (bytes, next, others) => {
  const other = pick(next, others);
  return Buffer.concat([
    bytes.subarray(0, below(next, bytes.length + 1)),
    other.subarray(below(next, other.length + 1)),
  ]);
};

const mutations = [
  flipBits,
  flipBits,
  truncate,
  dropStart,
  absurdSize,
  absurdSize,
  swapRanges,
  repeatRange,
  removeRange,
  splice,
];

/** One to three random kinds of damage. */
export function mutate(bytes: Buffer, next: Random, others: readonly Buffer[]): Buffer {
  let out = bytes;
  for (let left = 1 + below(next, 3); left > 0; left--) out = pick(next, mutations)(out, next, others);
  return out;
}
