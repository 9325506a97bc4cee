/**
 * Tracing: while `trace` runs, every TensorFlow operation of tfjs's native back end is recorded instead of carried out,
 * gradients included, which are operations too. What comes out of an operation (shape, type) is learned by running its
 * kernel once on zeros, so that no shape rules are needed here.
 *
 * What a trace freezes: every JavaScript number that enters becomes a constant of the graph. What changes from call to
 * call (learning rates, bias corrections, randomness) has to be an argument.
 */
import type { NodeJSKernelBackend } from '@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend.d.ts';
import type {
  TensorMetadata,
  TFEOpAttr,
  TFJSBinding,
} from '@tensorflow/tfjs-node-gpu/dist/tfjs_binding.d.ts';
import type { ComputationBody } from '../computation.ts';
import type { Tensor, Tf } from '../tensors.ts';
import { typeSizes, types } from './graph.ts';
import { sizeOf } from '../../../../src-shared/shapes.ts';
import type { Graph, Node, Spec, Value } from './graph.ts';
import type { Bytes } from './protobuf.ts';

/** tfjs-node's back end, with the two private methods that turn its tensors into the binding's ids and back. */
export type NativeBackend = Omit<NodeJSKernelBackend, 'createOutputTensor' | 'getInputTensorIds'> & {
  binding: TFJSBinding;
  createOutputTensor(metadata: TensorMetadata): Tensor;
  getInputTensorIds(tensors: readonly Tensor[]): number[];
};

/**
 * The type of what is float32 to tfjs. `float64`: the computation is recorded in double precision throughout. tfjs rounds
 * every number to float32 before the binding sees it, so that constants which are not exact in float32 are refused there:
 * they enter through `numberTensor`.
 */
export type Precision = 'float32' | 'float64';

export interface TraceSettings {
  /** As tfjs sees them: what is of dtype float64 here is a float32 tensor inside `body`. */
  args: readonly Spec[];
  state: readonly Spec[];
  precision?: Precision;
}

/** Their outputs depend on values, or they are state or randomness of their own. */
const refused = new Set([
  ...['Where', 'Unique', 'UniqueV2', 'NonMaxSuppressionV3', 'NonMaxSuppressionV4', 'NonMaxSuppressionV5'],
  ...['VarHandleOp', 'ReadVariableOp', 'AssignVariableOp', 'AssignAddVariableOp', 'DestroyResourceOp'],
  ...['ResourceApplyAdam', 'RandomUniform', 'RandomStandardNormal', 'TruncatedNormal', 'Multinomial'],
]);

/** Type attributes that tfjs-node leaves to eager execution, by the input that has the type: a graph infers none. */
const impliedTypes: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  ExpandDims: { T: 0, Tdim: 1 },
};

/** Bytes of a constant, one element's if all are the same. */
const largestConstant = 2 ** 16;
/** Elements of a constant that is no repetition of one value: shapes, axes, small tables. More smells of data or randomness. */
const largestTable = 256;

interface Known {
  value: Value;
  spec: Spec;
  /** The binding's own tensor holds its value: kernels are run on it to learn shapes. */
  constant: boolean;
}

/** The trace under way: there is one tfjs per process. */
let current: { recorder: Recorder; backend: NativeBackend } | undefined;

/** A scalar that is exact in the precision of the trace under way, or an ordinary float32 one outside of any. */
export function numberTensor(tf: Tf, value: number): Tensor {
  if (!current) return tf.scalar(value, 'float32');
  return current.backend.createOutputTensor(current.recorder.number(value));
}

/** Records `body`. @throws Error naming an operation or constant that cannot be part of a graph */
export function trace(tf: Tf, settings: TraceSettings, body: ComputationBody): Graph {
  if (current) throw new Error('a trace inside a trace');
  const backend = tf.backend() as unknown as NativeBackend;
  const recorder = new Recorder(backend.binding, settings.precision ?? 'float32');
  const real = backend.binding;
  backend.binding = recorder.binding();
  current = { recorder, backend };
  try {
    const recorded: Graph[] = [];
    tf.tidy(() => {
      const given = [...settings.args, ...settings.state].map((spec, argument) =>
        backend.createOutputTensor(recorder.input(argument, spec)),
      );
      const result = body(given.slice(0, settings.args.length), given.slice(settings.args.length));
      const valueOf = (tensor: Tensor): Value => recorder.find(backend.getInputTensorIds([tensor])[0]!).value;
      recorded.push({
        arguments: settings.args,
        state: settings.state,
        outputs: result.outputs.map(valueOf),
        next: result.state.map(valueOf),
      });
    });
    return recorded[0]!;
  } finally {
    current = undefined;
    backend.binding = real;
    recorder.dispose();
  }
}

