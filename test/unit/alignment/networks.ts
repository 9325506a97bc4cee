/** Small random networks of every family, with nothing left at its neutral value. */
import { recordMoments } from '../../../src-main/compute/alignment/record-moments.ts';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import { actingArrays } from '../../../src-main/compute/networks/effective.ts';
import type { NamedArray } from '../../../src-main/compute/networks/permute.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { mapArrays } from '../../../src-main/compute/alignment/parameters.ts';
import { initialise, toEffective } from '../../../src-main/compute/models/index.ts';
import type { EffectiveNetwork } from '../../../src-main/compute/models/index.ts';
import { recordingPoints } from '../../../src-shared/domain.ts';
import type { Activation, Family, Norm } from '../../../src-shared/domain.ts';
import type { MlpSpec } from '../../../src-shared/model.ts';
import { mlpGraph } from '../../../src-shared/networks/mlp.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';

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

export type Model = Map<string, NamedArray<Float32Array>>;

/** `seeds.length` models that share their fixed part, as they act; norms and statistics are all random. */
export function randomModels(
  wish: NetworkWish,
  seeds: readonly number[],
): { network: Network; models: Model[] } {
  const spec = specOf(wish);
  const network = readNetwork(mlpGraph(spec));
  const models = initialise(spec, { init: seeds, mask: 7 }).map((state, m) => {
    const stream = new RandomStream(seeds[m]!, 'shake');
    return changed(actingArrays(network, state), (name, { data }) => {
      if (!name.startsWith('norms') || name.endsWith('num_batches_tracked')) return data;
      const positive = /running_var|scale|inv_std/.test(name);
      return data.map((value) =>
        positive ? value * (0.5 + stream.uniform()) : value + 0.3 * stream.normal(),
      );
    });
  });
  return { network, models };
}

/** The same arrays with other numbers. */
export const changed = (
  model: ReadonlyMap<string, NamedArray<Float32Array>>,
  replace: (name: string, array: NamedArray<Float32Array>) => Float32Array,
): Model => new Map([...model].map(([name, array]) => [name, { ...array, data: replace(name, array) }]));

/** The names of its permutation groups. */
export const groupsOf = (network: Network) => symmetriesOf(network).groups.map(({ name }) => name);

/** Moments between the activations of two models on random inputs, at all recording points. */
export async function momentsBetween(network: Network, a: Model, b: Model, rows = 200) {
  const backend = await loadBackend();
  const features = network.graph.inputs[0]!.shape[0]!;
  const x = backend.tf.tensor2d(new RandomStream(9, 'x').normals(rows * features), [rows, features]);
  const recording = { network, models: [a, b], pairs: [[0, 1] as const], points: recordingPoints };
  const [moments] = await recordMoments(backend, recording, x, () => Promise.resolve());
  x.dispose();
  return moments!;
}
