/** Neural tangent kernels, chunk by chunk: no more gradients are held than the budget allows. */
import type { Gradients, Layout, Rows } from './gradients.ts';

/** Bytes of gradients that are kept for later chunks; the others are computed again. */
const gradientBudget = 768 * 2 ** 20;
/** Bytes of the gradients of one chunk. */
const chunkBudget = 96 * 2 ** 20;

/** Examples per call: every one has its own copy of the weights. */
export function chunkOf({ weights }: Layout, samples: number, convolutions: boolean): number {
  // Convolutions run one example after the other: their graph grows with every one.
  const most = convolutions ? 4 : 32;
  return Math.max(1, Math.min(samples, most, Math.floor(chunkBudget / (8 * weights))));
}

/** Bytes of gradients that are held at a time, at most. */
export function gradientBytes({ chunks, layout, budget = gradientBudget }: Examined): number {
  const all = 8 * layout.weights * startsOf(chunks, layout.features).at(-1)!;
  const chunk = (8 * layout.weights * chunks[0]!.length) / layout.features;
  return Math.min(all, Math.max(budget, chunk) + chunk);
}

/** Called after each chunk of each output with the share of the work that it was. */
export type Between = (share: number) => Promise<void>;

export interface Examined {
  /** Of the examples, in order, [size, features] each. */
  chunks: readonly Float32Array[];
  layout: Layout;
  /** Bytes of gradients that are kept. */
  budget?: number;
}

export interface KernelResult {
  /** [samples, samples], symmetric to the last bit */
  kernel: Float64Array;
  /** J times each direction: [directions][samples, outputs]. */
  changes: Float64Array[];
}

/**
 * K_ij = sum over outputs k of grad f_k(x_i) · grad f_k(x_j), over all trained weights, no factor 1 / outputs
 * (neuron-identifiability, src/utils/ntk.py, compute_ntk_matrix_efficient).
 * @param directions in weight space; what comes of one does not depend on the others, to the last bit
 */
export async function kernelOf<T>(
  gradients: Gradients<T>,
  examined: Examined,
  directions: readonly Float64Array[],
  between: Between,
): Promise<KernelResult> {
  const starts = startsOf(examined.chunks, examined.layout.features);
  const samples = starts.at(-1)!;
  const kernel = new Float64Array(samples * samples);
  const changes = await pass(gradients, { ...examined, starts }, directions, {
    between,
    row: (own, i, kept) => {
      for (let j = i; j < examined.chunks.length; j++) {
        const other = j === i ? own : kept.take(j);
        addBlock(kernel, samples, gradients.products(own, other), [starts[i]!, starts[j]!, other.rows]);
        if (j !== i) kept.release(j, other);
      }
    },
  });
  return { kernel, changes };
}

/** The changes alone: [directions][samples, outputs], as `kernelOf` gives them to the last bit. */
export function changesOf<T>(
  gradients: Gradients<T>,
  examined: Examined,
  directions: readonly Float64Array[],
  between: Between,
): Promise<Float64Array[]> {
  const starts = startsOf(examined.chunks, examined.layout.features);
  return pass(gradients, { ...examined, starts }, directions, { between, row: () => undefined });
}

/** Goes through the gradients of every output, chunk by chunk. */
async function pass<T>(
  gradients: Gradients<T>,
  { chunks, layout, starts, budget = gradientBudget }: Examined & { starts: readonly number[] },
  directions: readonly Float64Array[],
  { between, row }: { between: Between; row: (own: Rows<T>, i: number, kept: KeptRows<T>) => void },
): Promise<Float64Array[]> {
  const { outputs } = layout;
  const changes = directions.map(() => new Float64Array(starts.at(-1)! * outputs));
  // One by one: a product with several may add up in another order.
  const held = directions.map((direction) => gradients.hold(direction, 1));
  try {
    for (let k = 0; k < outputs; k++) {
      const kept = new KeptRows(gradients, chunks, { k, room: budget / (8 * layout.weights * starts[1]!) });
      try {
        for (const [i, start] of starts.slice(0, -1).entries()) {
          const own = kept.take(i);
          held.forEach((direction, d) => {
            const found = gradients.along(own, direction);
            found.forEach((value, at) => (changes[d]![(start + at) * outputs + k] = value));
          });
          row(own, i, kept);
          kept.done(i, own);
          await between(1 / (outputs * chunks.length));
        }
      } finally {
        kept.dispose();
      }
    }
  } finally {
    gradients.free(...held);
  }
  return changes;
}

/** First example of each chunk, and behind them how many there are. */
function startsOf(chunks: readonly Float32Array[], features: number): number[] {
  let at = 0;
  return [0, ...chunks.map((chunk) => (at += chunk.length / features))];
}

/** Gradients of one output: `room` chunks are kept. */
class KeptRows<T> {
  readonly #gradients: Gradients<T>;
  readonly #chunks: readonly Float32Array[];
  readonly #k: number;
  readonly #room: number;
  readonly #kept = new Map<number, Rows<T>>();

  constructor(
    gradients: Gradients<T>,
    chunks: readonly Float32Array[],
    { k, room }: { k: number; room: number },
  ) {
    this.#gradients = gradients;
    this.#chunks = chunks;
    this.#k = k;
    this.#room = Math.max(1, Math.floor(room));
  }

  take(i: number): Rows<T> {
    const known = this.#kept.get(i);
    if (known) return known;
    const fresh = this.#gradients.rows(this.#chunks[i]!, this.#k);
    if (this.#kept.size < this.#room) this.#kept.set(i, fresh);
    return fresh;
  }

  /** Not needed for now. */
  release(i: number, rows: Rows<T>): void {
    if (this.#kept.get(i) !== rows) this.#gradients.free(rows);
  }

  /** Not needed again. */
  done(i: number, rows: Rows<T>): void {
    this.#kept.delete(i);
    this.#gradients.free(rows);
  }

  dispose(): void {
    this.#gradients.free(...this.#kept.values());
    this.#kept.clear();
  }
}

/** Adds a block above the diagonal, and its mirror image below. */
function addBlock(
  kernel: Float64Array,
  samples: number,
  block: Float64Array,
  [row, column, width]: readonly [row: number, column: number, width: number],
): void {
  const height = block.length / width;
  for (let i = 0; i < height; i++) {
    for (let j = row === column ? i : 0; j < width; j++) {
      const value = block[i * width + j]!;
      const [a, b] = [row + i, column + j];
      kernel[a * samples + b]! += value;
      if (a !== b) kernel[b * samples + a]! += value;
    }
  }
}
