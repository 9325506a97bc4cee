/** Which nodes a network needs. */
import type { CheckedNode, Network } from '../../../src-shared/networks/network.ts';

/** The nodes that the output depends on, in the order of computation. */
export function nodesOfOutput({ nodes, graph }: Network): CheckedNode[] {
  const needed = new Set([graph.output]);
  return nodes
    .toReversed()
    .filter(({ id, takes }) => {
      if (!needed.has(id)) return false;
      for (const taken of takes) needed.add(taken);
      return true;
    })
    .toReversed();
}
