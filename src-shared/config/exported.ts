/** `model: { name: exported, network: ... }`: a network that PyTorch exported, lowered and packed into the config. */
import { z } from 'zod';
import { UserError } from '../errors.ts';
import type { DeclaredSpec, ExportedSpec } from '../model.ts';
import { graphSchema, type Node } from '../networks/graph.ts';
import { readNetwork } from '../networks/network.ts';
import { packValue, unpackValue } from '../networks/packed.ts';

/** `model.name` of such a network. */
export const exportedName = 'exported';

const packedSchema = z.strictObject({ graph: graphSchema, tied: z.record(z.string(), z.string()) });

/** The section `model` of a config. */
export const exportedSection = ({ graph, exported, description }: DeclaredSpec): Record<string, unknown> => ({
  name: exportedName,
  ...(description !== undefined && { description }),
  network: packValue({ graph, tied: exported?.tied ?? {} }),
});

/** What was read last: a config is resolved again and again. */
let last: { text: string; spec: Pick<ExportedSpec, 'graph' | 'exported'> } | undefined;

/** @throws UserError naming the key */
export function resolveExported(model: Record<string, unknown>, where: string): ExportedSpec {
  const { network: text, description } = model;
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
  return {
    ...{ architecture: 'declared', family: 'standard', layers: [], asymInitOnly: false },
    ...last.spec,
    ...(typeof description === 'string' && { description }),
  };
}

/** Losses are those of one row of logits per example so far. @throws UserError if it cannot be trained from the beginning */
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
  const shape = readNetwork(graph, where).shapes.get(graph.output)!;
  if (shape.length === 1) return;
  throw new UserError(
    `${where}: the network gives [${shape.join(', ')}] per example; so far, training works for networks that give one row of logits.`,
    { hint: 'It can be evaluated: basin run evaluate. docs/pytorch.md says what else works.' },
  );
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
