/** A function of every entry. `gelu`: x P(X <= x) of the normal distribution (erf). `silu`: x sigmoid(x). */
import { z } from 'zod';
import { defineOperation } from '../operation.ts';

export const activationKinds = ['identity', 'relu', 'gelu', 'tanh', 'sigmoid', 'silu'] as const;
export type ActivationKind = (typeof activationKinds)[number];

/** f(c x) = c f(x) for every c > 0. */
const homogeneous: ReadonlySet<ActivationKind> = new Set(['identity', 'relu']);

export const activation = defineOperation({
  attributes: z.strictObject({ kind: z.enum(activationKinds) }),
  parameters: {},
  inputs: [1, 1],
  shape: ({ inputs }) => inputs[0]!,
  axes: (_node, inputs) => inputs[0]!,
  scales({ id, attributes }, inputs, rules) {
    if (homogeneous.has(attributes.kind)) return inputs[0]!;
    for (const axis of inputs[0]!)
      rules.close(axis, `${id}: ${attributes.kind}(c z) is not c ${attributes.kind}(z)`);
    return inputs[0]!.map((axis) => {
      const out = rules.open(axis.length);
      rules.close(out, `${id}: a factor does not pass through ${attributes.kind}`);
      return out;
    });
  },
});

export const gateKinds = ['sigmoid', 'gelu'] as const;

/**
 * A fixed matrix C [n, n] inside the nonlinearity, over the last axis (sigma-asymmetric networks). `sigmoid`:
 * x * sigmoid(C x). `gelu`: gelu(gelu(x) C), x a row: what comes out are other units.
 */
export const gate = defineOperation({
  attributes: z.strictObject({ kind: z.enum(gateKinds).default('sigmoid') }),
  parameters: { C: 'needed' },
  inputs: [1, 1],
  shape(node) {
    const units = node.inputs[0]!.at(-1) ?? 0;
    const { shape } = node.parameters['C']!;
    if (shape.join() !== [units, units].join())
      throw new Error(`${node.id}: C has shape [${shape.join(', ')}]; [${units}, ${units}] was expected`);
    return node.inputs[0]!;
  },
  axes({ attributes }, inputs, rules) {
    const units = inputs[0]!.at(-1)!;
    const out = attributes.kind === 'gelu' ? rules.open(units.length) : units;
    rules.parameter('C', attributes.kind === 'gelu' ? [units, out] : [units, units]);
    return [...inputs[0]!.slice(0, -1), out];
  },
  scales({ id }, inputs, rules) {
    const units = inputs[0]!.at(-1)!;
    rules.close(units, `${id}: a gate does not pass a factor on`);
    const out = rules.open(units.length);
    rules.close(out, `${id}: a factor does not pass through a gate`);
    return [...inputs[0]!.slice(0, -1), out];
  },
});
