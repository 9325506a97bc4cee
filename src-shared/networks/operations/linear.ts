/** z = W x + b over the last axis: W [outputs, inputs], b [outputs]. */
import { z } from 'zod';
import { defineOperation, lastAxis, requireShape } from '../operation.ts';

export const linear = defineOperation({
  attributes: z.strictObject({}),
  parameters: { weight: 'needed', bias: 'optional' },
  inputs: [1, 1],
  shape(node) {
    const [outputs = 0] = node.parameters['weight']!.shape;
    const before = node.inputs[0]!;
    requireShape(node, 'weight', [outputs, before.at(-1) ?? 0]);
    requireShape(node, 'bias', [outputs]);
    return [...before.slice(0, -1), outputs];
  },
  axes(node, inputs, rules) {
    const out = rules.open(node.parameters['weight']!.shape[0]!);
    rules.parameter('weight', [out, lastAxis(inputs)]);
    rules.parameter('bias', [out]);
    return [...inputs[0]!.slice(0, -1), out];
  },
  scales(node, inputs, rules) {
    const out = rules.open(node.parameters['weight']!.shape[0]!);
    rules.parameter('weight', 0, out, 1);
    rules.parameter('bias', 0, out, 1);
    rules.parameter('weight', 1, lastAxis(inputs), -1);
    return [...inputs[0]!.slice(0, -1), out];
  },
});
