/** Operations on examples that are the nodes of a graph, and what such networks end with. Values have one axis, of units. */
import { z } from 'zod';
import { defineOperation } from '../operation.ts';
import type { NodeFacts } from '../operation.ts';

function ofUnits({ id, inputs }: NodeFacts<unknown>): readonly number[] {
  const shape = inputs[0]!;
  if (shape.length === 1) return shape;
  throw new Error(`${id}: nodes with one axis of units were expected, found [${shape.join(', ')}]`);
}

/**
 * x_i plus the mean of x_j over the neighbours j of node i, unit by unit; x_i alone if it has none. The only operation that
 * lets examples see each other: all nodes of the graph go through the network together.
 */
export const neighbours = defineOperation({
  attributes: z.strictObject({}),
  parameters: {},
  inputs: [1, 1],
  shape: ofUnits,
  axes: (_node, inputs) => inputs[0]!,
  scales: (_node, inputs) => inputs[0]!,
});

/** x - log sum exp x over the units: log-probabilities of logits. */
export const log_softmax = defineOperation({
  attributes: z.strictObject({}),
  parameters: {},
  inputs: [1, 1],
  shape: ofUnits,
  axes: (_node, inputs) => inputs[0]!,
  scales({ id }, inputs, rules) {
    for (const axis of inputs[0]!) rules.close(axis, `${id}: probabilities do not pass a factor on`);
    return inputs[0]!;
  },
});
