/** What every kind of data set becomes: examples in ordinary memory. */
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
  /** [count], 0 to classes - 1. */
  labels: Int32Array<ArrayBuffer>;
}

/** Number i of `x` is `table[bytes[i]]`. */
export interface Pixels {
  bytes: Uint8Array;
  table: Float32Array;
}

export interface Dataset {
  name: string;
  /** Where it was read from, for logs and messages. */
  origin: string;
  classes: number;
  /** The train file, before it is split into train and validation. */
  train: Examples;
  test: Examples;
  /** Hex SHA-256 of the decompressed files, by file name. */
  sha256: Record<string, string>;
}

/**
 * Examples that are kept as bytes, a quarter of what their numbers take: a data set stays in memory for as long as its
 * process, and most jobs want its numbers only once, to hand them to the back end.
 */
export function pixelExamples(
  features: number,
  pixels: Pixels,
  labels: Int32Array<ArrayBuffer>,
): Examples & { pixels: Pixels } {
  let made: WeakRef<Examples['x']> | undefined;
  return {
    ...{ count: labels.length, features, pixels, labels },
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

function numbers(
  { bytes, table }: Pixels,
  start: number,
  end: number,
  into = new Float32Array(end - start),
): Float32Array<ArrayBuffer> {
  for (let i = start; i < end; i++) into[i - start] = table[bytes[i]!]!;
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
  const { features, pixels } = examples;
  const labels = Int32Array.from(indices, (index) => examples.labels[index]!);
  if (pixels) {
    const bytes = new Uint8Array(indices.length * features);
    copyRows(pixels.bytes, bytes, indices, features);
    return pixelExamples(features, { bytes, table: pixels.table }, labels);
  }
  const x = new Float32Array(indices.length * features);
  copyRows(examples.x, x, indices, features);
  return { count: indices.length, features, x, labels };
}

function copyRows<T extends Uint8Array | Float32Array>(
  from: T,
  to: T,
  indices: Int32Array,
  width: number,
): void {
  for (const [row, index] of indices.entries())
    to.set(from.subarray(index * width, (index + 1) * width), row * width);
}
