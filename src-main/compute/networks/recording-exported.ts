/** Where the activations of units of a network exported from PyTorch are recorded. */
import type { RecordingPoint } from '../../../src-shared/domain.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { CheckedNode, Network } from '../../../src-shared/networks/network.ts';
import type { TorchCall } from '../../../src-shared/networks/operations/torch.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import type { GroupValue, PermutationGroup } from '../../../src-shared/networks/symmetries.ts';

const products = new Set<string>(['matmul', 'conv', 'conv_transpose', 'attention']);
const norms = new Set<string>(['layer_norm', 'rms_norm', 'group_norm']);

const callOf = ({ op, attributes }: CheckedNode): string =>
  op === 'torch' ? (attributes as TorchCall).call : op;

/**
 * As `recordingPlaces`: linear layers are products of matrices, and only values of which every example has its own count.
 * @param used the nodes that the output depends on, in their order
 * @throws UserError naming the group if no such value holds its units
 */
export function placesOfExported(
  network: Network,
  used: readonly CheckedNode[],
  group: PermutationGroup,
): Record<RecordingPoint, readonly GroupValue[]> {
  const live = new Set(network.graph.inputs.map(({ id }) => id));
  for (const { id, takes } of network.nodes) if (takes.some((taken) => live.has(taken))) live.add(id);
  const alone = axesThatMove(network);
  const values = new Map(
    group.values.flatMap((value) =>
      live.has(value.node) && alone.get(value.node)!.size === 1 ? [[value.node, value] as const] : [],
    ),
  );
  const carriersOf = ({ takes }: CheckedNode): string[] => takes.filter((id) => values.has(id));
  const made = used.filter(({ id }) => values.has(id));
  const complete =
    made.findLast((node) => products.has(callOf(node)) || carriersOf(node).length > 1) ?? made[0];
  const readers = used.filter((node) => carriersOf(node).length > 0);
  const ofProducts = readers.filter(
    (node) =>
      products.has(callOf(node)) &&
      values.has(node.takes[0]!) &&
      isSummed(values.get(node.takes[0]!)!, network),
  );
  const last = readers.filter(({ id }) => !values.has(id));
  const reads = ofProducts.length > 0 ? ofProducts.map(({ takes }) => takes[0]!) : last.flatMap(carriersOf);
  if (!complete || reads.length === 0)
    throw new UserError(
      `no value of the network holds the units of ${group.name}, and no others along another axis, for each example: their activations cannot be compared`,
      { hint: 'Align by weights.' },
    );
  const behind = normsBehind(complete.id, made);
  const valuesOf = (ids: Iterable<string>): GroupValue[] => [...new Set(ids)].map((id) => values.get(id)!);
  return {
    post_linear: valuesOf([complete.id]),
    post_norm: valuesOf(behind.length > 0 ? behind : [complete.id]),
    post_activation_function: valuesOf(reads),
  };
}

/** Node -> axes of its value that groups move: rows are alike in two models only if none but the units' own moves. */
function axesThatMove(network: Network): Map<string, Set<number>> {
  const axes = new Map<string, Set<number>>();
  for (const { values } of symmetriesOf(network).groups)
    for (const { node, axis } of values) axes.set(node, (axes.get(node) ?? new Set()).add(axis));
  return axes;
}

/** Products sum over the last axis. */
const isSummed = ({ node, axis }: GroupValue, { shapes }: Network): boolean =>
  axis === shapes.get(node)!.length - 1;

/** The first norm on every way from `start` along nodes that pass the group on. */
function normsBehind(start: string, passing: readonly CheckedNode[]): string[] {
  const reached = new Set([start]);
  return passing.flatMap((node) => {
    if (!node.takes.some((taken) => reached.has(taken)) || products.has(callOf(node))) return [];
    if (node.op === 'norm' || norms.has(callOf(node))) return [node.id];
    reached.add(node.id);
    return [];
  });
}
