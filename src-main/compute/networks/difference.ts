/** Whether models of two networks can be compared parameter by parameter. */
import type { CheckedNode, Network } from '../../../src-shared/networks/network.ts';

/**
 * The first difference between two networks as they act, or undefined if there is none: other nodes, sizes, settings,
 * connections or names of parameters. Fixed parts of weights are none: they act through the weights.
 */
export function networkDifference(a: Network, b: Network): string | undefined {
  for (const [op, what] of [
    ['linear', 'linear layers'],
    ['conv2d', 'convolutions'],
  ] as const) {
    const countOf = ({ nodes }: Network): number => nodes.filter((node) => node.op === op).length;
    if (countOf(a) !== countOf(b)) return `one has ${countOf(a)} ${what}, the other ${countOf(b)}`;
  }
  for (const [id, x, y] of pairsOf(a, b)) {
    for (const describe of [kindOf, settingsOf, connectionsOf, namesOf, shapesOf]) {
      const [ofX, ofY] = [x ? describe(x) : 'missing', y ? describe(y) : 'missing'];
      if (ofX !== ofY) return `${id} is ${ofX} in one and ${ofY} in the other`;
    }
  }
  const [inputA, inputB] = [a, b].map(({ graph }) =>
    graph.inputs.map(({ shape }) => `[${shape.join(', ')}]`).join(),
  );
  if (inputA !== inputB) return `one takes ${inputA}, the other ${inputB}`;
  const place = ({ nodes, graph }: Network): number => nodes.findIndex(({ id }) => id === graph.output);
  return place(a) === place(b)
    ? undefined
    : `one ends with ${a.graph.output}, the other with ${b.graph.output}`;
}

type NodePair = readonly [id: string, a: CheckedNode | undefined, b: CheckedNode | undefined];

/** Node by node where the same operations follow one another, whatever their ids; else those with the same id. */
function pairsOf(a: Network, b: Network): NodePair[] {
  const operations = ({ nodes }: Network): string => nodes.map(({ op }) => op).join();
  if (operations(a) === operations(b)) {
    const [valuesA, valuesB] = [a, b].map(({ graph }) =>
      [...graph.inputs, ...graph.nodes].map(({ id }) => id),
    );
    const ids = new Map(valuesB!.map((id, i) => [id, valuesA![i]!]));
    return a.nodes.map((x, i) => {
      const y = b.nodes[i]!;
      return [x.id, x, { ...y, takes: y.takes.map((id) => ids.get(id) ?? id) }];
    });
  }
  const [nodesA, nodesB] = [a, b].map(({ nodes }) => new Map(nodes.map((node) => [node.id, node])));
  const all = new Set([...nodesA!.keys(), ...nodesB!.keys()]);
  return [...all].map((id) => [id, nodesA!.get(id), nodesB!.get(id)]);
}

function kindOf({ op, parameters, attributes, inputs, shape }: CheckedNode): string {
  switch (op) {
    case 'linear':
      return `linear from ${inputs[0]!.at(-1)} to ${shape.at(-1)}`;
    case 'conv2d': {
      const [height, width] = parameters['weight']!.shape.slice(2);
      return `convolution from ${inputs[0]!.at(-1)} to ${shape.at(-1)} channels, ${height} x ${width} pixels`;
    }
    case 'norm': {
      const weight = parameters['weight'];
      // Linearised norms without an affine part keep fixed ones and zeros in its place.
      const affine = weight && (weight.role === 'trained' || weight.constant !== undefined);
      return `norm ${(attributes as { kind: string }).kind}${affine ? ', affine' : ''}`;
    }
    case 'activation':
      return (attributes as { kind: string }).kind;
    default:
      return op;
  }
}

const settingsOf = (node: CheckedNode): string => `${kindOf(node)} ${JSON.stringify(node.attributes)}`;

const connectionsOf = ({ op, takes }: CheckedNode): string => `${op} of ${takes.join(', ')}`;

const namesOf = ({ parameters }: CheckedNode): string =>
  `with ${Object.entries(parameters)
    .map(([word, { name }]) => `${word} "${name}"`)
    .join(', ')}`;

/** What sizes of values do not tell. */
const shapesOf = ({ parameters }: CheckedNode): string =>
  `with ${Object.values(parameters)
    .map(({ name, shape }) => `"${name}" [${shape.join(', ')}]`)
    .join(', ')}`;
