/** A network as it is drawn: its nodes in the order of computation, their parameters, which groups permute which axes. */
import { symmetriesOf } from './symmetries.ts';
import type { PermutationGroup } from './symmetries.ts';
import type { Network } from './network.ts';
import type { Parameter } from './graph.ts';

export interface DrawnParameter {
  name: string;
  shape: readonly number[];
  role: Parameter['role'];
  /** For each axis the groups that permute it, by name. */
  groups: readonly (readonly string[])[];
  /** What is fixed of it: `F and a mask`, `F`, `a mask`; absent: nothing. */
  fixed?: string;
}

export interface DrawnNode {
  id: string;
  op: string;
  /** `gelu`, `batch`, `3 x 3`: what tells it from others of its operation; absent: nothing. */
  kind?: string;
  /** Of its value, for one example. */
  shape: readonly number[];
  /** Ids of the nodes or inputs whose values it takes. */
  takes: readonly string[];
  parameters: readonly DrawnParameter[];
  /** Groups whose units stand in its value. */
  groups: readonly string[];
}

export interface DrawnGroup {
  name: string;
  /** Units that may change places. */
  size: number;
  /** The nodes that make the units. */
  openedBy: readonly string[];
  /** Every axis that it permutes: `fc1.weight, axis 0`. */
  axes: readonly string[];
  /** Tensors that models share and that it would move: with them in place the group is no symmetry. */
  movesFixed: readonly string[];
}

export interface Drawing {
  inputs: readonly { id: string; shape: readonly number[] }[];
  nodes: readonly DrawnNode[];
  groups: readonly DrawnGroup[];
  output: string;
}

const fixedText = ({ family, held }: Parameter): string | undefined => {
  if (held) return `${held.count} entries of every row`;
  if (!family) return undefined;
  const parts = [...(family.fixed ? ['F'] : []), ...(family.mask === undefined ? [] : ['a mask'])];
  return parts.length === 0 ? undefined : parts.join(' and ');
};

function kindOf(
  attributes: Readonly<Record<string, unknown>>,
  weight: Parameter | undefined,
): string | undefined {
  const { kind, call, name } = attributes;
  if (typeof call === 'string') return typeof name === 'string' ? name : call;
  if (typeof kind === 'string') return kind;
  // Of a kernel [out, in, height, width].
  return weight?.shape.length === 4 ? weight.shape.slice(2).join(' x ') : undefined;
}

const drawnGroup = (
  { name, size, openedBy, axes, movesFixed }: PermutationGroup,
  { parameters }: Network,
): DrawnGroup => ({
  ...{ name, size, openedBy },
  movesFixed: movesFixed.map((each) => (parameters.get(each)!.held ? `fixed entries of ${each}` : each)),
  axes: axes.map(({ parameter, axis }) => `${parameter}, axis ${axis}`),
});

export function drawingOf(network: Network): Drawing {
  const { groups } = symmetriesOf(network);
  const permuting = (parameter: string, axis: number): string[] =>
    groups.flatMap(({ name, axes }) =>
      axes.some((each) => each.parameter === parameter && each.axis === axis) ? name : [],
    );
  const drawnParameter = (parameter: Parameter): DrawnParameter => {
    const { name, shape, role } = parameter;
    const fixed = fixedText(parameter);
    return {
      ...{ name, shape, role, groups: shape.map((_, axis) => permuting(name, axis)) },
      ...(fixed !== undefined && { fixed }),
    };
  };
  const nodes = network.nodes.map(({ id, op, attributes, shape, takes, parameters }): DrawnNode => {
    const kind = kindOf(attributes as Record<string, unknown>, parameters['weight']);
    return {
      ...{ id, op, shape, takes },
      ...(kind !== undefined && { kind }),
      parameters: Object.values(parameters).map(drawnParameter),
      groups: groups.flatMap(({ name, values }) => (values.some(({ node }) => node === id) ? name : [])),
    };
  });
  return {
    inputs: network.graph.inputs,
    nodes,
    groups: groups.map((group) => drawnGroup(group, network)),
    output: network.graph.output,
  };
}
