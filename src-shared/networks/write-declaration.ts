/** From a declared network back to the words of its declaration: reading them gives the same network. */
import type { DeclaredSpec } from '../model.ts';
import { usualEpsilonOf } from './operations/norm.ts';
import type { NormAttributes } from './operations/norm.ts';
import { declaredInput, defaultId } from './declared.ts';
import { groupAxes } from './declared-groups.ts';
import { readNetwork } from './network.ts';
import type { CheckedNode } from './network.ts';
import { symmetriesOf } from './symmetries.ts';

type Plain = Record<string, unknown>;

/** `layers`, and `permutations` and `ignore` where there are any: plain data, for YAML. */
export function declarationOf({ graph, ignored }: DeclaredSpec): Plain {
  const network = readNetwork(graph);
  const { nodes } = network;
  const named = neededNames(nodes);
  const groups = groupAxes(symmetriesOf(network));
  return {
    layers: nodes.map((node, i) => ({
      ...(named.has(node.id) && { name: node.id }),
      ...(node.takes[0] !== idBefore(nodes, i) && { from: node.takes[0] }),
      ...operationOf(node),
    })),
    ...(Object.keys(graph.groupNames).length > 0 && {
      permutations: Object.fromEntries(groups.map(({ name, axes }) => [name, axes])),
    }),
    ...(ignored && { ignore: [...ignored] }),
  };
}

const idBefore = (nodes: readonly CheckedNode[], i: number): string => nodes[i - 1]?.id ?? declaredInput;

function operationOf({ op, takes, parameters, attributes, shape, inputs }: CheckedNode): Plain {
  const names = Object.fromEntries(
    Object.entries(parameters).flatMap(([word, { name }]) =>
      word === 'num_batches_tracked' ? [] : [[word, name]],
    ),
  );
  const { kind, epsilon } = attributes as { kind?: NormAttributes['kind']; epsilon?: number };
  switch (op) {
    case 'linear':
      return { linear: { ...names, shape: [shape[0], inputs[0]![0]] } };
    case 'norm':
      return {
        norm: {
          ...{ kind, ...names, shape: [...shape] },
          ...(epsilon !== usualEpsilonOf(kind!) && { eps: epsilon }),
        },
      };
    case 'activation':
      return { activation: kind };
    case 'add':
      return { add: takes.length === 2 ? takes[1] : takes.slice(1) };
    default:
      throw new Error(`a declaration cannot express ${op}`);
  }
}

/** Ids that have to be written: of values that not only the next layer takes, and those that would else be others. */
function neededNames(nodes: readonly CheckedNode[]): Set<string> {
  const named = new Set(
    nodes.flatMap(({ takes }, i) => [
      ...(takes[0] === idBefore(nodes, i) ? [] : [takes[0]!]),
      ...takes.slice(1),
    ]),
  );
  named.delete(declaredInput);
  // A name that is written keeps it from others, so that one more may be needed.
  for (let before = -1; before < named.size;) {
    before = named.size;
    const taken = new Set([...named, declaredInput]);
    for (const node of nodes) {
      if (named.has(node.id)) continue;
      if (defaultId(node, (id) => taken.has(id)) !== node.id) named.add(node.id);
      taken.add(node.id);
    }
  }
  return named;
}
