/**
 * Symmetries read off a network: which units can change places, and which can be rescaled, with no change of the
 * function. They are those of the network with effective weights: F, D and the C of gates move along with what they
 * belong to; `movesFixed` says which of them a group would move.
 */
import type { Axis, OpenedClass } from './axes.ts';
import { Labels } from './axes.ts';
import { companionsOf } from './families.ts';
import type { CheckedNode, Network } from './network.ts';
import type { Axes } from './operation.ts';

/** Along one axis of one parameter. */
export interface GroupAxis {
  readonly parameter: string;
  readonly axis: number;
  /** Places on the axis, `block` for each unit: unit k stands at places[k * block] to places[(k + 1) * block - 1]. */
  readonly places: Int32Array;
  readonly block: number;
}

/** Units of which any may take the place of any other. */
export interface PermutationGroup {
  readonly name: string;
  readonly size: number;
  readonly axes: readonly GroupAxis[];
  /** Tensors that models of a run share and that would have to move: with them in place the group is broken. */
  readonly movesFixed: readonly string[];
}

export interface FixedAxis {
  readonly parameter: string;
  readonly axis: number;
  readonly reason: string;
}

/** Along one axis of one parameter: entry i is multiplied by factor[factors[i]] ** power; -1: not at all. */
export interface RescaledAxis {
  readonly parameter: string;
  readonly axis: number;
  readonly factors: Int32Array;
  readonly power: 1 | -1;
}

/** Positive factors that can be chosen freely, one per unit. */
export interface Rescaling {
  readonly name: string;
  readonly size: number;
  readonly axes: readonly RescaledAxis[];
}

export interface Symmetries {
  /** In the order in which the network opens them: the reference's order of visiting. */
  readonly groups: readonly PermutationGroup[];
  readonly fixed: readonly FixedAxis[];
  readonly rescalings: readonly Rescaling[];
}

export function symmetriesOf(network: Network): Symmetries {
  return { ...permutationsOf(network), rescalings: rescalingsOf(network) };
}

interface Placed {
  parameter: string;
  axis: number;
  labels: Axis;
}

/** Follows the axes of all values through the network. */
function followAxes(
  network: Network,
  labels: Labels,
  rule: (node: CheckedNode, inputs: readonly Axes[]) => Axes,
): void {
  const known = new Map<string, Axes>();
  for (const { id, shape } of network.graph.inputs) {
    const axes = shape.map((size) => labels.open(size, id));
    for (const axis of axes) labels.fix(axis, 'input of the network');
    known.set(id, axes);
  }
  for (const node of network.nodes)
    known.set(
      node.id,
      rule(
        node,
        node.takes.map((id) => known.get(id)!),
      ),
    );
  for (const axis of known.get(network.graph.output)!) labels.fix(axis, 'output of the network');
}

function permutationsOf(network: Network): Pick<Symmetries, 'groups' | 'fixed'> {
  const labels = new Labels();
  const placed: Placed[] = [];
  /** A parameter that several nodes read moves as all of them say. */
  const first = new Map<string, Axes>();
  const place = (parameter: string, axes: Axes): void => {
    const before = first.get(parameter);
    if (before) {
      before.forEach((axis, i) => labels.unify(axis, axes[i]!));
      return;
    }
    first.set(parameter, axes);
    axes.forEach((axis, i) => placed.push({ parameter, axis: i, labels: axis }));
  };
  followAxes(network, labels, (node, inputs) =>
    node.operation.axes(node, inputs, {
      open: (size) => labels.open(size, node.id),
      unify: (a, b) => labels.unify(a, b),
      fix: (axis, reason) => labels.fix(axis, reason),
      parameter(word, axes) {
        const parameter = node.parameters[word];
        if (!parameter) return;
        place(parameter.name, axes);
        for (const companion of parameter.family ? companionsOf(parameter.family) : [])
          place(companion, axes);
      },
    }),
  );
  const classes = labels.classes();
  return { groups: groupsOf(network, labels, classes, placed), fixed: fixedOf(labels, classes, placed) };
}

type Classes = ReadonlyMap<number, OpenedClass>;

