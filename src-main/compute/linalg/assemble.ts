/**
 * A small assembler for WebAssembly functions over float64 vectors: expressions are byte sequences, combined by the
 * functions below, so that a kernel reads like the loop it is. Only what the kernels of this folder need.
 */

/** What of the global WebAssembly, which Node's types leave out, is used here. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { readonly exports: unknown };
};

/** Instructions; an expression leaves one value, a statement none. */
export type Code = readonly number[];

/** A local variable: its number in the function. */
export type Local = number;

const unsigned = (value: number): Code =>
  value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];

/** Signed LEB128, as constants are written. */
function signed(value: number): Code {
  const low = value & 0x7f;
  const rest = value >> 7;
  const done = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
  return done ? [low] : [low | 0x80, ...signed(rest)];
}

/** An access to memory: log2 of the alignment promised (8 bytes), then the offset. */
const at = (offset: number): Code => [3, ...unsigned(offset)];
const vector = (...code: readonly number[]): Code => [0xfd, ...code];

export const get = (local: Local): Code => [0x20, ...unsigned(local)];
export const set = (local: Local, value: Code): Code => [...value, 0x21, ...unsigned(local)];
export const constant = (value: number): Code => [0x41, ...signed(value)];
export const plus = (a: Code, b: Code): Code => [...a, ...b, 0x6a];
export const advance = (local: Local, bytes: number): Code => set(local, plus(get(local), constant(bytes)));
export const block = (...statements: readonly Code[]): Code => statements.flat();

/** Two float64 numbers at address + offset. */
export const load = (address: Code, offset = 0): Code => [...address, ...vector(0x00), ...at(offset)];
/** One float64 number, in both lanes. */
export const spread = (address: Code, offset = 0): Code => [...address, ...vector(0x0a), ...at(offset)];
export const store = (address: Code, value: Code, offset = 0): Code => [
  ...address,
  ...value,
  ...vector(0x0b),
  ...at(offset),
];
export const zeros: Code = vector(0x0c, ...new Array<number>(16).fill(0));
export const add = (a: Code, b: Code): Code => [...a, ...b, ...vector(0xf0, 0x01)];
export const subtract = (a: Code, b: Code): Code => [...a, ...b, ...vector(0xf1, 0x01)];
/** a b + c and c - a b, rounded once where the processor can (all of the last ten years can). */
export const timesPlus = (a: Code, b: Code, c: Code): Code => [...a, ...b, ...c, ...vector(0x87, 0x02)];
export const minusTimes = (c: Code, a: Code, b: Code): Code => [...a, ...b, ...c, ...vector(0x88, 0x02)];
export const times = (a: Code, b: Code): Code => [...a, ...b, ...vector(0xf2, 0x01)];

/** One 32-bit integer at address + offset. */
export const loadInteger = (address: Code, offset = 0): Code => [
  ...address,
  ...[0x28, 2],
  ...unsigned(offset),
];

/** Runs the statements if local `a` is below local `b` (addresses). */
export const ifBelow = (a: Local, b: Local, ...body: readonly Code[]): Code => [
  ...get(a),
  ...get(b),
  ...[0x49, 0x04, 0x40],
  ...body.flat(),
  0x0b,
];

/** Repeats the statements as long as local `a` is below local `b` (addresses); at least once. */
export const doWhileBelow = (a: Local, b: Local, ...body: readonly Code[]): Code => [
  ...[0x03, 0x40],
  ...body.flat(),
  ...get(a),
  ...get(b),
  ...[0x49, 0x0d, 0x00, 0x0b],
];

export interface Kernel {
  /** All are 32-bit addresses or counts; they are locals 0, 1, ... */
  params: number;
  /** More locals of 32 bits, numbered after the parameters; then those of two float64 numbers. */
  integers: number;
  vectors: number;
  body: Code;
}

const section = (id: number, content: Code): Code => [id, ...unsigned(content.length), ...content];
const list = (items: readonly Code[]): Code => [...unsigned(items.length), ...items.flat()];
const text = (word: string): Code => [...unsigned(word.length), ...Buffer.from(word, 'ascii')];

/** Compiles kernels once; every call of what it returns gives an instance, with a memory of its own. */
export function compile(kernels: Readonly<Record<string, Kernel>>): () => unknown {
  const module = new WebAssembly.Module(assemble(kernels));
  return () => new WebAssembly.Instance(module).exports;
}

/** A module that exports the kernels and its memory, `memory`. */
function assemble(kernels: Readonly<Record<string, Kernel>>): Uint8Array<ArrayBuffer> {
  const named = Object.entries(kernels);
  const int = 0x7f;
  const types = named.map(([, { params }]): Code => [0x60, ...list(new Array<Code>(params).fill([int])), 0]);
  const bodies = named.map(([, { integers, vectors, body }]): Code => {
    const locals = list([
      [...unsigned(integers), int],
      [...unsigned(vectors), 0x7b],
    ]);
    const code = [...locals, ...body, 0x0b];
    return [...unsigned(code.length), ...code];
  });
  const exports = named.map(([name], i): Code => [...text(name), 0, ...unsigned(i)]);
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, list(types)),
    ...section(3, list(named.map((_, i) => unsigned(i)))),
    ...section(5, list([[0, 1]])),
    ...section(7, list([...exports, [...text('memory'), 2, 0]])),
    ...section(10, list(bodies)),
  ]);
}
