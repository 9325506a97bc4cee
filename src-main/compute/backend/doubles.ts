/**
 * Float64 on the native library. tfjs knows no such tensors, but TensorFlow's kernels do: handles here are the
 * library's own, outside tfjs. The binding moves float32 only, so a float64 travels as a sum of three of them, which
 * is exact within float32's range (about 1e-38 to 3e38).
 */
import type { Attributes } from './types.ts';
import { attr } from './types.ts';

/** A float64 tensor inside TensorFlow. Whoever made it frees it. */
export interface Double {
  readonly id: number;
  readonly shape: readonly number[];
}

/** The calls of the binding that this needs, attributes already translated. */
export interface RawLibrary {
  create(values: Float32Array | Int32Array, shape: readonly number[]): number;
  run(name: string, attributes: Attributes, ids: readonly number[]): { id: number; shape: number[] };
  read(id: number): Float32Array;
  free(id: number): void;
}

const parts = 3;
const float64 = { T: attr.type('float64') };

export class Doubles {
  readonly #library: RawLibrary;

  constructor(library: RawLibrary) {
    this.#library = library;
  }

  put(values: Float32Array | Float64Array, shape: readonly number[]): Double {
    let sum = this.#widen(Float32Array.from(values), shape);
    if (values instanceof Float32Array) return sum;
    const rest = values.map((value) => value - Math.fround(value));
    for (let part = 1; part < parts; part++) {
      const piece = Float32Array.from(rest);
      for (let k = 0; k < rest.length; k++) rest[k]! -= piece[k]!;
      const more = this.#widen(piece, shape);
      const next = this.op('AddV2', [sum, more]);
      this.free(sum, more);
      sum = next;
    }
    return sum;
  }

  read(tensor: Double): Float64Array {
    let rest = tensor;
    let out: Float64Array | undefined;
    for (let part = 0; part < parts; part++) {
      const narrow = this.#cast(rest.id, 'float64', 'float32');
      const piece = this.#library.read(narrow.id);
      if (out) for (let k = 0; k < piece.length; k++) out[k]! += piece[k]!;
      else out = Float64Array.from(piece);
      const wide = this.#cast(narrow.id, 'float32', 'float64');
      const next = this.op('Sub', [rest, wide]);
      this.#library.free(narrow.id);
      this.free(wide);
      if (rest !== tensor) this.free(rest);
      rest = next;
    }
    this.free(rest);
    return out!;
  }

  /** A kernel of one type parameter T on float64 inputs. */
  op(name: string, inputs: readonly Double[], attributes: Attributes = {}): Double {
    return this.#library.run(
      name,
      { ...float64, ...attributes },
      inputs.map(({ id }) => id),
    );
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
    const out = this.#library.run(how, attributes, [a.id, axes]);
    this.#library.free(axes);
    return out;
  }

  free(...tensors: readonly Double[]): void {
    for (const { id } of tensors) this.#library.free(id);
  }

  #widen(values: Float32Array, shape: readonly number[]): Double {
    const narrow = this.#library.create(values, shape);
    const wide = this.#cast(narrow, 'float32', 'float64');
    this.#library.free(narrow);
    return wide;
  }

  #cast(id: number, from: 'float32' | 'float64', to: 'float32' | 'float64'): Double {
    const attributes = { SrcT: attr.type(from), DstT: attr.type(to), Truncate: attr.bool(false) };
    return this.#library.run('Cast', attributes, [id]);
  }
}
