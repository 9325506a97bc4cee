/** `model: { name: exported, network: ... }`: a network that PyTorch exported, lowered and packed into the config. */
import { z } from 'zod';
import { UserError } from '../errors.ts';
import type { DeclaredSpec, ExportedSpec } from '../model.ts';
import { graphSchema, type Graph, type Node } from '../networks/graph.ts';
import { packValue, unpackValue } from '../networks/packed.ts';
import { withExportedFamily } from './exported-family.ts';
import type { RunConfig } from './schema.ts';

/** `model.name` of such a network. */
export const exportedName = 'exported';

const packedSchema = z.strictObject({ graph: graphSchema, tied: z.record(z.string(), z.string()) });

/** The section `model` of a config, without a family: `model.family` alone says which entries are fixed. */
export const exportedSection = ({ graph, exported, description }: DeclaredSpec): Record<string, unknown> => ({
  name: exportedName,
  ...(description !== undefined && { description }),
  network: packValue({ graph: withoutHeld(graph), tied: exported?.tied ?? {} }),
});

const withoutHeld = (graph: Graph): Graph => ({
  ...graph,
  parameters: graph.parameters.map(({ held: _ofFamily, ...parameter }) => parameter),
});

/** What was read last: a config is resolved again and again. */
let last: { text: string; spec: Pick<ExportedSpec, 'graph' | 'exported'> } | undefined;

/** Keys of `model` that Basin's other networks have. `_target_` is what other programs leave beside a name. */
const foreign = [
  ...(['symmetry', 'input_dim', 'hidden_dim', 'output_dim', 'num_layers', 'n_mul', 'norm'] as const),
  ...(['elementwise_affine', 'activation', 'asym_init_only', 'mask_params', 'dropout', 'layers'] as const),
  ...(['depth', 'w', 'num_classes', 'input_shape', 'in_channels', 'hidden_channels'] as const),
  ...(['out_channels', 'model_type'] as const),
];

/** @throws UserError naming the key */
export function resolveExported(config: RunConfig, where: string): ExportedSpec {
  const model = config.model!;
  const { network: text, description } = model;
  // A symmetry of 0 says nothing: earlier versions wrote it beside merged weights.
  const idle = foreign.find((key) => model[key] != null && (key !== 'symmetry' || model[key] !== 0));
  if (idle !== undefined)
    throw new UserError(
      `${where}: model.${idle} has no effect on a network exported from PyTorch, whose graph is in model.network.`,
      { hint: 'Take it out.' },
    );
  const at = `${where}: model.network`;
  if (typeof text !== 'string')
    throw new UserError(`${at} is missing: the graph of a network exported from PyTorch was expected.`, {
      hint: 'basin run adopt --network model.pt2 writes it.',
    });
  if (last?.text !== text) {
    const parsed = packedSchema.safeParse(unpackValue(text, at));
    if (!parsed.success) {
      const issue = parsed.error.issues[0]!;
      throw new UserError(`${at}: ${issue.path.join('.')}: ${issue.message}.`);
    }
    const { graph, tied } = parsed.data;
    last = { text, spec: { graph, exported: { tied } } };
  }
  const { tied } = last.spec.exported;
  const seed = config.mask_seed ?? undefined;
  const found = withExportedFamily(model.family, { graph: last.spec.graph, tied, seed }, where);
  return {
    ...{ architecture: 'declared', family: 'standard', layers: [], asymInitOnly: false },
    ...last.spec,
    ...found,
    ...(typeof description === 'string' && { description }),
  };
}

/** Whether its data fit is asked when they are known. @throws UserError if it cannot be trained from the beginning */
export function requireTrainable({ graph }: ExportedSpec, where: string): void {
  const unknown = graph.parameters.find(({ role, initial }) => role === 'trained' && !initial);
  if (unknown)
    throw new UserError(
      `${where}: how "${unknown.name}" begins is not known: its values in the exported file do not look like a draw around 0.`,
      { hint: 'Export the network before it is trained, adopt it, and train that.' },
    );
  const still = graph.nodes.find(
    ({ op, attributes: { kind, momentum } }) => op === 'norm' && kind === 'batch' && momentum === 0,
  );
  if (still)
    throw new UserError(
      `${where}: the batch norm "${still.id}" has momentum 0, with which its running statistics would never change; PyTorch writes 0 for momentum=None, too.`,
      { hint: 'Give it a momentum (0.1 is usual), export and adopt the network again.' },
    );
  requireOwnStatistics(graph.nodes, where);
}

/**
 * In training, PyTorch updates running statistics that two norms share one after the other, which is not done here.
 * Re-estimating them is: there the order of the updates does not matter.
 * @throws UserError naming the norm
 */
export function requireOwnStatistics(nodes: readonly Pick<Node, 'id' | 'parameters'>[], where: string): void {
  const seen = new Set<string>();
  for (const { id, parameters } of nodes) {
    const mean = parameters['running_mean'];
    if (mean === undefined) continue;
    if (seen.has(mean))
      throw new UserError(
        `${where}: the batch norm of "${mean}" is applied twice (again at "${id}"); its running statistics would not be those of PyTorch.`,
        { hint: 'Give each place its own batch norm. Such a network can be evaluated as it is.' },
      );
    seen.add(mean);
  }
}