/** Classes with the same spaces are alike: each has one entry wherever the others have one. */
function groupsOf(
  network: Network,
  labels: Labels,
  classes: Classes,
  placed: readonly Placed[],
): PermutationGroup[] {
  const alike = new Map<string, number[]>();
  for (const [root, { fixed, spaces }] of classes) {
    if (fixed !== undefined) continue;
    const profile = spaces.toSorted((a, b) => a - b).join();
    alike.set(profile, [...(alike.get(profile) ?? []), root]);
  }
  const names = new Map<string, number>();
  return [...alike.values()].flatMap((roots) => {
    const node = labels.spaces[classes.get(roots[0]!)!.spaces[0]!]!.node;
    const own = network.graph.groupNames[node] ?? node;
    const count = (names.get(own) ?? 0) + 1;
    names.set(own, count);
    const units = new Map(roots.map((root, k) => [root, k]));
    const axes = placed.flatMap((axis) => groupAxis(axis, units, labels));
    if (axes.length === 0) return [];
    const moved = new Set(axes.map(({ parameter }) => parameter));
    const movesFixed = [...moved].filter((name) => network.parameters.get(name)!.role === 'fixed');
    return [{ name: count === 1 ? own : `${own}.${count}`, size: roots.length, axes, movesFixed }];
  });
}

function groupAxis(
  { parameter, axis, labels: entries }: Placed,
  units: ReadonlyMap<number, number>,
  labels: Labels,
): GroupAxis[] {
  const places: number[][] = Array.from({ length: units.size }, () => []);
  entries.forEach((label, place) => {
    const unit = units.get(labels.root(label));
    if (unit !== undefined) places[unit]!.push(place);
  });
  const block = places[0]!.length;
  if (places.some((own) => own.length !== block))
    throw new Error(`units of one group take different numbers of places on axis ${axis} of "${parameter}"`);
  return block === 0 ? [] : [{ parameter, axis, block, places: Int32Array.from(places.flat()) }];
}

function fixedOf(labels: Labels, classes: Classes, placed: readonly Placed[]): FixedAxis[] {
  return placed.flatMap(({ parameter, axis, labels: entries }) => {
    const reasons = new Set(
      entries.flatMap((label) => {
        const { fixed } = classes.get(labels.root(label))!;
        return fixed === undefined ? [] : [fixed];
      }),
    );
    return [...reasons].map((reason) => ({ parameter, axis, reason }));
  });
}

function rescalingsOf(network: Network): Rescaling[] {
  const labels = new Labels();
  const placed: (Placed & { power: 1 | -1 })[] = [];
  followAxes(network, labels, (node, inputs) =>
    node.operation.scales(node, inputs, {
      open: (size) => labels.open(size, node.id),
      unify: (a, b) => labels.unify(a, b),
      close: (axis, reason) => labels.fix(axis, reason),
      parameter(word, axis, entries, power) {
        const parameter = node.parameters[word];
        if (parameter) placed.push({ parameter: parameter.name, axis, labels: entries, power });
      },
    }),
  );
  closeShared(labels, placed);
  return openScales(network, labels, placed);
}

/** A parameter that is read twice would need the factors of both readers: they are closed. */
function closeShared(labels: Labels, placed: readonly (Placed & { power: 1 | -1 })[]): void {
  const seen = new Map<string, Axis>();
  for (const { parameter, axis, power, labels: entries } of placed) {
    const key = JSON.stringify([parameter, axis, power]);
    const other = seen.get(key);
    if (!other) {
      seen.set(key, entries);
      continue;
    }
    labels.fix(other, `"${parameter}" is used more than once`);
    labels.fix(entries, `"${parameter}" is used more than once`);
  }
}

function openScales(
  network: Network,
  labels: Labels,
  placed: readonly (Placed & { power: 1 | -1 })[],
): Rescaling[] {
  const bySpace = new Map<number, number[]>();
  // Unlike units that change places, equal factors may meet on one axis.
  for (const [root, { fixed, spaces }] of labels.classes({ twice: true })) {
    if (fixed !== undefined) continue;
    bySpace.set(spaces[0]!, [...(bySpace.get(spaces[0]!) ?? []), root]);
  }
  return [...bySpace].flatMap(([space, roots]) => {
    const units = new Map(roots.map((root, k) => [root, k]));
    const axes = placed.flatMap(({ parameter, axis, power, labels: entries }) => {
      const factors = Int32Array.from(entries, (label) => units.get(labels.root(label)) ?? -1);
      return factors.every((factor) => factor === -1) ? [] : [{ parameter, axis, power, factors }];
    });
    const { node } = labels.spaces[space]!;
    return axes.length === 0
      ? []
      : [{ name: network.graph.groupNames[node] ?? node, size: roots.length, axes }];
  });
}
