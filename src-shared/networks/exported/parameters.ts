/** The labels of the axes of parameters of an exported network. */
import type { Axis } from '../axes.ts';
import type { Network } from '../network.ts';
import type { BlockLabels } from './blocks.ts';
import type { UnitValue } from './value.ts';

/** Along an axis of a parameter stand entries with these labels; `within`: for these entries of another axis only. */
export interface PlacedUnits {
  readonly parameter: string;
  readonly axis: number;
  readonly labels: Axis;
  readonly within?: { readonly axis: number; readonly start: number; readonly count: number };
}

export class Parameters {
  readonly #blocks: BlockLabels;
  readonly #network: Network;
  readonly #axes = new Map<string, readonly Axis[]>();
  /** Axis 1 of grouped convolutions: labels per group. */
  readonly #grouped = new Map<string, { labels: Axis; groups: number }>();

  constructor(blocks: BlockLabels, network: Network) {
    this.#blocks = blocks;
    this.#network = network;
  }

  /** The labels of a parameter's axes, opened when first asked for. */
  axesOf(name: string): readonly Axis[] {
    const known = this.#axes.get(name);
    if (known) return known;
    const { shape, role } = this.#network.parameters.get(name)!;
    const axes = shape.map((size, axis) => this.#blocks.open(size, `${name} ${axis}`));
    if (role === 'fixed')
      for (const axis of axes)
        this.#blocks.fix(axis, `"${name}" is a constant of the network, or not trained`);
    this.#axes.set(name, axes);
    return axes;
  }

  value(name: string): UnitValue {
    const { shape, role } = this.#network.parameters.get(name)!;
    const labels = this.axesOf(name);
    const axes = [...shape.keys()].filter((axis) => shape[axis] !== 1);
    const why = `"${name}" is a constant of the network, or not trained`;
    return {
      sizes: shape,
      parts: role === 'fixed' ? [] : axes.map((axis) => ({ axes: [axis], labels: labels[axis]! })),
      held: new Map(role === 'fixed' ? axes.map((axis) => [axis, why]) : []),
      parameter: name,
    };
  }

  /** Axis 1 of a grouped convolution's weight has labels of its own in every group, one after the other. */
  group(name: string, labels: Axis, groups: number): void {
    const known = this.#grouped.get(name);
    if (known?.groups === groups) this.#blocks.unify(known.labels, labels);
    else if (known)
      for (const axis of [known.labels, labels]) this.#blocks.fix(axis, `"${name}" is used in two ways`);
    else this.#grouped.set(name, { labels, groups });
  }

  placed(): PlacedUnits[] {
    return [...this.#axes].flatMap(([parameter, axes]) => {
      const grouped = this.#grouped.get(parameter);
      return axes.flatMap((labels, axis): PlacedUnits[] => {
        if (!grouped || axis !== 1) return [{ parameter, axis, labels }];
        const [rows, size] = [axes[0]!.length / grouped.groups, labels.length];
        return Array.from({ length: grouped.groups }, (_, group) => ({
          ...{ parameter, axis },
          labels: grouped.labels.slice(group * size, (group + 1) * size),
          within: { axis: 0, start: group * rows, count: rows },
        }));
      });
    });
  }
}
