/** What machine checks of symmetries try: orders in which something moves, and weights of which every entry tells. */
import type { Network } from '../../../src-shared/networks/network.ts';
import type { PermutationGroup } from '../../../src-shared/networks/symmetries.ts';
import { isIdentity } from '../alignment/permutation.ts';
import type { Permutation } from '../alignment/permutation.ts';
import { RandomStream } from '../random.ts';
import type { NamedArray, NamedArrays } from './permute.ts';

/** A random order of each group's units in which some move: of two units such an order is the old one half of the time. */
export const movingOrders = (
  groups: readonly PermutationGroup[],
  stream: RandomStream,
): Map<string, Permutation> =>
  new Map(
    groups.map(({ name, size }) => {
      const order = stream.permutation(size);
      return [name, isIdentity(order) ? order.map((unit) => (unit + 1) % size) : order];
    }),
  );

/** Entries that differ by less, relative to the largest, tell as little as equal ones. */
const alike = 1e-2;

/**
 * The parameters with other values in those that are constant or nearly so (zeros of biases, ones of norms, statistics of a
 * network that was never trained): whatever order a rule gives these entries, the function would stay the same, or, behind a
 * factor of 0, whatever it says of others. Symmetries hold for all weights: a right rule holds for these too.
 */
export function tellingArrays(
  network: Network,
  arrays: NamedArrays<Float64Array>,
): Map<string, NamedArray<Float64Array>> {
  const stream = new RandomStream(0, 'telling');
  return new Map(
    [...arrays].map(([name, array]) => {
      const role = network.parameters.get(name)?.role;
      // What is fixed belongs to the network: masks, tables, positions.
      if (role === undefined || role === 'fixed' || !isTellingNothing(array.data)) return [name, array];
      const noise = stream.normals(array.data.length);
      const data = array.data.map((value, i) => {
        const change = 0.1 * Math.max(1, Math.abs(value)) * noise[i]!;
        // Variances stay positive.
        return value + (role === 'statistics' ? Math.abs(change) : change);
      });
      return [name, { shape: array.shape, data }];
    }),
  );
}

/** Entries that are all nearly the same, or most of them exactly. */
function isTellingNothing(data: Float64Array): boolean {
  if (data.length < 2) return false;
  let [least, most, same] = [Infinity, -Infinity, 0];
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (value < least) least = value;
    if (value > most) most = value;
    if (value === data[0]) same++;
  }
  return most - least <= alike * Math.max(Math.abs(least), Math.abs(most)) || same > data.length / 2;
}
