/**
 * The few tensor operations that networks are made of, without tfjs's tape. On the native back end they call
 * TensorFlow's kernels directly (18 microseconds each); elsewhere they are tfjs operations. Every output is the caller's
 * to dispose of; inputs are left alone.
 */
import { attr } from '../backend/index.ts';
import type { Backend, Operation, Tensor } from '../backend/index.ts';

type Unary = (a: Tensor) => Tensor;
type Binary = (a: Tensor, b: Tensor) => Tensor;

export interface Kernels {
  readonly backend: Backend;
  add: Binary;
  sub: Binary;
  mul: Binary;
  tanh: Unary;
  erf: Unary;
  relu: Unary;
  sigmoid: Unary;
  /** Batched product of [.., r, k] and [.., k, c]; `transposeA`, `transposeB` read their operand transposed. */
  matMul(a: Tensor, b: Tensor, transposeA?: boolean, transposeB?: boolean): Tensor;
  /** Mean over one axis, which is kept with size 1. */
  mean(a: Tensor, axis: number): Tensor;
  /** The same memory under another shape. */
  reshape(a: Tensor, shape: number[]): Tensor;
  /** Normalises every row of [M, B, n] over n: LayerNorm without its affine part, biased variance. */
  layerNorm(z: Tensor, epsilon: number): Tensor;
  /** A float32 scalar that lives until `releaseKernels`; do not dispose of it. */
  constant(value: number): Tensor;
  /** Helper tensors that live until `releaseKernels`. */
  readonly kept: Tensor[];
}

const cache = new WeakMap<Backend, Kernels>();

export function kernelsOf(backend: Backend): Kernels {
  let kernels = cache.get(backend);
  if (!kernels) {
    kernels = backend.native ? nativeKernels(backend) : portableKernels(backend);
    cache.set(backend, kernels);
  }
  return kernels;
}

/** Disposes of the small helper tensors (constants and the like) that kernels keep between calls. */
export function releaseKernels(backend: Backend): void {
  backend.tf.dispose(cache.get(backend)?.kept ?? []);
  cache.delete(backend);
}

type Keep = <T extends Tensor>(tensor: T) => T;

function keeper(backend: Backend, kept: Tensor[]): Keep {
  return (tensor) => {
    kept.push(tensor);
    return backend.tf.keep(tensor);
  };
}

function constants(backend: Backend, keep: Keep): (value: number) => Tensor {
  const known = new Map<number, Tensor>();
  return (value) => {
    let tensor = known.get(value);
    if (!tensor) known.set(value, (tensor = keep(backend.tf.scalar(value, 'float32'))));
    return tensor;
  };
}

function portableKernels(backend: Backend): Kernels {
  const { tf } = backend;
  const kept: Tensor[] = [];
  const constant = constants(backend, keeper(backend, kept));
  return {
    backend,
    kept,
    add: (a, b) => tf.add(a, b),
    sub: (a, b) => tf.sub(a, b),
    mul: (a, b) => tf.mul(a, b),
    tanh: (a) => tf.tanh(a),
    erf: (a) => tf.erf(a),
    relu: (a) => portableRelu(backend, a),
    sigmoid: (a) => tf.sigmoid(a),
    matMul: (a, b, transposeA = false, transposeB = false) => tf.matMul(a, b, transposeA, transposeB),
    mean: (a, axis) => tf.mean(a, axis, true),
    reshape: (a, shape) => tf.reshape(a, shape),
    layerNorm: (z, epsilon) =>
      tf.tidy(() => {
        const centred = tf.sub(z, tf.mean(z, -1, true));
        return tf.mul(centred, tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), epsilon)));
      }),
    constant,
  };
}

/**
 * relu as a tfjs operation. That of tfjs's WebAssembly compares bits as whole numbers and so makes 0 of a NaN with its
 * sign bit set, which is what infinity - infinity gives on x86: a network that overflows would come out with finite logits.
 */
export const portableRelu = ({ name, tf }: Backend, a: Tensor): Tensor =>
  name === 'wasm' ? tf.tidy(() => tf.where(tf.isNaN(a), a, tf.relu(a))) : tf.relu(a);

