/** Where the activations of units of a network exported from PyTorch are recorded. */
import type { RecordingPoint } from '../../../src-shared/domain.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { CheckedNode, Network } from '../../../src-shared/networks/network.ts';
import type { TorchCall } from '../../../src-shared/networks/operations/torch.ts';
import { axesOfValue } from '../../../src-shared/networks/permutation-groups.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import type { GroupValue, PermutationGroup } from '../../../src-shared/networks/symmetries.ts';
import { nodesOfOutput } from './used-nodes.ts';

const products = new Set<string>(['matmul', 'conv', 'conv_transpose', 'attention']);
const norms = new Set<string>(['layer_norm', 'rms_norm', 'group_norm']);

const callOf = ({ op, attributes }: CheckedNode): string =>
  op === 'torch' ? (attributes as TorchCall).call : op;

/** Units whose activations are recorded: those of a group, or of groups in several blocks together. */
export type UnitsSomewhere = Pick<PermutationGroup, 'name' | 'values'>;

export type RecordingPlaces = Record<RecordingPoint, readonly GroupValue[]>;

/**
 * As `recordingPlaces`: linear layers are products of matrices, and only values of which every example has its own count.
 * Values along whose other axes units change places, too, are taken only if there are no others.
 * @throws UserError naming the group if no such value holds its units
 */
export function placesOfExported(network: Network, units: UnitsSomewhere): RecordingPlaces {
  const moving = moversOf(network);
  const values = valuesOfExamples(network, units);
  const alone = values.filter(({ node }) => moving.get(node)!.size === 1);
  const found = placesAmong(network, alone) ?? placesAmong(network, values);
  if (found) return found;
  throw new UserError(
    `The units of ${units.name} cannot be matched by activations: no value of the network has them on an axis that nothing else shares, for each example.`,
    { hint: 'Align by weights.' },
  );
}

/** Names of the groups that change places along other axes of these values: they have to be matched before. */
export function groupsAcross(network: Network, values: readonly GroupValue[]): Set<string> {
  const moving = moversOf(network);
  return new Set(
    values.flatMap((value) =>
      [...moving.get(value.node)!].flatMap(([axes, names]) =>
        axes === axesOfValue(value).join() ? [] : [...names],
      ),
    ),
  );
}

function valuesOfExamples({ graph, nodes }: Network, { values }: UnitsSomewhere): GroupValue[] {
  const live = new Set(graph.inputs.map(({ id }) => id));
  for (const { id, takes } of nodes) if (takes.some((taken) => live.has(taken))) live.add(id);
  return values.filter(({ node }) => live.has(node));
}

function placesAmong(network: Network, some: readonly GroupValue[]): RecordingPlaces | undefined {
  const used = nodesOfOutput(network);
  const values = new Map(some.map((value) => [value.node, value]));
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
  if (!complete || reads.length === 0) return undefined;
  const behind = normsBehind(complete.id, made);
  const valuesOf = (ids: Iterable<string>): GroupValue[] => [...new Set(ids)].map((id) => values.get(id)!);
  return {
    post_linear: valuesOf([complete.id]),
    post_norm: valuesOf(behind.length > 0 ? behind : [complete.id]),
    post_activation_function: valuesOf(reads),
  };
}

/** Axes -> groups that move along them. */
type Movers = Map<string, Set<string>>;

const found = new WeakMap<Network, Map<string, Movers>>();

/** What changes places in the value of each node: rows are alike in two models only if none but the units' own moves. */
function moversOf(network: Network): Map<string, Movers> {
  const known = found.get(network);
  if (known) return known;
  const movers = new Map<string, Movers>();
  for (const { name, values } of symmetriesOf(network).groups)
    for (const value of values) {
      const own: Movers = movers.get(value.node) ?? new Map();
      movers.set(value.node, own);
      const axes = axesOfValue(value).join();
      own.set(axes, (own.get(axes) ?? new Set()).add(name));
    }
  found.set(network, movers);
  return movers;
}

/** Products sum over the last axis. */
const isSummed = (value: GroupValue, { shapes }: Network): boolean =>
  axesOfValue(value).includes(shapes.get(value.node)!.length - 1);

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
