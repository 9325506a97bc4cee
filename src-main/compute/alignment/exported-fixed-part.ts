/** What is fixed in the weights of an exported network that make the units of a group. */
import type { Network } from '../../../src-shared/networks/network.ts';
import type { TorchCall } from '../../../src-shared/networks/operations/torch.ts';
import type { PermutationGroup } from '../../../src-shared/networks/permutation-groups.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';
import { rowSize } from '../../../src-shared/networks/held.ts';

/**
 * sigma_F of these weights, and the share of their entries that is fixed. Empty if no weight makes the units, or if
 * several do that have fixed parts of their own.
 */
export function exportedFixedPart(
  network: Network,
  { axes }: Pick<PermutationGroup, 'axes'>,
): { sigma_f?: number; fixed_share?: number } {
  const turned = turnedWeights(network);
  const makers = axes.flatMap(({ parameter: name, axis, places }) => {
    const { role, shape, held } = network.parameters.get(name)!;
    const makes = role === 'trained' && shape.length > 1 && axis === (turned.has(name) ? 1 : 0);
    if (!makes) return [];
    const entries = places.length * (sizeOf(shape) / shape[axis]!);
    return [{ entries, share: (held?.count ?? 0) / rowSize(shape), scale: held?.scale ?? 0 }];
  });
  const all = makers.reduce((sum, { entries }) => sum + entries, 0);
  const [first] = makers;
  if (!first || all === 0 || makers.some(({ scale }) => scale !== first.scale)) return {};
  const fixed = makers.reduce((sum, { entries, share }) => sum + entries * share, 0);
  return { sigma_f: first.scale, fixed_share: fixed / all };
}

/** Weights whose second axis has the outputs: factors as they are stored, transposed convolutions, and tables. */
function turnedWeights({ nodes }: Network): Set<string> {
  const stored = new Map(nodes.map(({ id, parameters }) => [id, parameters['value']?.name]));
  return new Set(
    nodes.flatMap(({ op, attributes, takes }) => {
      if (op !== 'torch') return [];
      const { call } = attributes as TorchCall;
      const isFactor = call === 'matmul' || call === 'conv_transpose';
      const weight = call === 'embedding' ? takes[0] : isFactor ? takes[1] : undefined;
      return (weight !== undefined && stored.get(weight)) || [];
    }),
  );
}
