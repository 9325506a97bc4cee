/** The native TensorFlow, through tfjs-node's binding compiled by setup. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import util from 'node:util';
import type { NodeJSKernelBackend } from '@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend.d.ts';
import type { TFEOpAttr, TFJSBinding } from '@tensorflow/tfjs-node-gpu/dist/tfjs_binding.d.ts';
import { Doubles } from './doubles.ts';
import { setEnvironment } from './environment.ts';
import { compilerOf } from './graph/compile.ts';
import { firstGpu } from './graph/placement.ts';
import type { Attribute, Attributes, KernelType, Tensor, Tf } from './tensors.ts';
import type { NativeKernels, Operation } from './types.ts';

const require = createRequire(import.meta.url);

/** TensorFlow's DataType numbers (tensorflow/c/tf_datatype.h); the binding itself names only some. */
const typeNumbers: Record<KernelType, number> = {
  float32: 1,
  float64: 2,
  int32: 3,
  int64: 9,
  bool: 10,
  resource: 20,
};

export interface Native {
  readonly version: string;
  readonly device: 'cpu' | 'gpu';
  /** Why the CUDA build computes on the processor, and what to do; absent where all is as it should be. */
  readonly shortfall?: { reason: string; fix: string };
  readonly kernels: NativeKernels;
}

/** Where setup leaves the compiled binding. BASIN_BINDING names another file. */
export function bindingPath(): string {
  const folder = dirname(require.resolve('@tensorflow/tfjs-node-gpu/package.json'));
  return process.env['BASIN_BINDING'] ?? join(folder, 'lib', 'napi-v8', 'tfjs_binding.node');
}

export const hasBinding = (): boolean => existsSync(bindingPath());

function prepare(threads: number): void {
  setEnvironment(threads, isCudaBuild());
  // tfjs-node calls a function that Node 23 removed, and one that Node warns about.
  const legacy = util as {
    isNullOrUndefined?: (value: unknown) => boolean;
    isArray: (value: unknown) => boolean;
  };
  legacy.isNullOrUndefined ??= (value) => value === null || value === undefined;
  legacy.isArray = Array.isArray;
}

/** Threads TensorFlow was told to use for one operation, once it is loaded. */
export const intraOpThreads = (): number => Number(process.env['TF_NUM_INTRAOP_THREADS']);

/**
 * TensorFlow greets on stderr from its static initialisers, whatever the log level; a helper that setup compiles beside
 * the binding keeps that aside. (Where BASIN_BINDING names a binding elsewhere there may be none: then it is shown.)
 */
function loadQuietly(): [TFJSBinding, string] {
  const helper = join(dirname(bindingPath()), 'capture_stderr.node');
  if (!existsSync(helper)) return [require(bindingPath()) as TFJSBinding, ''];
  const capture = require(helper) as { begin(): void; end(): string };
  let output: string;
  let binding: TFJSBinding;
  capture.begin();
  try {
    binding = require(bindingPath()) as TFJSBinding;
  } finally {
    output = capture.end();
  }
  return [binding, output];
}

/**
 * Loads the library and registers the tfjs back end `tensorflow`. tfjs-node's own entry is left aside: it loads an
 * installer and looks for the binding through it. Throws what the dynamic linker says.
 */
export function loadNative(tf: Tf, threads: number): Native {
  prepare(threads);
  const [binding, output] = loadQuietly();
  require('@tensorflow/tfjs-node-gpu/dist/register_all_kernels.js');
  const { NodeJSKernelBackend: Kernels } =
    require('@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend.js') as {
      NodeJSKernelBackend: new (binding: TFJSBinding, name: string) => NodeJSKernelBackend;
    };
  const backend = new Kernels(binding, '@tensorflow/tfjs-node-gpu');
  tf.registerBackend('tensorflow', () => backend, 3);
  const device = binding.isUsingGpuDevice() ? 'gpu' : 'cpu';
  return {
    version: binding.TF_Version,
    device,
    kernels: nativeKernels(tf, backend, binding, device),
    ...(device === 'cpu' && isCudaBuild() && { shortfall: withoutGpu(output) }),
  };
}

/** Setup notes beside the binding which build it is linked to. */
function isCudaBuild(): boolean {
  try {
    const stamp = JSON.parse(readFileSync(join(dirname(bindingPath()), 'basin.json'), 'utf8')) as {
      variant?: string;
    };
    return stamp.variant === 'gpu';
  } catch {
    return false;
  }
}

/** `output`: what TensorFlow wrote as it loaded; its errors look like `E0000 00:00:17 123 cuda_platform.cc:52] text`. */
function withoutGpu(output: string): { reason: string; fix: string } {
  const error = /^E\d{4} [^\]]*\] (.*)$/m.exec(output)?.[1];
  return {
    reason: `the CUDA build of TensorFlow found no GPU${error ? ` (${error})` : ''}`,
    fix: 'check the driver with nvidia-smi, or switch back with npm run setup -- --cpu',
  };
}

function toBinding(name: string, attribute: Attribute, binding: TFJSBinding): TFEOpAttr {
  switch (attribute.kind) {
    case 'type':
      return { name, type: binding.TF_ATTR_TYPE, value: typeNumbers[attribute.value] };
    case 'bool':
      return { name, type: binding.TF_ATTR_BOOL, value: attribute.value };
    case 'int':
      return { name, type: binding.TF_ATTR_INT, value: attribute.value as number | number[] };
    case 'float':
      return { name, type: binding.TF_ATTR_FLOAT, value: attribute.value as number | number[] };
    case 'string':
      return { name, type: binding.TF_ATTR_STRING, value: attribute.value };
    case 'shape':
      return { name, type: binding.TF_ATTR_SHAPE, value: [...attribute.value] };
  }
}

function nativeKernels(
  tf: Tf,
  backend: NodeJSKernelBackend,
  binding: TFJSBinding,
  device: Native['device'],
): NativeKernels {
  function operation(name: string, attributes: Attributes = {}, outputs = 1): Operation {
    const settled = Object.entries(attributes).map(([key, value]) => toBinding(key, value, binding));
    return (...inputs) => backend.executeMultipleOutputs(name, settled, inputs, outputs);
  }
  function kernel(name: string, inputs: readonly Tensor[], attributes?: Attributes): Tensor;
  function kernel(name: string, inputs: readonly Tensor[], attributes: Attributes, outputs: number): Tensor[];
  function kernel(name: string, inputs: readonly Tensor[], attributes: Attributes = {}, outputs?: number) {
    const made = operation(name, attributes, outputs ?? 1)(...inputs);
    return outputs === undefined ? made[0]! : made;
  }
  const doubles = new Doubles({
    create: (values, shape) =>
      binding.createTensor(
        [...shape],
        values instanceof Int32Array ? binding.TF_INT32 : binding.TF_FLOAT,
        values,
      ),
    run: (name, attributes, ids, outputs) => {
      const settled = Object.entries(attributes).map(([key, value]) => toBinding(key, value, binding));
      return binding.executeOp(name, settled, [...ids], outputs);
    },
    read: (id) => binding.tensorDataSync(id) as Float32Array<ArrayBuffer>,
    free: (id) => {
      binding.deleteTensor(id);
    },
  });
  return { operation, kernel, doubles, compiler: compilerOf(tf, device === 'gpu' ? firstGpu : undefined) };
}
