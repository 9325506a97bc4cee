/** The models in the exported fixtures, and copies of them with their units in another order. */
import { actingArrays } from '../../../src-main/compute/networks/effective.ts';
import { permuteArrays } from '../../../src-main/compute/networks/permute.ts';
import type { NamedArrays } from '../../../src-main/compute/networks/permute.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { isCounter } from '../../../src-main/formats/tensor-names.ts';
import { exportedModel } from '../../../src-main/interop/adopt/exported.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import { exportedFixture } from './files.ts';

export function modelOf(name: string): { network: Network; arrays: NamedArrays } {
  const { graph, state } = exportedModel(exportedFixture(`${name}.pt2`));
  const network = readNetwork(graph);
  return {
    network,
    arrays: new Map([...actingArrays(network, state)].filter(([key]) => !isCounter(key))),
  };
}

/** Units of all groups in a random order: what matching has to find again. */
export function planted(network: Network, arrays: NamedArrays, seed: number): NamedArrays {
  const { groups } = symmetriesOf(network);
  const stream = new RandomStream(seed, 'planted');
  const orders = new Map(groups.map(({ name, size }) => [name, stream.permutation(size)]));
  return permuteArrays(arrays, groups, orders);
}
