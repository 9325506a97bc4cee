/**
 * A weight that is used behind a norm's scale and elsewhere as well (an embedding that is also the head) cannot take the scale in.
 * Here it is made two parameters, under the two keys that it has in the state dict.
 */
import type { Exported } from '../../model.ts';
import type { Graph, Node, Parameter } from '../graph.ts';
import { readNetwork } from '../network.ts';
import type { Network } from '../network.ts';
import { leavesWhole } from './map-calls.ts';
import { linearMapsOf } from './linear-maps.ts';
import type { TiedUse } from './map-state.ts';

/** What was one tensor and is two. */
export interface Split {
  /** Read behind the scale. */
  readonly reader: string;
  /** Used elsewhere. */
  readonly other: string;
}

export interface Untied {
  readonly network: Network;
  readonly exported: Exported;
  /** Parameter that the graph had -> the one that is new: both begin as the same numbers. */
  readonly copies: ReadonlyMap<string, string>;
  readonly splits: readonly Split[];
}

/** @returns undefined if nothing is tied in this way, or a weight has not exactly two keys */
export function untied(network: Network, exported: Exported): Untied | undefined {
  const uses = linearMapsOf(network).others.flatMap(({ tied }) => tied ?? []);
  const keys = new Map(
    uses.map(({ parameter }) => [
      parameter,
      Object.entries(exported.tied).flatMap(([key, name]) => (name === parameter ? [key] : [])),
    ]),
  );
  const copies = new Map(
    [...keys].flatMap(([parameter, own]) => (own.length === 1 ? [[parameter, own[0]!] as const] : [])),
  );
  const [first] = uses;
  if (!first || copies.size !== keys.size || uses.length !== copies.size) return undefined;
  let { graph } = network;
  const splits: Split[] = [];
  for (const use of uses) {
    const split = splitOf(network, use, copies.get(use.parameter)!);
    graph = separated(graph, use, split);
    splits.push(split);
  }
  const tied = Object.fromEntries(Object.entries(exported.tied).filter(([, name]) => !copies.has(name)));
  return {
    network: { ...readNetwork(graph), objective: network.objective },
    ...{ exported: { tied }, copies, splits },
  };
}

/** The reader keeps the key that has the name of its module. */
function splitOf({ nodes }: Network, { parameter, node }: TiedUse, key: string): Split {
  const { attributes } = nodes.find(({ id }) => id === node)!;
  const { module } = attributes as { module?: string };
  const isOwn = (name: string): boolean => module !== undefined && name.startsWith(`${module}.`);
  return isOwn(parameter) && !isOwn(key)
    ? { reader: parameter, other: key }
    : { reader: key, other: parameter };
}

/** Copies of the nodes between the parameter and the reader read the reader's parameter; everything else the other one. */
function separated(graph: Graph, { parameter, node: reader }: TiedUse, split: Split): Graph {
  const copyOf = (id: string): string => `${id}, untied`;
  const chain = new Set(
    graph.nodes.filter(({ parameters }) => parameters['value'] === parameter).map(({ id }) => id),
  );
  const copied: Node[] = [];
  const nodes = graph.nodes.flatMap((node): Node[] => {
    const comesFromIt = node.inputs.some((id) => chain.has(id));
    const inputs = node.inputs.map((id) => (chain.has(id) ? copyOf(id) : id));
    if (node.id === reader) return [{ ...node, inputs }];
    const isMove = leavesWhole(node.attributes['call']);
    if (!chain.has(node.id) && !(comesFromIt && isMove)) return [node];
    chain.add(node.id);
    const isParameter = node.parameters['value'] === parameter;
    const copy: Node = {
      ...{ ...node, id: copyOf(node.id), inputs },
      parameters: isParameter ? { value: split.reader } : node.parameters,
    };
    copied.push(copy);
    return [isParameter ? { ...node, parameters: { value: split.other } } : node, copy];
  });
  const parameters = graph.parameters.flatMap((each): Parameter[] =>
    each.name === parameter
      ? [
          { ...each, name: split.other },
          { ...each, name: split.reader },
        ]
      : [each],
  );
  return { ...graph, nodes: withoutUnread({ ...graph, nodes }, copied), parameters };
}

/** Copies, and what they are copies of, that nothing reads any more. */
function withoutUnread({ nodes, output }: Graph, copied: readonly Node[]): Node[] {
  const mayGo = new Set(copied.flatMap(({ id }) => [id, id.replace(/, untied$/, '')]));
  const isRead = (id: string): boolean => id === output || nodes.some(({ inputs }) => inputs.includes(id));
  const left = nodes.filter(({ id }) => !mayGo.has(id) || isRead(id));
  return left.length === nodes.length ? [...nodes] : withoutUnread({ nodes: left, output } as Graph, copied);
}
