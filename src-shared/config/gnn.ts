/** The section `model` of a graph network, as neuron-identifiability's create_gnn reads it (src/models/gnn.py). */
import { familyOfSymmetry } from '../domain.ts';
import { UserError } from '../errors.ts';
import type { FixedEntries, GnnSpec } from '../model.ts';
import { isPlainObject, maskParamsSchema } from './schema.ts';
import type { RunConfig } from './schema.ts';

type ModelConfig = NonNullable<RunConfig['model']>;

/** `model.model_type` of a sigma-asymmetric network whose gates are gelu(gelu(x) C). */
export const geluGateType = 'asym_gelu_gnn';

/** By the name, or if there is none by the function that makes it. */
export function isGnn({ name, _target_: target }: { readonly [key: string]: unknown }): boolean {
  const told = name ?? target;
  return typeof told === 'string' && /gnn/i.test(told.split('.').at(-1)!);
}

/**
 * `num_layers` layers over neighbours and a linear one. `mask_params.default` holds for all of them.
 * @throws UserError naming the key
 */
export function resolveGnn(model: ModelConfig, where: string): GnnSpec {
  refuseOthers(model, where);
  const family = familyOfSymmetry(required(model.symmetry, 'symmetry', where));
  const inputs = required(model.in_channels, 'in_channels', where);
  const hidden = required(model.hidden_channels, 'hidden_channels', where);
  const classes = required(model.out_channels, 'out_channels', where);
  const count = required(model.num_layers, 'num_layers', where);
  const shapes = [
    ...Array.from({ length: count }, (_, i) => ({
      module: `convs.${i}.mlp.0`,
      shape: [hidden, i === 0 ? inputs : hidden],
    })),
    { module: 'lin', shape: [classes, hidden] },
  ];
  return {
    ...{ architecture: 'gnn', family, norm: 'batch', asymInitOnly: false },
    nonlinearity: nonlinearityOf(model, family),
    layers: shapes.map((layer) => ({ ...layer, ...fixedEntries(model, family, layer, where) })),
    // Values are dropped between layers.
    ...(model.dropout != null && model.dropout > 0 && count > 1 && { dropout: model.dropout }),
  };
}

function nonlinearityOf(
  { model_type: type }: ModelConfig,
  family: GnnSpec['family'],
): GnnSpec['nonlinearity'] {
  if (family === 'standard' || family === 'syre') return 'gelu';
  return family === 'sigma-asymmetric' && type === geluGateType ? 'gelu_gate' : 'gate';
}

/** The published code takes any other text for x * sigmoid(C x); nothing new is trained from a misspelt one. */
export function refuseUnknownType({ model_type: type }: ModelConfig, where: string): void {
  if (type == null || type === geluGateType) return;
  throw new UserError(
    `${where}: model.model_type is ${JSON.stringify(type)}; expected null for x * sigmoid(C x), or "${geluGateType}" for gelu(gelu(x) C).`,
  );
}

/** What other networks can be set to, and these cannot. */
function refuseOthers(model: ModelConfig, where: string): void {
  const family = Object.entries(model.family ?? {}).find(
    ([, value]) => value !== null && value !== undefined,
  );
  if (family)
    throw new UserError(
      `${where}: model.family.${family[0]} is ${JSON.stringify(family[1])}; a graph network can have none of these families.`,
      { hint: 'Take model.family out, and set model.symmetry to 0, 1, 2 or 3.' },
    );
  if (model['C_lst'] != null)
    throw new UserError(
      `${where}: model.C_lst is given; the matrices C of gates are drawn, or read from the checkpoints.`,
      { hint: 'Take it out, or set it to null.' },
    );
}

function fixedEntries(
  model: ModelConfig,
  family: GnnSpec['family'],
  { module, shape }: { module: string; shape: number[] },
  where: string,
): FixedEntries {
  if (family === 'standard' || family === 'sigma-asymmetric')
    return { sigmaF: 0, numFixed: 0, normalMask: true };
  const at = `${where}: model.mask_params.default`;
  const written = model.mask_params?.['default'];
  const parsed = maskParamsSchema.safeParse(isPlainObject(written) ? written : {});
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new UserError(`${at}.${issue.path.join('.')}: ${issue.message}.`);
  }
  const { mask_constant: sigmaF, num_fixed: numFixed, mask_type: type, do_normal_mask } = parsed.data;
  const missing = (key: string): UserError =>
    new UserError(`${at}.${key} is missing; symmetry ${model.symmetry} needs it.`);
  if (sigmaF == null) throw missing('mask_constant');
  if (family === 'syre') return { sigmaF, numFixed: 0, normalMask: true };
  if (type != null && type !== 'random_subsets')
    throw new UserError(`${at}.mask_type is "${type}"; expected random_subsets.`);
  if (numFixed == null) throw missing('num_fixed');
  if (!Number.isInteger(numFixed) || numFixed >= shape[1]!)
    throw new UserError(
      `${at}.num_fixed is ${numFixed}, but ${module} has ${shape[1]} inputs; a whole number below that was expected.`,
      { hint: 'At least one weight of every neuron must stay trainable.' },
    );
  return { sigmaF, numFixed, normalMask: do_normal_mask ?? true };
}

function required<T>(value: T | null | undefined, key: string, where: string): T {
  if (value == null)
    throw new UserError(`${where}: model.${key} is missing; it is needed to build the graph network.`);
  return value;
}
