import type { ModelSpec } from '../../../src-shared/model.ts';
import { graphOf } from '../../../src-shared/networks/of-model.ts';
import { sizeOf } from '../../formats/tensor.ts';

/** Trainable numbers of one model; `free` leaves out entries that a mask fixes. */
export function numParameters(spec: ModelSpec): { total: number; free: number } {
  let [total, fixed] = [0, 0];
  for (const { role, shape, initial } of graphOf(spec).parameters) {
    if (role === 'trained') total += sizeOf(shape);
    if (initial?.kind === 'mask') fixed += initial.zeros * shape[0]!;
  }
  return { total, free: total - fixed };
}
