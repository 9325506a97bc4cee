import type { Backend } from './types.ts';

/**
 * Tensors alive in tfjs. (Not TensorFlow's own handles: a tensor gets its handle when it is first used, so their number
 * may rise without a leak.)
 */
export interface TensorCount {
  readonly tensors: number;
}

export function tensorCount(backend: Backend): TensorCount {
  return { tensors: backend.tf.memory().numTensors };
}

/** Throws when more (or fewer) tensors are alive than at `before`: every job ends with this. `what` names the job. */
export function assertNoLeak(backend: Backend, before: TensorCount, what = 'this job'): void {
  const { tensors } = tensorCount(backend);
  if (tensors === before.tensors) return;
  throw new Error(`${what} leaked: ${tensors} tensors alive, ${before.tensors} at its start`);
}
