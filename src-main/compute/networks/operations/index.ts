/** How every operation of the vocabulary is computed with tensors. */
import type { OperationName } from '../../../../src-shared/networks/operations.ts';
import { activation, gate } from './activation.ts';
import { add, concat, multiply } from './combine.ts';
import type { RunOperation } from './context.ts';
import { dropout } from './dropout.ts';
import { conv2d, flatten, pool, transpose } from './image.ts';
import { linear } from './linear.ts';
import { log_softmax, neighbours } from './nodes.ts';
import { norm } from './norm.ts';
import { torch } from './torch.ts';

export const tensorOperations: Record<OperationName, RunOperation> = {
  ...{ linear, conv2d, norm, activation, gate, add, multiply, concat, dropout },
  ...{ pool, flatten, transpose },
  ...{ neighbours, log_softmax },
  torch,
};
