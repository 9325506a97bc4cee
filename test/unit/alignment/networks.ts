/** Small random networks of every family, with nothing left at its neutral value. */
import { RandomStream } from '../../../src-main/compute/random.ts';
import { mapArrays } from '../../../src-main/compute/alignment/parameters.ts';
import { initialise, toEffective } from '../../../src-main/compute/models/index.ts';
import type { EffectiveNetwork } from '../../../src-main/compute/models/index.ts';
import type { Activation, Family, Norm } from '../../../src-shared/domain.ts';
import type { MlpSpec } from '../../../src-shared/model.ts';

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
  widths = [12, 9, 7, 8, 5],
  elementwiseAffine = true,
}: NetworkWish): MlpSpec {
  const asymmetric = family === 'w-asymmetric' || family === 'syre';
  return {
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
  };
}

/** `seeds.length` networks that share their fixed part; norms, running statistics and biases are all random. */
export function randomNetworks(wish: NetworkWish, seeds: readonly number[]): EffectiveNetwork[] {
  const spec = specOf(wish);
  return initialise(spec, { init: seeds, mask: 7 }).map((state, m) => {
    const stream = new RandomStream(seeds[m]!, 'shake');
    return mapArrays(toEffective(spec, state), ({ name, data, role }) => {
      if (name.startsWith('lins') || role === 'fixed') return data;
      const positive = name.endsWith('running_var') || name.endsWith('initial_variance');
      return data.map((value) =>
        positive ? value * (0.5 + stream.uniform()) : value + 0.3 * stream.normal(),
      );
    });
  });
}
