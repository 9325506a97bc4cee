/** The vocabulary: a closed list. What cannot be expressed in it is refused by name. */
import type { Operation } from './operation.ts';
import { activation, gate } from './operations/activation.ts';
import { add, concat, multiply } from './operations/combine.ts';
import { dropout } from './operations/dropout.ts';
import { conv2d, flatten, pool, transpose } from './operations/image.ts';
import { linear } from './operations/linear.ts';
import { log_softmax, neighbours } from './operations/nodes.ts';
import { norm } from './operations/norm.ts';
import { torch } from './operations/torch.ts';

const table = {
  ...{ linear, conv2d, norm, activation, gate, add, multiply, concat, dropout },
  ...{ pool, flatten, transpose },
  ...{ neighbours, log_softmax },
  torch,
} as const;

export type OperationName = keyof typeof table;
export const operationNames = Object.keys(table) as OperationName[];

export function isOperation(name: string): name is OperationName {
  return Object.hasOwn(table, name);
}

/** The rules of an operation; attributes are parsed by its own schema before they reach them. */
export const operationOf = (name: OperationName): Operation => table[name] as unknown as Operation;
