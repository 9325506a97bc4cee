/** A model's output in double precision. */
import type { LoadedModel } from '../../src-main/compute/checkpoints.ts';
import { dataOf } from '../../src-main/compute/networks/check-symmetries.ts';
import { hostForward } from '../../src-main/compute/networks/host.ts';
import { inDoubles } from '../../src-main/compute/networks/permute.ts';

/** @param inputs [rows, ...shape of one example] @returns [rows, ...shape of the output] */
export const exactOutput = (
  { run, acting }: Pick<LoadedModel, 'run' | 'acting'>,
  inputs: ArrayLike<number>,
): Float64Array => hostForward(run.graph, dataOf(inDoubles(acting)), Float64Array.from(inputs));
