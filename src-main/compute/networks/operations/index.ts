/** How every operation of the vocabulary is computed with tensors. */
import type { OperationName } from '../../../../src-shared/networks/operations.ts';
import { activation, gate } from './activation.ts';
import { add, concat, multiply } from './combine.ts';
import type { RunOperation } from './context.ts';
import { dropout } from './dropout.ts';
import { linear } from './linear.ts';
import { norm } from './norm.ts';

export const tensorOperations: Record<OperationName, RunOperation> = {
  ...{ linear, norm, activation, gate, add, multiply, concat, dropout },
};
