/** Sums over rows of data that arrive in blocks: X^T X, column means, covariance. Float64 sums of float32 or float64 rows. */
import { UserError } from '../../../src-shared/errors.ts';
import { addProduct, transposedView, view } from './multiply.ts';

/** Accumulates sum x x^T and sum x over rows x of `width` entries. */
export class GramAccumulator {
  readonly width: number;
  readonly #gram: Float64Array;
  readonly #sums: Float64Array;
  #rows = 0;

  constructor(width: number) {
    this.width = width;
    this.#gram = new Float64Array(width * width);
    this.#sums = new Float64Array(width);
  }

  /** How many rows were added. */
  get rows(): number {
    return this.#rows;
  }

  /** Adds the rows of `block` [count, width], row-major. */
  add(block: Float32Array | Float64Array): void {
    const { width } = this;
    if (block.length % width !== 0) {
      throw new UserError(`Gram matrix: a block of ${block.length} entries is not whole rows of ${width}`);
    }
    const count = block.length / width;
    const rows = block instanceof Float64Array ? block : Float64Array.from(block);
    for (let r = 0; r < count; r++) for (let j = 0; j < width; j++) this.#sums[j]! += rows[r * width + j]!;
    // Blocks of rows of the lower triangle; the upper is mirrored on reading.
    const band = 128;
    const data = view(rows, width);
    for (let i = 0; i < width; i += band) {
      const size = Math.min(band, width - i);
      const left = transposedView({ ...data, offset: i });
      addProduct(view(this.#gram, width, i * width), left, data, size, count, i + size, 1);
    }
    this.#rows += count;
  }

  /** sum x x^T, [width, width], not divided by the number of rows. */
  gram(): Float64Array {
    const { width } = this;
    const out = this.#gram.slice();
    for (let i = 0; i < width; i++) for (let j = 0; j < i; j++) out[j * width + i] = out[i * width + j]!;
    return out;
  }

  /** Column means, [width]. */
  mean(): Float64Array {
    return this.#sums.map((sum) => sum / this.#rows);
  }
}
