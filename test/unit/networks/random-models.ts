/** Models of one random MLP as graph and arrays, with nothing left at its neutral value. */
import { initialise } from '../../../src-main/compute/models/index.ts';
import { isCounter } from '../../../src-main/formats/tensor-names.ts';
import { actingArrays } from '../../../src-main/compute/networks/effective.ts';
import type { NamedArray } from '../../../src-main/compute/networks/permute.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import type { Activation, Family, Norm } from '../../../src-shared/domain.ts';
import type { MlpSpec } from '../../../src-shared/model.ts';
import { mlpGraph } from '../../../src-shared/networks/mlp.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { asFamily, givenFor } from '../../support/general-family.ts';

export type Arrays = Map<string, NamedArray<Float32Array>>;

export interface NetworkWish {
  family: Family;
  norm: Norm;
  activation?: Activation;
  widths?: number[];
  elementwiseAffine?: boolean;
}

export function specOf({
  family,
  norm,
  activation = 'gelu',
  widths = family === 'linear-residual' ? [12, 9, 9, 8, 5] : [12, 9, 7, 8, 5],
  elementwiseAffine = true,
}: NetworkWish): MlpSpec {
  const asymmetric = family === 'w-asymmetric' || family === 'syre';
  return asFamily({
    architecture: 'mlp',
    family,
    layers: widths.slice(1).map((outputs, index) => ({
      index,
      inputs: widths[index]!,
      outputs,
      sigmaF: asymmetric ? 0.5 + 0.25 * index : 0,
      numFixed: family === 'w-asymmetric' ? 3 : 0,
      normalMask: true,
    })),
    norm,
    elementwiseAffine,
    activation,
    asymInitOnly: false,
  });
}

/** They share their fixed part; norms, running statistics and biases are all random. */
export function randomModels(
  wish: NetworkWish,
  seeds: readonly number[],
): { network: Network; models: Arrays[] } {
  const spec = specOf(wish);
  const network = readNetwork(mlpGraph(spec));
  const models = initialise(spec, { init: seeds, mask: 7, given: givenFor(spec) }).map((state, m) => {
    const stream = new RandomStream(seeds[m]!, 'shake');
    return changed(actingArrays(network, state), (name, { data }) => {
      if (!name.startsWith('norms') || isCounter(name)) return data;
      const positive = name.endsWith('running_var') || name.endsWith('scale') || name.endsWith('inv_std');
      return data.map((value) =>
        positive ? value * (0.5 + stream.uniform()) : value + 0.3 * stream.normal(),
      );
    });
  });
  return { network, models };
}

/** The same arrays with other numbers. */
export const changed = (
  arrays: ReadonlyMap<string, NamedArray<Float32Array>>,
  replace: (name: string, array: NamedArray<Float32Array>) => Float32Array,
): Arrays => new Map([...arrays].map(([name, array]) => [name, { ...array, data: replace(name, array) }]));
