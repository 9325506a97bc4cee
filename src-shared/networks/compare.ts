/** Whether two graphs are one network: the same computation on parameters of the same names and shapes. */
import type { Graph, Node } from './graph.ts';

/** Why weights of one graph mean something else in the other; undefined: they do not. Ids of nodes do not count. */
export function graphDifference(a: Graph, b: Graph): string | undefined {
  return parameterDifference(a, b) ?? parameterDifference(b, a, true) ?? nodeDifference(a, b);
}

function parameterDifference(a: Graph, b: Graph, turned = false): string | undefined {
  const others = new Map(b.parameters.map(({ name, shape }) => [name, shape]));
  const listed = (shape: readonly number[]): string => `[${shape.join(', ')}]`;
  for (const { name, shape } of a.parameters) {
    const other = others.get(name);
    if (!other) return `only ${turned ? 'the second' : 'the first'} has "${name}"`;
    if (listed(shape) !== listed(other))
      return `"${name}" is ${listed(shape)} in one and ${listed(other)} in the other`;
  }
  return undefined;
}

function nodeDifference(a: Graph, b: Graph): string | undefined {
  if (a.nodes.length !== b.nodes.length)
    return `one has ${a.nodes.length} operations, the other ${b.nodes.length}`;
  const [own, others] = [nodesOf(a), nodesOf(b)];
  const at = own.findIndex((node, i) => node !== others[i]);
  if (at < 0) return undefined;
  const [x, y] = [a.nodes[at]!, b.nodes[at]!];
  return `"${x.id}" (${said(x)}) in one is "${y.id}" (${said(y)}) in the other`;
}

const said = ({ op, attributes, inputs }: Node): string =>
  [op, ...Object.values(attributes).map(String), `of ${inputs.join(', ')}`].join(' ');

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
