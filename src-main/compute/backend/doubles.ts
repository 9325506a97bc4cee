/**
 * Float64 on the native library. tfjs knows no such tensors, but TensorFlow's kernels do: handles here are the
 * library's own, outside tfjs. The binding moves float32 only, so the bytes of a float64 travel as two of them.
 */
import { sizeOf } from '../../../src-shared/shapes.ts';
import type { Attributes } from './tensors.ts';
import { attr } from './tensors.ts';

/** A float64 tensor inside TensorFlow. Whoever made it frees it. */
export interface Double {
  readonly id: number;
  readonly shape: readonly number[];
}

/** Where a kernel covers images [height, width, channels]: `padding` zeros are on every side, rows and columns. */
export interface Windows {
  image: readonly [height: number, width: number, channels: number];
  kernel: readonly [height: number, width: number];
  stride: readonly [number, number];
  padding: readonly [number, number];
}

/** The calls of the binding that this needs, attributes already translated. */
export interface RawLibrary {
  create(values: Float32Array | Int32Array, shape: readonly number[]): number;
  run(
    name: string,
    attributes: Attributes,
    ids: readonly number[],
    outputs: number,
  ): { id: number; shape: number[] }[];
  read(id: number): Float32Array<ArrayBuffer>;
  free(id: number): void;
}

const float64 = { T: attr.type('float64') };

export class Doubles {
  readonly #library: RawLibrary;

  constructor(library: RawLibrary) {
    this.#library = library;
  }

  /** Some columns, rising, of a float32 matrix [rows, width]. */
  putColumns(values: Float32Array, width: number, columns: Int32Array): Double {
    const rows = values.length / width;
    if (columns.length === width) return this.put(values, [rows, width]);
    const all = this.#library.create(values, [rows, width]);
    const some = this.#gather(all, 'float32', columns, [columns.length], 1);
    const wide = this.#widen(some.id);
    this.#library.free(all);
    this.#library.free(some.id);
    return wide;
  }

  /** The values must stay as they are as long as the tensor lives: TensorFlow may read them where they lie. */
  put(values: Float32Array | Float64Array, shape: readonly number[]): Double {
    const single = values instanceof Float32Array;
    const halves = single ? values : new Float32Array(values.buffer, values.byteOffset, 2 * values.length);
    const narrow = this.#library.create(halves, single ? shape : [...shape, 2]);
    const wide = single ? this.#widen(narrow) : this.#bitcast(narrow, 'float32', 'float64');
    this.#library.free(narrow);
    return wide;
  }

  read(tensor: Double): Float64Array<ArrayBuffer> {
    const halves = this.#bitcast(tensor.id, 'float64', 'float32');
    const { buffer } = this.#library.read(halves.id);
    this.#library.free(halves.id);
    return new Float64Array(buffer);
  }

  /** A kernel of one type parameter T on float64 inputs. */
  op(name: string, inputs: readonly Double[], attributes: Attributes = {}): Double {
    return this.ops(name, inputs, attributes, 1)[0]!;
  }

  /** As `op`, of a kernel with several outputs. */
  ops(name: string, inputs: readonly Double[], attributes: Attributes, outputs: number): Double[] {
    const ids = inputs.map(({ id }) => id);
    return this.#library.run(name, { ...float64, ...attributes }, ids, outputs);
  }

  /** a b, either transposed. */
  matMul(a: Double, b: Double, transposeA = false, transposeB = false): Double {
    return this.op('MatMul', [a, b], {
      transpose_a: attr.bool(transposeA),
      transpose_b: attr.bool(transposeB),
    });
  }

  /** Mean or sum over one axis, which stays with length 1 unless it is to be dropped. */
  reduce(how: 'Mean' | 'Sum', a: Double, axis: number, drop = false): Double {
    const axes = this.#library.create(Int32Array.of(axis), [1]);
    const attributes = { ...float64, Tidx: attr.type('int32'), keep_dims: attr.bool(!drop) };
    const [out] = this.#library.run(how, attributes, [a.id, axes], 1);
    this.#library.free(axes);
    return out!;
  }

  /** Rows of a, [rows, ...], at the places in `which`, of shape `shape`: [...shape, ...]. */
  gather(a: Double, which: Int32Array, shape: readonly number[]): Double {
    return this.#gather(a.id, 'float64', which, shape, 0);
  }

  /**
   * The windows that a kernel covers on images, zeros around them, as rows: image by image, window by window (row by
   * row), in a window row by row, channels fastest.
   * @param images [count, height * width * channels]
   * @returns [count * windows, kernel height * kernel width * channels]
   */
  windows(images: Double, { image, kernel, stride, padding }: Windows): Double {
    const channels = image[2];
    const whole = this.#reshape(images.id, [-1, ...image]);
    const [rows, columns] = padding;
    const zeros = this.#library.create(Int32Array.of(0, 0, rows, rows, columns, columns, 0, 0), [4, 2]);
    const [padded] = this.#library.run(
      'Pad',
      { ...float64, Tpaddings: attr.type('int32') },
      [whole, zeros],
      1,
    );
    const settings = {
      ksizes: attr.int([1, ...kernel, 1]),
      strides: attr.int([1, ...stride, 1]),
      rates: attr.int([1, 1, 1, 1]),
      padding: attr.string('VALID'),
    };
    const [cut] = this.#library.run('ExtractImagePatches', { ...float64, ...settings }, [padded!.id], 1);
    const size = kernel[0] * kernel[1] * channels;
    const count = sizeOf(cut!.shape) / size;
    const flat = this.#reshape(cut!.id, [count, size]);
    for (const id of [whole, zeros, padded!.id, cut!.id]) this.#library.free(id);
    return { id: flat, shape: [count, size] };
  }

  /** The same numbers as rows of `width`. */
  rows(a: Double, width: number): Double {
    const shape = [sizeOf(a.shape) / width, width];
    return { id: this.#reshape(a.id, shape), shape };
  }

  #reshape(id: number, shape: readonly number[]): number {
    const to = this.#library.create(Int32Array.from(shape), [shape.length]);
    const [out] = this.#library.run('Reshape', { ...float64, Tshape: attr.type('int32') }, [id, to], 1);
    this.#library.free(to);
    return out!.id;
  }

  free(...tensors: readonly Double[]): void {
    for (const { id } of tensors) this.#library.free(id);
  }

  #gather(
    id: number,
    type: 'float32' | 'float64',
    which: Int32Array,
    shape: readonly number[],
    along: number,
  ): Double {
    const indices = this.#library.create(which, shape);
    const axis = this.#library.create(Int32Array.of(along), []);
    const types = { Tparams: type, Tindices: 'int32', Taxis: 'int32' } as const;
    const attributes = Object.fromEntries(Object.entries(types).map(([key, of]) => [key, attr.type(of)]));
    const inputs = [id, indices, axis];
    const [out] = this.#library.run('GatherV2', { ...attributes, batch_dims: attr.int(0) }, inputs, 1);
    this.#library.free(indices);
    this.#library.free(axis);
    return out!;
  }

  #widen(id: number): Double {
    const types = { SrcT: attr.type('float32'), DstT: attr.type('float64') };
    return this.#library.run('Cast', { ...types, Truncate: attr.bool(false) }, [id], 1)[0]!;
  }

  #bitcast(id: number, from: 'float32' | 'float64', to: 'float32' | 'float64'): Double {
    return this.#library.run('Bitcast', { T: attr.type(from), type: attr.type(to) }, [id], 1)[0]!;
  }
}
