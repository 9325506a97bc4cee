import type { ModelSpec } from '../../../src-shared/model.ts';
import { countsOf } from '../../../src-shared/networks/counts.ts';
import { graphOf } from '../../../src-shared/networks/of-model.ts';

/** Trainable numbers of one model; `free` leaves out entries that a mask fixes. */
export function numParameters(spec: ModelSpec): { total: number; free: number } {
  const { total, trained } = countsOf(graphOf(spec));
  return { total, free: trained };
}
