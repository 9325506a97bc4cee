/** Between the models of a run, stacked, and each of them alone. */
import type { Tensor, Tf } from '../backend/index.ts';
import type { HostTensor } from '../models/index.ts';

/** Entry m of the leading axis. */
export function entryOf(tf: Tf, tensor: Tensor, m: number): HostTensor {
  const [, ...shape] = tensor.shape;
  const entry = tf.slice(tensor, [m, ...shape.map(() => 0)], [1, ...shape]);
  const data = entry.dataSync() as Float32Array;
  entry.dispose();
  return { shape, data };
}

export function concatenate(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}
