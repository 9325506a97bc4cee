/** Positive factors that units can carry with no change of the function, read off a network. */
import type { Axis } from './axes.ts';
import { Labels } from './axes.ts';
import { fixedOf, followAxes } from './follow-axes.ts';
import type { FixedAxis, Placed } from './follow-axes.ts';
import type { Network } from './network.ts';
import type { ScalePower } from './operation.ts';

/** Along one axis of one parameter: entry i is multiplied by factor[factors[i]] ** power; -1: not at all. */
export interface RescaledAxis {
  readonly parameter: string;
  readonly axis: number;
  readonly factors: Int32Array;
  readonly power: ScalePower;
}

/** Positive factors that can be chosen freely, one per unit. */
export interface Rescaling {
  readonly name: string;
  readonly size: number;
  readonly axes: readonly RescaledAxis[];
}

export interface Rescalings {
  /** In the order in which the network opens them. */
  readonly rescalings: readonly Rescaling[];
  /** The axes of parameters that take no factor. */
  readonly closed: readonly FixedAxis[];
}

/** Factors that pass through the network unchanged: the function stays as it is. Norms take them out, so they end there. */
export const exactRescalings = (network: Network): Rescalings => derived(network, undefined);

const foundBeforeNorms = new WeakMap<Network, Rescalings>();

/**
 * What a LayerNorm or BatchNorm takes out again: one factor for all units that it reads, together with what else leads
 * there (a residual stream is scaled as a whole). The function stays as it is up to the norm's epsilon. Derived once per
 * network.
 */
export function rescalingsBeforeNorms(network: Network): Rescalings {
  const known = foundBeforeNorms.get(network) ?? derived(network, new Set());
  foundBeforeNorms.set(network, known);
  return known;
}

interface ScaledAxis extends Placed {
  readonly power: ScalePower;
}

/** @param taken receives the labels whose factors norms take out; undefined: norms let none pass */
function derived(network: Network, taken: Set<number> | undefined): Rescalings {
  const labels = new Labels();
  const placed: ScaledAxis[] = [];
  followAxes(network, labels, (node, inputs) =>
    node.operation.scales(node, inputs, {
      open: (size) => labels.open(size, node.id),
      unify: (a, b) => labels.unify(a, b),
      close: (axis, reason) => labels.fix(axis, reason),
      normalise(axis) {
        if (!taken) labels.fix(axis, `${node.id} normalises`);
        for (const label of taken ? axis : []) {
          labels.unify([axis[0]!], [label]);
          taken!.add(label);
        }
      },
      parameter(word, axis, entries, power) {
        const parameter = node.parameters[word];
        if (parameter) placed.push({ parameter: parameter.name, axis, labels: entries, power });
      },
    }),
  );
  closeShared(labels, placed);
  const roots = taken && new Set([...taken].map((label) => labels.root(label)));
  return {
    rescalings: openScales(network, labels, placed, roots),
    closed: fixedOf(labels, labels.classes({ twice: true }), placed),
  };
}

/** A parameter that is read twice would need the factors of both readers: they are closed. */
function closeShared(labels: Labels, placed: readonly ScaledAxis[]): void {
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

/** @param wanted classes of labels to choose from; undefined: all that are open */
function openScales(
  network: Network,
  labels: Labels,
  placed: readonly ScaledAxis[],
  wanted: ReadonlySet<number> | undefined,
): Rescaling[] {
  const bySpace = new Map<number, number[]>();
  // Unlike units that change places, equal factors may meet on one axis.
  for (const [root, { fixed, spaces }] of labels.classes({ twice: true })) {
    if (fixed !== undefined || wanted?.has(root) === false) continue;
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
