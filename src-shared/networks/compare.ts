/** Graphs as texts, to be compared: the same computation on parameters of the same names and shapes. */
import type { Graph } from './graph.ts';

/** Each node as text, with places for ids. */
function nodesOf({ inputs, nodes, output }: Graph): string[] {
  const places = new Map([...inputs, ...nodes].map(({ id }, i) => [id, i]));
  return nodes.map((node) =>
    JSON.stringify([
      node.op,
      node.inputs.map((id) => places.get(id)),
      sorted(node.parameters),
      sorted(node.attributes),
      node.id === output,
    ]),
  );
}

const sorted = (record: Readonly<Record<string, unknown>>): [string, unknown][] =>
  Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1));

/** The same text for graphs without a difference: what the network computes, whatever its nodes are called. */
export const graphText = (graph: Graph): string =>
  JSON.stringify([
    graph.inputs.map(({ shape }) => shape),
    graph.parameters.map(({ name, shape }) => [name, shape]),
    nodesOf(graph),
  ]);
