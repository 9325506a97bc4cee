/**
 * Dropout as PyTorch's: while training, each entry is 0 with probability `rate` and else divided by 1 - rate; in evaluation
 * nothing happens, so that labels and scales pass.
 */
import { z } from 'zod';
import { defineOperation } from '../operation.ts';

export const dropout = defineOperation({
  attributes: z.strictObject({ rate: z.number().min(0).lt(1) }),
  parameters: {},
  inputs: [1, 1],
  shape: ({ inputs }) => inputs[0]!,
  axes: (_node, inputs) => inputs[0]!,
  scales: (_node, inputs) => inputs[0]!,
});