class Recorder {
  readonly #real: TFJSBinding;
  readonly #precision: Precision;
  /** By the binding's id; what is recorded has virtual ones, below -1: tfjs frees only ids of 0 and up. */
  readonly #known = new Map<number, Known>();
  readonly #zeros = new Map<string, number>();
  readonly #learned = new Map<string, Spec[]>();
  readonly #owned: number[] = [];
  #next = -2;

  constructor(real: TFJSBinding, precision: Precision) {
    this.#real = real;
    this.#precision = precision;
  }

  binding(): TFJSBinding {
    const stop = (): never => {
      throw new Error(
        'a value was requested while tracing; it is only known when the compiled function runs',
      );
    };
    return Object.create(this.#real, {
      createTensor: { value: this.#createTensor.bind(this) },
      executeOp: { value: this.#execute.bind(this) },
      tensorDataSync: { value: stop },
      runSavedModel: { value: stop },
    }) as TFJSBinding;
  }

  input(argument: number, spec: Spec): TensorMetadata {
    return this.#virtual({ argument }, spec);
  }

  number(value: number): TensorMetadata {
    const double = this.#precision === 'float64';
    const data = double ? Float64Array.of(value) : Float32Array.of(value);
    const spec = { dtype: double ? types.float64 : types.float32, shape: [] };
    const node: Node = {
      op: 'Const',
      attributes: [],
      inputs: [],
      outputs: [spec],
      data: new Uint8Array(data.buffer),
    };
    return this.#virtual({ node, index: 0 }, spec);
  }

  find(id: number): Known {
    const known = this.#known.get(id);
    if (known) return known;
    // A tensor from before the trace: its value is frozen.
    const [copy] = this.#real.executeOp('Identity', [], [id], 1);
    this.#real.deleteTensor(copy!.id);
    return this.#constant(id, { dtype: copy!.dtype, shape: copy!.shape }, this.#real.tensorDataSync(id));
  }

  dispose(): void {
    for (const id of [...this.#zeros.values(), ...this.#owned]) this.#real.deleteTensor(id);
  }

  #createTensor(shape: number[], dtype: number, data: ArrayBufferView<ArrayBuffer>): number {
    const id = this.#real.createTensor(shape, dtype, data as Float32Array);
    this.#constant(id, { dtype, shape: [...shape] }, data);
    return id;
  }

  #constant(id: number, spec: Spec, data: ArrayBufferView<ArrayBufferLike>): Known {
    const widened = this.#precision === 'float64' && spec.dtype === types.float32;
    const values = widened ? widen(data as Float32Array) : data;
    const own = widened ? { ...spec, dtype: types.float64 } : spec;
    const bytes = compact(
      new Uint8Array(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength),
      own,
    );
    const repeated = bytes.length === typeSizes[own.dtype];
    if (bytes.length > largestConstant || (!repeated && sizeOf(own.shape) > largestTable))
      throw new Error(
        `a constant of shape [${own.shape.join(', ')}] would be frozen into the graph: pass it as an argument or state`,
      );
    const node: Node = { op: 'Const', attributes: [], inputs: [], outputs: [own], data: bytes };
    const known = { value: { node, index: 0 }, spec: own, constant: !widened };
    this.#known.set(id, known);
    return known;
  }

  #execute(op: string, attributes: TFEOpAttr[], ids: number[], count: number): TensorMetadata[] {
    if (refused.has(op)) throw new Error(`${op} cannot be part of a compiled graph`);
    const inputs = ids.map((id) => this.find(id));
    const own = [
      ...attributes.map((attribute) => this.#inPrecision(attribute)),
      ...Object.entries(impliedTypes[op] ?? {}).map(([name, input]): TFEOpAttr => ({
        ...{ name, type: this.#real.TF_ATTR_TYPE },
        value: inputs[input]!.spec.dtype,
      })),
    ];
    const outputs = this.#learn(op, own, ids, count);
    const node: Node = { op, attributes: own, inputs: inputs.map(({ value }) => value), outputs };
    return outputs.map((spec, index) => this.#virtual({ node, index }, spec));
  }

  #inPrecision(attribute: TFEOpAttr): TFEOpAttr {
    const isType = attribute.type === this.#real.TF_ATTR_TYPE && attribute.value === types.float32;
    return isType && this.#precision === 'float64'
      ? { ...attribute, value: types.float64 }
      : { ...attribute };
  }

  /** To tfjs a double is a float: it knows no other. */
  #virtual(value: Value, spec: Spec): TensorMetadata {
    const id = this.#next--;
    this.#known.set(id, { value, spec, constant: false });
    const dtype = spec.dtype === types.float64 ? types.float32 : spec.dtype;
    return { id, dtype, shape: [...spec.shape] };
  }

  #learn(op: string, attributes: TFEOpAttr[], ids: readonly number[], count: number): Spec[] {
    const product = productOf(
      op,
      attributes,
      ids.map((id) => this.find(id).spec),
    );
    if (product) return [product];
    const inputs = ids.map((id, position) => {
      const known = this.find(id);
      return known.constant ? id : this.#zerosOf(standInOf(op, position, known.spec));
    });
    const key = JSON.stringify([op, attributes, inputs, count]);
    let specs = this.#learned.get(key);
    if (!specs) {
      const made = this.#real.executeOp(op, attributes, inputs, count);
      specs = made.map(({ dtype, shape }) => ({ dtype, shape }));
      for (const { id } of made) this.#real.deleteTensor(id);
      this.#learned.set(key, specs);
    }
    return specs;
  }

