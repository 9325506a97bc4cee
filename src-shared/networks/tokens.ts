/** Networks that take tokens: whole numbers, which their tables are looked up by. */
import type { CheckedNode, Network } from './network.ts';

type TorchCall = { call?: string; kind?: string };

const callOf = ({ attributes }: CheckedNode): TorchCall => attributes as TorchCall;

const wholesOf = ({ graph, nodes }: Network): CheckedNode[] =>
  nodes.filter((node) => {
    const { call, kind } = callOf(node);
    return node.takes.includes(graph.inputs[0]!.id) && call === 'cast' && kind === 'int';
  });

/** Its first step takes whole numbers of what it is given. */
export const takesWholes = (network: Network): boolean => wholesOf(network).length > 0;

/** How many tokens it knows: the rows of the smallest table that its inputs are looked up in; undefined if there is none. */
export function vocabularyOf(network: Network): number | undefined {
  const inputs = new Set(wholesOf(network).map(({ id }) => id));
  const sizes = network.nodes.flatMap((node) => {
    const [table, indices] = node.takes;
    const isTable = callOf(node).call === 'embedding' && indices !== undefined && inputs.has(indices);
    return isTable ? [network.shapes.get(table!)![0]!] : [];
  });
  return sizes.length === 0 ? undefined : Math.min(...sizes);
}
