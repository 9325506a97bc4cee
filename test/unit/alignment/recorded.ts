/** Activations of two models compared on random inputs. */
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import type { NamedArrays } from '../../../src-main/compute/networks/permute.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { recordingPoints } from '../../../src-shared/domain.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import { recordMoments } from '../../support/matched-groups.ts';

type Arrays = NamedArrays<Float32Array>;

/** The names of its permutation groups. */
export const groupsOf = (network: Network) => symmetriesOf(network).groups.map(({ name }) => name);

/** Moments between the activations of two models on random inputs, at all recording points. */
export async function momentsBetween(network: Network, a: Arrays, b: Arrays, rows = 200) {
  const backend = await loadBackend();
  const features = network.graph.inputs[0]!.shape[0]!;
  const x = backend.tf.tensor2d(new RandomStream(9, 'x').normals(rows * features), [rows, features]);
  const recording = { network, models: [a, b], pairs: [[0, 1] as const], points: recordingPoints };
  const [moments] = await recordMoments(backend, recording, x);
  x.dispose();
  return moments!;
}
