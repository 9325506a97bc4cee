/** Exported networks with the maps of their units, and copies that are mixed by them at random. */
import { randomlyMapped } from '../../../src-main/compute/alignment/orthogonal/check.ts';
import { reduceModel } from '../../../src-main/compute/alignment/orthogonal/reduce.ts';
import type { DoubleArrays } from '../../../src-main/compute/alignment/orthogonal/units.ts';
import { actingArrays } from '../../../src-main/compute/networks/effective.ts';
import { inDoubles, permuteArrays } from '../../../src-main/compute/networks/permute.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { exportedModel } from '../../../src-main/interop/adopt/exported.ts';
import { linearMapsOf } from '../../../src-shared/networks/exported/linear-maps.ts';
import type { LinearMap } from '../../../src-shared/networks/exported/linear-maps.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import { exportedFixture } from './files.ts';

export interface Model {
  network: Network;
  arrays: DoubleArrays;
  maps: readonly LinearMap[];
}

export function modelOf(name: string): Model {
  const { graph, state } = exportedModel(exportedFixture(`${name}.pt2`));
  const network = readNetwork(graph);
  return { network, arrays: inDoubles(actingArrays(network, state)), maps: linearMapsOf(network).maps };
}

/** The same function: groups with maps mixed at random, the others in a random order. */
export function planted({ network, arrays, maps }: Model, seed: number): DoubleArrays {
  const stream = new RandomStream(seed, 'planted');
  const mapped = new Set(maps.map(({ whole }) => whole.name));
  const permuted = symmetriesOf(network).groups.filter(({ name }) => !mapped.has(name));
  const orders = new Map(permuted.map(({ name, size }) => [name, stream.permutation(size)]));
  const reduced = reduceModel(arrays, maps, 'model').arrays;
  return permuteArrays(
    maps.reduce((found, map) => randomlyMapped(found, map, stream), reduced),
    permuted,
    orders,
  );
}
