import type { Backend } from './types.ts';

/** Tensors alive in tfjs, and, on the native back end, handles alive in TensorFlow. */
export interface TensorCount {
  readonly tensors: number;
  readonly handles: number;
}

export function tensorCount(backend: Backend): TensorCount {
  return { tensors: backend.tf.memory().numTensors, handles: backend.native?.handleCount() ?? 0 };
}

/** Throws when more (or fewer) tensors are alive than at `before`: every job ends with this. `what` names the job. */
export function assertNoLeak(backend: Backend, before: TensorCount, what = 'this job'): void {
  const now = tensorCount(backend);
  if (now.tensors === before.tensors && now.handles <= before.handles) return;
  throw new Error(
    `${what} leaked: ${now.tensors} tensors alive, ${before.tensors} at its start ` +
      `(TensorFlow handles ${now.handles}, ${before.handles})`,
  );
}
