/** The WebAssembly back end (SIMD, one thread: tfjs offers no threads under Node) and the plain JavaScript one. */
import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import type { KernelConfig, KernelFunc, TensorInfo, TypedArray } from '@tensorflow/tfjs-core';
import type { Tf } from './tensors.ts';

const require = createRequire(import.meta.url);

interface HostBackend {
  makeTensorInfo(shape: number[], dtype: string, values?: TypedArray): TensorInfo;
  disposeData(dataId: object, force?: boolean): boolean;
  readSync(dataId: object): TypedArray;
}

interface WasmBackend {
  makeOutput(shape: number[], dtype: string, memoryOffset?: number, values?: TypedArray): TensorInfo;
  readSync(dataId: object): TypedArray;
}

interface WasmPackage {
  setWasmPaths(folder: string): void;
}

/** Registers `wasm`, and hands the few kernels that it lacks (Einsum, UnsortedSegmentSum ...) to the JavaScript one. */
export async function loadWasm(tf: Tf): Promise<void> {
  const entry = require.resolve('@tensorflow/tfjs-backend-wasm');
  const wasm = require(entry) as WasmPackage;
  wasm.setWasmPaths(dirname(entry) + sep);
  if (!(await tf.setBackend('wasm'))) throw new Error('tfjs could not start its wasm back end');
  borrowMissingKernels(tf);
}

/** The JavaScript back end, without its advice to install tfjs-node. */
export async function loadCpu(tf: Tf): Promise<void> {
  Reflect.set(tf.findBackend('cpu'), 'firstUse', false);
  if (!(await tf.setBackend('cpu'))) throw new Error('tfjs could not start its cpu back end');
}

function borrowMissingKernels(tf: Tf): void {
  const present = new Set(tf.getKernelsForBackend('wasm').map((kernel) => kernel.kernelName));
  Reflect.set(tf.findBackend('cpu'), 'firstUse', false);
  for (const config of tf.getKernelsForBackend('cpu')) {
    if (!present.has(config.kernelName)) tf.registerKernel(borrowed(tf, config));
  }
}

/** A wasm kernel that copies its inputs to the JavaScript back end, computes there, and copies the outputs back. */
function borrowed(tf: Tf, config: KernelConfig): KernelConfig {
  const kernelFunc: KernelFunc = ({ inputs, attrs, backend }) => {
    const host = tf.findBackend('cpu') as unknown as HostBackend;
    const wasm = backend as WasmBackend;
    const copies: TensorInfo[] = [];
    const copy = (tensor: TensorInfo): TensorInfo => {
      const made = host.makeTensorInfo(tensor.shape, tensor.dtype, wasm.readSync(tensor.dataId).slice());
      copies.push(made);
      return made;
    };
    // Most kernels name their inputs; Einsum and its like take a list.
    const hostInputs = Array.isArray(inputs)
      ? (inputs as TensorInfo[]).map(copy)
      : Object.fromEntries(Object.entries(inputs).map(([key, tensor]) => [key, tensor && copy(tensor)]));
    const made = config.kernelFunc({
      inputs: hostInputs as typeof inputs,
      backend: host,
      ...(attrs && { attrs }),
    });
    const outputs = Array.isArray(made) ? made : [made];
    const results = outputs.map((out) =>
      wasm.makeOutput(out.shape, out.dtype, undefined, host.readSync(out.dataId)),
    );
    for (const tensor of new Set([...copies, ...outputs])) host.disposeData(tensor.dataId, true);
    return Array.isArray(made) ? results : results[0]!;
  };
  return { kernelName: config.kernelName, backendName: 'wasm', kernelFunc };
}
