/** Models of one random MLP as graph and arrays, with nothing left at its neutral value. */
import { initialise } from '../../../src-main/compute/models/index.ts';
import { actingArrays } from '../../../src-main/compute/networks/effective.ts';
import type { NamedArray } from '../../../src-main/compute/networks/permute.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { mlpGraph } from '../../../src-shared/networks/mlp.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { specOf } from '../alignment/networks.ts';
import type { NetworkWish } from '../alignment/networks.ts';

export type Arrays = Map<string, NamedArray<Float32Array>>;

/** They share their fixed part; norms, running statistics and biases are all random. */
export function randomModels(
  wish: NetworkWish,
  seeds: readonly number[],
): { network: Network; models: Arrays[] } {
  const spec = specOf(wish);
  const network = readNetwork(mlpGraph(spec));
  const models = initialise(spec, { init: seeds, mask: 7 }).map((state, m) => {
    const stream = new RandomStream(seeds[m]!, 'shake');
    const shaken = [...actingArrays(network, state)].map(([name, { shape, data }]) => {
      if (!name.startsWith('norms')) return [name, { shape, data }] as const;
      const positive = name.endsWith('running_var') || name.endsWith('scale') || name.endsWith('inv_std');
      const values = data.map((value) =>
        positive ? value * (0.5 + stream.uniform()) : value + 0.3 * stream.normal(),
      );
      return [name, { shape, data: values }] as const;
    });
    return new Map(shaken);
  });
  return { network, models };
}
