/** Carrying the labels of axes through a network, for permutations and for scales. */
import type { Axis, Labels, OpenedClass } from './axes.ts';
import type { CheckedNode, Network } from './network.ts';
import type { Axes } from './operation.ts';

/** Along one axis of a parameter stand entries with these labels. */
export interface Placed {
  readonly parameter: string;
  readonly axis: number;
  readonly labels: Axis;
}

/** Follows the axes of all values through the network. @returns those of every value, by id */
export function followAxes(
  network: Network,
  labels: Labels,
  rule: (node: CheckedNode, inputs: readonly Axes[]) => Axes,
): Map<string, Axes> {
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
  return known;
}

export type Classes = ReadonlyMap<number, OpenedClass>;

/** An axis of a parameter that cannot be moved, or scaled, and why. */
export interface FixedAxis {
  readonly parameter: string;
  readonly axis: number;
  readonly reason: string;
}

/** The axes whose entries may not change, once for every reason. */
export function fixedOf(labels: Labels, classes: Classes, placed: readonly Placed[]): FixedAxis[] {
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
