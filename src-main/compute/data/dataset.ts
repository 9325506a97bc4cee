/** What every kind of data set becomes: examples in ordinary memory, decoded once. */
export interface Examples {
  count: number;
  /** Numbers per example, e.g. 784. */
  features: number;
  /** [count, features], normalised, C order. */
  x: Float32Array<ArrayBuffer>;
  /** [count], 0 to classes - 1. */
  labels: Int32Array<ArrayBuffer>;
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

/** The rows `indices` of the examples, copied. */
export function selectExamples(examples: Examples, indices: Int32Array): Examples {
  const { features } = examples;
  const x = new Float32Array(indices.length * features);
  const labels = new Int32Array(indices.length);
  for (const [row, index] of indices.entries()) {
    x.set(examples.x.subarray(index * features, (index + 1) * features), row * features);
    labels[row] = examples.labels[index]!;
  }
  return { count: indices.length, features, x, labels };
}
