/** One pass over a split: the moments at every layer's input and at the model's output. */
import type { Backend, Tensor } from '../backend/index.ts';
import type { Examples } from '../data/index.ts';
import { forwardStacked, stackNetworks } from '../models/index.ts';
import type { EffectiveNetwork } from '../models/index.ts';
import { modelOutput, MomentSums } from './subspace.ts';
import type { Moments, Place } from './subspace.ts';

/** Rows per chunk: 25 MiB at 784 numbers in float64. */
const chunkRows = 2048;

/** Every place where a network's vectors are recorded, in the order of the forward pass. */
export function placesOf(network: EffectiveNetwork): Place[] {
  const inputs = network.layers.map(
    ({ inputs: width }, i): Place => ({ layer: `lins.${i}`, hookMode: 'RecordInput', width }),
  );
  const width = network.layers.at(-1)!.outputs;
  return [...inputs, { layer: modelOutput, hookMode: 'RecordOutput', width }];
}

/** The moments of the data themselves: the input of lins.0, the same for all models. */
export async function inputMoments(
  { x, features, count }: Examples,
  between: (share: number) => Promise<void>,
): Promise<Moments> {
  const sums = new MomentSums({ layer: 'lins.0', hookMode: 'RecordInput', width: features });
  for (let start = 0; start < count; start += chunkRows) {
    const end = Math.min(count, start + chunkRows);
    sums.add(x.subarray(start * features, end * features));
    await between((end - start) / count);
  }
  return sums.finish();
}

/**
 * Runs one network over the examples and gathers the moments at the places named, lins.0 excepted (see inputMoments).
 * @param between called between chunks with the share of the work just done; throw there to stop
 * @throws UserError naming layer and neuron of the first activation that is not finite
 */
export async function activationMoments(
  backend: Backend,
  network: EffectiveNetwork,
  examples: Examples,
  wanted: readonly string[],
  between: (share: number) => Promise<void>,
): Promise<Moments[]> {
  const sums = placesOf(network).map((place, i) =>
    i > 0 && wanted.includes(place.layer) ? new MomentSums(place) : undefined,
  );
  if (sums.every((sum) => sum === undefined)) return [];
  const stacked = stackNetworks(backend, [network]);
  const x = backend.tf.tensor2d(examples.x, [examples.count, examples.features]);
  try {
    for (let start = 0; start < examples.count; start += chunkRows) {
      const size = Math.min(chunkRows, examples.count - start);
      const batch = x.slice([start, 0], [size, -1]);
      const { logits, recorded } = forwardStacked(backend, stacked, batch, {
        record: ['post_activation_function'],
      });
      batch.dispose();
      const values = [...recorded.post_activation_function!, logits];
      try {
        for (const [i, value] of values.entries()) {
          sums[i + 1]?.add((value as Tensor).dataSync() as Float32Array);
          await between(size / examples.count / values.length);
        }
      } finally {
        backend.tf.dispose(values);
      }
    }
  } finally {
    x.dispose();
    stacked.dispose();
  }
  return sums.filter((sum) => sum !== undefined).map((sum) => sum.finish());
}