function nativeKernels(backend: Backend): Kernels {
  const native = backend.native!;
  const { tf } = backend;
  const type = { T: attr.type('float32') };
  const unary = (name: string): Unary => {
    const operation = native.operation(name, type);
    return (a) => operation(a)[0]!;
  };
  const binary = (name: string): Binary => {
    const operation = native.operation(name, type);
    return (a, b) => operation(a, b)[0]!;
  };
  const products = [false, true].map((adjointA) =>
    [false, true].map((adjointB) =>
      native.operation('BatchMatMulV2', { ...type, adj_x: attr.bool(adjointA), adj_y: attr.bool(adjointB) }),
    ),
  );
  const kept: Tensor[] = [];
  const keep = keeper(backend, kept);
  const axes = new Map<number, Tensor>();
  const axisTensor = (axis: number): Tensor => {
    let tensor = axes.get(axis);
    if (!tensor) axes.set(axis, (tensor = keep(tf.tensor1d([axis], 'int32'))));
    return tensor;
  };
  const constant = constants(backend, keep);
  const meanKeep = native.operation('Mean', {
    ...type,
    Tidx: attr.type('int32'),
    keep_dims: attr.bool(true),
  });
  const reshape = nativeReshape(backend, keep);
  return {
    backend,
    kept,
    add: binary('AddV2'),
    sub: binary('Sub'),
    mul: binary('Mul'),
    tanh: unary('Tanh'),
    erf: unary('Erf'),
    relu: unary('Relu'),
    sigmoid: unary('Sigmoid'),
    matMul: (a, b, transposeA = false, transposeB = false) => products[+transposeA]![+transposeB]!(a, b)[0]!,
    mean: (a, axis) => meanKeep(a, axisTensor(axis))[0]!,
    reshape,
    layerNorm: nativeLayerNorm(backend, reshape, keep),
    constant,
  };
}

/** Shapes are uploaded once each: tf.reshape would do so at every call. */
function nativeReshape(backend: Backend, keep: Keep): Kernels['reshape'] {
  const operation = backend.native!.operation('Reshape', {
    T: attr.type('float32'),
    Tshape: attr.type('int32'),
  });
  const shapes = new Map<string, Tensor>();
  return (a, shape) => {
    const key = shape.join();
    let tensor = shapes.get(key);
    if (!tensor) shapes.set(key, (tensor = keep(backend.tf.tensor1d(shape, 'int32'))));
    return operation(a, tensor)[0]!;
  };
}

/**
 * LayerNorm in one kernel: batch norm of [1, rows, n, 1] in NCHW order, where every row is a channel of its own
 * (1.4 ms against 3 ms composed, for [16, 64, 512] on two cores).
 */
function nativeLayerNorm(backend: Backend, reshape: Kernels['reshape'], keep: Keep): Kernels['layerNorm'] {
  const native = backend.native!;
  const { tf } = backend;
  const operations = new Map<number, Operation>();
  const operationFor = (epsilon: number): Operation => {
    let operation = operations.get(epsilon);
    if (!operation) {
      const types = { T: attr.type('float32'), U: attr.type('float32'), data_format: attr.string('NCHW') };
      const settings = { epsilon: attr.float(epsilon), is_training: attr.bool(true) };
      const average = { exponential_avg_factor: attr.float(1) };
      operation = native.operation('FusedBatchNormV3', { ...types, ...settings, ...average }, 6);
      operations.set(epsilon, operation);
    }
    return operation;
  };
  const vectors = new Map<number, { ones: Tensor; zeros: Tensor }>();
  const empty = keep(tf.tensor1d([], 'float32'));
  const vectorsOf = (rows: number): { ones: Tensor; zeros: Tensor } => {
    let found = vectors.get(rows);
    if (!found) vectors.set(rows, (found = { ones: keep(tf.ones([rows])), zeros: keep(tf.zeros([rows])) }));
    return found;
  };
  return (z, epsilon) => {
    const width = z.shape.at(-1)!;
    const rows = z.size / width;
    const { ones, zeros } = vectorsOf(rows);
    const flat = reshape(z, [1, rows, width, 1]);
    const [normal, ...rest] = operationFor(epsilon)(flat, ones, zeros, empty, empty);
    const y = reshape(normal!, z.shape);
    tf.dispose([flat, normal!, ...rest]);
    return y;
  };
}
