/** How many units of a network, put in a random order, a matching has put back. */
import { permuteArrays } from '../../../src-main/compute/networks/permute.ts';
import type { GroupPermutations, NamedArray } from '../../../src-main/compute/networks/permute.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';

/** Unit by unit of every group, as they stand in the network: is it where it was? A block is, whatever is in it. */
export function unitsFound(
  network: Network,
  planted: GroupPermutations,
  found: GroupPermutations,
): Map<string, boolean[]> {
  const { groups } = symmetriesOf(network);
  return new Map(
    groups.map(({ name, size, axes }) => {
      // Along one axis of a parameter each entry is numbered; of the other axes one entry is enough.
      const { parameter, axis, places, block, within } = axes.find((each) => !each.within) ?? axes[0]!;
      const shape = network.parameters.get(parameter)!.shape.map((length, i) => {
        if (i === axis) return length;
        return within?.axis === i ? length : 1;
      });
      const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
      const outer = shape.slice(0, axis).reduce((a, b) => a * b, 1);
      const numbers = Float64Array.from(
        { length: outer * shape[axis]! * inner },
        (_, i) => i % (shape[axis]! * inner),
      );
      const marked = new Map<string, NamedArray>([[parameter, { shape, data: numbers }]]);
      const here = groups.map((group) => ({
        ...group,
        axes: group.axes.filter((each) => each.parameter === parameter && each.axis === axis),
      }));
      const moved = permuteArrays(permuteArrays(marked, here, planted), here, found).get(parameter)!.data;
      const start = within ? within.start * shape[axis]! : 0;
      const own = (unit: number): number[] =>
        [...places.subarray(unit * block, (unit + 1) * block)].toSorted((a, b) => a - b);
      return [
        name,
        Array.from({ length: size }, (_, unit) => {
          const found = own(unit).map((place) => moved[(start + place) * inner]! / inner);
          return found.toSorted((a, b) => a - b).join() === own(unit).join();
        }),
      ];
    }),
  );
}

export function shareFound(network: Network, planted: GroupPermutations, found: GroupPermutations): number {
  const units = [...unitsFound(network, planted, found).values()].flat();
  return units.filter(Boolean).length / units.length;
}