  #zerosOf({ dtype, shape }: Spec): number {
    const key = `${dtype}:${shape.join()}`;
    let id = this.#zeros.get(key);
    if (id === undefined) {
      id = this.#makeZeros(dtype, [...shape]);
      this.#zeros.set(key, id);
    }
    return id;
  }

  #makeZeros(dtype: number, shape: number[]): number {
    const count = sizeOf(shape);
    const real = this.#real;
    if (dtype === types.int32) return real.createTensor(shape, dtype, new Int32Array(count));
    if (dtype === types.bool) return real.createTensor(shape, dtype, new Uint8Array(count));
    const single = real.createTensor(shape, types.float32, new Float32Array(count));
    if (dtype === types.float32) return single;
    const type = (name: string, value: number): TFEOpAttr => ({ name, type: real.TF_ATTR_TYPE, value });
    const [wide] = real.executeOp('Cast', [type('SrcT', types.float32), type('DstT', dtype)], [single], 1);
    real.deleteTensor(single);
    return wide!.id;
  }
}

/**
 * Products of matrices are not run to learn their shape: TensorFlow's CPU kernels keep code for each of the last thousand
 * shapes that they met, 2 MB for every network that is traced.
 */
function productOf(op: string, attributes: readonly TFEOpAttr[], inputs: readonly Spec[]): Spec | undefined {
  if (op !== 'BatchMatMulV2' && op !== 'MatMul') return undefined;
  const [a, b] = inputs as [Spec, Spec];
  const flag = (...names: string[]): boolean =>
    attributes.some(({ name, value }) => names.includes(name) && value === true);
  const rows = a.shape.at(flag('adj_x', 'transpose_a') ? -1 : -2)!;
  const columns = b.shape.at(flag('adj_y', 'transpose_b') ? -2 : -1)!;
  const rank = Math.max(a.shape.length, b.shape.length) - 2;
  const batch = Array.from({ length: rank }, (_, axis) => {
    const [own, other] = [a, b].map(({ shape }) => shape[shape.length - 2 - rank + axis] ?? 1);
    return own === 1 ? other! : own!;
  });
  return { dtype: a.dtype, shape: [...batch, rows, columns] };
}

/**
 * What stands for an input while an operation's result is learned. Gathering along axis 0 (`maths.gather`, the only way
 * that is traced) gives the same from a table of any length: one row stands for a whole data set, whose zeros would take as
 * much memory again.
 */
function standInOf(op: string, position: number, spec: Spec): Spec {
  const [rows, ...row] = spec.shape;
  if (op !== 'GatherV2' || position !== 0 || rows === undefined) return spec;
  return { ...spec, shape: [Math.min(rows, 1), ...row] };
}

/** A copy; of one element where all are the same (gradients of means and sums are full of ones). */
function compact(bytes: Uint8Array<ArrayBuffer>, { dtype, shape }: Spec): Bytes {
  const size = typeSizes[dtype]!;
  if (sizeOf(shape) === 0) return bytes.slice();
  for (let i = size; i < bytes.length; i++) if (bytes[i] !== bytes[i - size]) return bytes.slice();
  return bytes.slice(0, size);
}

/** @throws Error at a number that float32 has rounded */
function widen(values: Float32Array): Float64Array<ArrayBuffer> {
  const scratch = new Uint32Array(1);
  const single = new Float32Array(scratch.buffer);
  for (const value of values) {
    single[0] = value;
    // Powers of two, small integers and their quotients have short mantissas; rounded decimals have full ones.
    if (Number.isFinite(value) && (scratch[0]! & 0x3ff) !== 0)
      throw new Error(`the constant ${value} was rounded to float32 on its way into a float64 trace`);
  }
  return Float64Array.from(values);
}
