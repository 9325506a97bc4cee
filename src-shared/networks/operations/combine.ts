/** Operations on several values: sums (residual connections), products, and joining along the last axis. */
import { z } from 'zod';
import type { Axes, AxisRules, NodeFacts } from '../operation.ts';
import { defineOperation } from '../operation.ts';

function sameShape({ id, inputs }: NodeFacts<unknown>): readonly number[] {
  const other = inputs.find((shape) => shape.join() !== inputs[0]!.join());
  if (other)
    throw new Error(
      `${id}: values of shapes [${inputs[0]!.join(', ')}] and [${other.join(', ')}] do not fit`,
    );
  return inputs[0]!;
}

function tie(inputs: readonly Axes[], rules: Pick<AxisRules, 'unify'>): Axes {
  for (const other of inputs.slice(1)) other.forEach((axis, i) => rules.unify(inputs[0]![i]!, axis));
  return inputs[0]!;
}

/** x + y + ... of one shape. */
export const add = defineOperation({
  attributes: z.strictObject({}),
  parameters: {},
  inputs: [2, Infinity],
  shape: sameShape,
  axes: (_node, inputs, rules) => tie(inputs, rules),
  scales: (_node, inputs, rules) => tie(inputs, rules),
});

/** x * y, entry by entry, of one shape. */
export const multiply = defineOperation({
  attributes: z.strictObject({}),
  parameters: {},
  inputs: [2, 2],
  shape: sameShape,
  axes: (_node, inputs, rules) => tie(inputs, rules),
  /** Factors of both would multiply: none is passed on. */
  scales({ id }, inputs, rules) {
    for (const axis of inputs.flat()) rules.close(axis, `${id} multiplies two values`);
    return inputs[0]!;
  },
});

/** Joined along the last axis. */
export const concat = defineOperation({
  attributes: z.strictObject({}),
  parameters: {},
  inputs: [2, Infinity],
  shape({ id, inputs }) {
    const front = inputs[0]!.slice(0, -1);
    if (inputs.some((shape) => shape.slice(0, -1).join() !== front.join() || shape.length === 0))
      throw new Error(`${id}: values whose shapes differ before the last axis cannot be joined`);
    return [...front, inputs.reduce((sum, shape) => sum + shape.at(-1)!, 0)];
  },
  axes: (_node, inputs, rules) => joined(inputs, rules),
  scales: (_node, inputs, rules) => joined(inputs, rules),
});

function joined(inputs: readonly Axes[], rules: Pick<AxisRules, 'unify'>): Axes {
  const front = tie(
    inputs.map((axes) => axes.slice(0, -1)),
    rules,
  );
  return [...front, inputs.flatMap((axes) => axes.at(-1)!)];
}
