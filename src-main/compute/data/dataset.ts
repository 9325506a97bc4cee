/** What every kind of data set becomes: examples in ordinary memory. */
import type { ImageShape } from '../../../src-shared/images.ts';
import type { TargetKind, Task } from '../../../src-shared/objective.ts';
import type { Edges } from '../networks/edges.ts';

export type { ImageShape } from '../../../src-shared/images.ts';

export interface Examples {
  count: number;
  /** Numbers per example, e.g. 784. */
  features: number;
  /**
   * [count, features], normalised, C order. With `pixels` it is made when it is read, and again if nothing has held it
   * since: hold it where it is read in a loop, and take `rowsOf` where a part is enough.
   */
  readonly x: Float32Array<ArrayBuffer>;
  /** What `x` is made of, if its numbers are bytes of a file. */
  readonly pixels?: Pixels;
  /**
   * [count], 0 to classes - 1; -1: the example is not scored (a node of another split). With `targets` [count, each]: binary
   * labels 0 or 1; tokens to predict, -1 if one does not count; or numbers to predict, which alone are of float32.
   */
  labels: Labels;
  /** What labels an example; absent: it has one class. */
  readonly targets?: Targets | undefined;
  /** The numbers of `x` are tokens: whole numbers that are looked up. */
  readonly tokens?: boolean | undefined;
  /** Of images: a row of `x` is [channels, height, width] in C order. */
  readonly shape?: ImageShape | undefined;
  /** What the number 0 of the file is in `x`, by channel: a black pixel. Of images whose channels are normalised as a whole. */
  readonly black?: Float32Array | undefined;
  /** Of the nodes of a graph: who are neighbours. They go through a network together, all of them. */
  readonly edges?: Edges | undefined;
  /** How many are scored; absent: all. */
  readonly scored?: number | undefined;
}

export type Labels = Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>;

export interface Targets {
  readonly kind: TargetKind;
  /** How many an example has. */
  readonly each: number;
}

/** How many examples a number over them is the mean of. */
export const scoredCount = ({ count, scored }: Examples): number => scored ?? count;

/** Number i of a row of `x` is `table[256 * floor(i / plane) + byte]`. */
export interface Pixels {
  bytes: Uint8Array;
  /** 256 numbers for each stretch of `plane` numbers of a row. */
  table: Float32Array;
  plane: number;
}

export interface Dataset {
  name: string;
  /** Where it was read from, for logs and messages. */
  origin: string;
  /** The folder to be recorded with a run; absent where the config's own is. */
  folder?: string | undefined;
  /** Of a set that a person has added: the hash by which its contents are known. */
  contents?: string | undefined;
  /** What is learnt, of a set that was added; absent: what `targets` of the examples say. */
  task?: Task | undefined;
  /** Or how many binary labels, or numbers to be predicted, each example has; of tokens one more than the largest to be predicted. */
  classes: number;
  /** The train file, before it is split into train and validation. */
  train: Examples;
  test: Examples;
  /** Of images: channels, height, width. */
  shape?: ImageShape | undefined;
  /** Of a graph, all of whose nodes are in `train`: which of them train, validate and test. */
  nodes?: Record<'train' | 'val' | 'test', Int32Array<ArrayBuffer>>;
  /** Hex SHA-256 of the decompressed files, by file name; of a set that was added, its contents as that of `dataset.json`. */
  sha256: Record<string, string>;
}

/**
 * Examples that are kept as bytes, a quarter of what their numbers take: a data set stays in memory for as long as its
 * process, and most jobs want its numbers only once, to hand them to the back end.
 */
export function pixelExamples(
  features: number,
  pixels: Pixels,
  labels: Labels,
  shape?: ImageShape,
  targets?: Targets,
): Examples & { pixels: Pixels } {
  let made: WeakRef<Examples['x']> | undefined;
  return {
    ...{ count: pixels.bytes.length / features, features, pixels, labels, shape, targets },
    black: shape && blackOf(pixels, features, shape),
    get x() {
      let x = made?.deref();
      if (!x) {
        x = numbers(pixels, 0, pixels.bytes.length);
        made = new WeakRef(x);
      }
      return x;
    },
  };
}

/** Undefined where it differs inside a channel. */
function blackOf(
  { table, plane }: Pixels,
  features: number,
  [channels]: ImageShape,
): Float32Array | undefined {
  const perChannel = features / channels;
  if (plane % perChannel !== 0) return undefined;
  return Float32Array.from(
    { length: channels },
    (_, c) => table[256 * Math.floor((c * perChannel) / plane)]!,
  );
}

/** Of the bytes from `start` up to `end`, both at the beginning of a row. */
function numbers(
  { bytes, table, plane }: Pixels,
  start: number,
  end: number,
  into = new Float32Array(end - start),
): Float32Array<ArrayBuffer> {
  const planes = table.length / 256;
  if (planes === 1) {
    for (let i = start; i < end; i++) into[i - start] = table[bytes[i]!]!;
    return into;
  }
  for (let i = start, which = 0; i < end; i += plane, which = (which + 1) % planes) {
    const base = 256 * which;
    for (let j = i; j < i + plane; j++) into[j - start] = table[base + bytes[j]!]!;
  }
  return into;
}

/**
 * `x` of the rows from `start` up to `end`, not to be written to.
 * @param into takes numbers that have to be made, instead of a new array; of this many
 */
export function rowsOf(
  examples: Examples,
  start: number,
  end: number,
  into?: Float32Array<ArrayBuffer>,
): Float32Array<ArrayBuffer> {
  const { features, pixels } = examples;
  const [first, last] = [start * features, end * features];
  return pixels ? numbers(pixels, first, last, into) : examples.x.subarray(first, last);
}

/** The rows `indices` of the examples, copied. */
export function selectExamples(examples: Examples, indices: Int32Array): Examples {
  if (examples.edges) throw new Error('nodes of a graph cannot be separated from it');
  const { features, pixels, shape, black } = examples;
  const { targets, tokens } = examples;
  const each = targets?.each ?? 1;
  const labels = emptyLike(examples.labels, indices.length * each);
  copyRows<Labels>(examples.labels, labels, indices, each);
  if (pixels) {
    const bytes = new Uint8Array(indices.length * features);
    copyRows(pixels.bytes, bytes, indices, features);
    return pixelExamples(features, { ...pixels, bytes }, labels, shape, targets);
  }
  const x = new Float32Array(indices.length * features);
  copyRows(examples.x, x, indices, features);
  return { count: indices.length, features, x, labels, shape, black, targets, tokens };
}

/** Labels of the examples from `start` up to `end`. */
export function labelsOf(
  { labels, targets }: Pick<Examples, 'labels' | 'targets'>,
  start: number,
  end: number,
): Labels {
  const each = targets?.each ?? 1;
  return labels.subarray(start * each, end * each);
}

const emptyLike = (labels: Labels, length: number): Labels =>
  labels instanceof Float32Array ? new Float32Array(length) : new Int32Array(length);

function copyRows<T extends Uint8Array | Float32Array | Int32Array>(
  from: T,
  to: T,
  indices: Int32Array,
  width: number,
): void {
  for (const [row, index] of indices.entries())
    to.set(from.subarray(index * width, (index + 1) * width), row * width);
}
