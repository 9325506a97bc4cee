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

/** Calls that put entries elsewhere, or leave some out, and change none. */
const moves: ReadonlySet<string | undefined> = new Set(['reshape', 'permute', 'expand', 'flip', 'concat']);

/** Values that are tokens, by node: whether all of them (null), or those that the node named here picks. */
function tokensOf(network: Network): Map<string, string | null> {
  const found = new Map<string, string | null>(wholesOf(network).map(({ id }) => [id, null]));
  for (const { id, takes, shape, attributes } of network.nodes) {
    const { call, kind } = attributes as TorchCall;
    const parts = takes.map((taken) => found.get(taken));
    const [first] = parts;
    if (found.has(id) || first === undefined || parts.includes(undefined)) continue;
    if (call === 'slice') {
      const isWhole = network.shapes.get(takes[0]!)!.join() === shape.join();
      found.set(id, isWhole ? first : id);
    } else if (moves.has(call) || (call === 'cast' && kind === 'int'))
      found.set(id, parts.every((part) => part === first) ? first : id);
  }
  return found;
}

/**
 * How many tokens it knows: the rows of the smallest table that its inputs are looked up in; undefined if there is none.
 * Parts of the inputs that are looked up in tables of their own may hold other tokens: of these the largest counts.
 */
export function vocabularyOf(network: Network): number | undefined {
  const tokens = tokensOf(network);
  const sizes = new Map<string | null, number>();
  for (const node of network.nodes) {
    const [table, indices] = node.takes;
    const part = indices === undefined ? undefined : tokens.get(indices);
    if (callOf(node).call !== 'embedding' || part === undefined) continue;
    sizes.set(part, Math.min(sizes.get(part) ?? Infinity, network.shapes.get(table!)![0]!));
  }
  const parts = [...sizes].flatMap(([part, size]) => (part === null ? [] : [size]));
  const ofParts = parts.length === 0 ? Infinity : Math.max(...parts);
  const least = Math.min(sizes.get(null) ?? Infinity, ofParts);
  return least === Infinity ? undefined : least;
}
