/** Where the activations of a group of units are recorded. */
import type { RecordingPoint } from '../../../src-shared/domain.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { CheckedNode, Network } from '../../../src-shared/networks/network.ts';
import type { GroupValue, PermutationGroup } from '../../../src-shared/networks/symmetries.ts';
import { isExported } from './parameters.ts';
import { placesOfExported } from './recording-exported.ts';
import { nodesOfOutput } from './used-nodes.ts';

/**
 * The values of nodes that hold a group's activations at each recording point; where there are several, every one gives
 * rows of its own. Only nodes that the output depends on count.
 *
 * - `post_linear`: where the group is complete: the last linear layer that makes its units, or, if later, the last node
 *   that brings several of its values together (the last sum of a residual stream). Of an MLP: its linear layer.
 * - `post_norm`: the norms behind that value, the first on every way to a reader; without any the value itself, as the
 *   published code has it. Of an MLP: its norm.
 * - `post_activation_function`: the values that linear layers and convolutions read the group from. Of an MLP: the input
 *   of the next linear layer; of a residual stream the inputs of all its branches. Channels that convolutions read are
 *   compared pixel by pixel there only, not where a mean over pixels or a flattened image is read, as in the published code.
 *   Of the nodes of a graph: the values before they are summed over neighbours.
 *
 * @throws UserError naming the group if the output does not depend on it
 */
export function recordingPlaces(
  network: Network,
  group: PermutationGroup,
): Record<RecordingPoint, readonly GroupValue[]> {
  if (isExported(network)) return placesOfExported(network, group);
  const used = nodesOfOutput(network);
  const values = new Map(group.values.map((value) => [value.node, value]));
  const opens = new Set(group.openedBy);
  const carriersOf = ({ takes }: CheckedNode): string[] => takes.filter((id) => values.has(id));
  const ofOneNode = ownValues(network);
  const complete = used.findLast(
    (node) => values.has(node.id) && (opens.has(node.id) || carriersOf(node).length > 1),
  );
  const readers = used.filter(
    (node) => (opens.has(node.id) || !values.has(node.id)) && carriersOf(node).length > 0,
  );
  const ofImages = readers.filter(({ op }) => op === 'conv2d');
  const reads = (ofImages.length > 0 ? ofImages : readers).flatMap(carriersOf).map(ofOneNode);
  if (!complete || reads.length === 0)
    throw new UserError(
      `the output of the network does not depend on the units of ${group.name}: their activations cannot be compared`,
      { hint: 'Align by weights, or remove the unused nodes from the network.' },
    );
  const valuesOf = (ids: Iterable<string>): GroupValue[] => [...new Set(ids)].map((id) => values.get(id)!);
  const passesOn = ({ id }: CheckedNode): boolean => values.has(id) && !opens.has(id);
  const norms = normsBehind(complete.id, used.filter(passesOn));
  return {
    post_linear: valuesOf([complete.id]),
    post_norm: valuesOf(norms.length > 0 ? norms : [complete.id]),
    post_activation_function: valuesOf(reads),
  };
}

/** By id: the value itself, or if it is summed over the neighbours of a node that of the node alone. */
function ownValues({ nodes }: Network): (id: string) => string {
  const before = new Map(
    nodes.flatMap(({ id, op, takes }) => (op === 'neighbours' ? [[id, takes[0]!]] : [])),
  );
  return (id) => before.get(id) ?? id;
}

/** The first norm on every way from `start` along the nodes that pass the group on. */
function normsBehind(start: string, passing: readonly CheckedNode[]): string[] {
  const reached = new Set([start]);
  return passing.flatMap(({ id, op, takes }) => {
    if (!takes.some((taken) => reached.has(taken))) return [];
    if (op === 'norm') return [id];
    reached.add(id);
    return [];
  });
}
