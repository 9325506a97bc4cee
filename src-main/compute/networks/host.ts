/**
 * The network in plain double precision, one operation after another: the oracle of the tests, and what measures and
 * checks use where no native library is. Exact and slow: [rows] of a few dozen, not of a data set.
 */
import type { Network } from '../../../src-shared/networks/network.ts';
import type { OperationName } from '../../../src-shared/networks/operations.ts';
import type { Edges } from './edges.ts';
import { hostOperations } from './operations/host.ts';

export type Doubles = Float64Array<ArrayBufferLike>;

/** Acting parameters of one model by name, in double precision, C order. */
export type HostParameters = ReadonlyMap<string, Doubles>;

/**
 * @param x [rows, ...shape] @param edges if the rows are the nodes of a graph
 * @returns the values of all nodes by id, [rows, ...shape] each; evaluation mode
 */
export function hostValues(
  network: Network,
  parameters: HostParameters,
  x: Doubles,
  edges?: Edges,
): Map<string, Doubles> {
  const [input] = network.graph.inputs;
  const values = new Map<string, Doubles>([[input!.id, x]]);
  for (const node of network.nodes) {
    const inputs = node.takes.map((id) => values.get(id)!);
    const parameter = (word: string): Doubles | undefined => {
      const declared = node.parameters[word];
      return declared && parameters.get(declared.name);
    };
    values.set(node.id, hostOperations[node.op as OperationName](inputs, node, parameter, edges));
  }
  return values;
}

/** The network's value, [rows, ...shape]. */
export const hostForward = (
  network: Network,
  parameters: HostParameters,
  x: Doubles,
  edges?: Edges,
): Doubles => hostValues(network, parameters, x, edges).get(network.graph.output)!;
