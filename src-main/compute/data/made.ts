/** Data sets whose geometry is known because they were made so. */
import type { GeometryPlan } from '../../../src-shared/config.ts';
import { blockModel } from './block-model.ts';
import type { Dataset } from './dataset.ts';
import { loadMnist } from './mnist.ts';
import { rotated, rotationFor } from './rotation.ts';
import { gaussianSubspace, multilabelSubspace, paritySubspace } from './subspace.ts';

/**
 * Makes the data set of a plan.
 * @param dataDir of `mnist-coherence`: the folder of the digits to rotate; absent: the embedded ones
 * @throws UserError for a coherence that cannot be reached, and bad files
 */
export async function makeDataset(plan: GeometryPlan, dataDir: string | undefined): Promise<Dataset> {
  const { kind } = plan;
  switch (kind) {
    case 'gaussian-subspace': {
      const { num_classes: classes, d_intrinsic: k, d_ambient: ambient, structure_seed: seed } = plan.values;
      const origin = `synthetic: ${classes} Gaussians on ${k} of ${ambient} dimensions, structure seed ${seed}`;
      return { name: kind, origin, classes, ...gaussianSubspace(plan.values), sha256: {} };
    }
    case 'parity-subspace': {
      const { modulo_base: classes, d_intrinsic: k, d_ambient: ambient, projection_seed: seed } = plan.values;
      const origin = `synthetic: sign parities modulo ${classes} on ${k} of ${ambient} dimensions, projection seed ${seed}`;
      return { name: kind, origin, classes, ...paritySubspace(plan.values), sha256: {} };
    }
    case 'multilabel-subspace': {
      const { num_binary_labels: classes, d_ambient: ambient, projection_seed: seed } = plan.values;
      const origin = `synthetic: ${classes} binary labels on ${classes} of ${ambient} dimensions, projection seed ${seed}`;
      return { name: kind, origin, classes, ...multilabelSubspace(plan.values), sha256: {} };
    }
    case 'block-model':
      return blockModel(plan.values);
    case 'mnist-coherence':
      return rotatedDigits(plan.values, dataDir);
  }
}

/** The rotation is found on the train file and applied to both, as the reference does. */
async function rotatedDigits(
  values: Extract<GeometryPlan, { kind: 'mnist-coherence' }>['values'],
  dataDir: string | undefined,
): Promise<Dataset> {
  const digits = await loadMnist({ name: dataDir === undefined ? 'mnist-10k' : 'mnist', dataDir });
  const { target_explained_variance_ratio: explained, target_subspace_coherence: target } = values;
  const { matrix, dimension, coherence } = rotationFor(digits.train, explained, target);
  return {
    name: 'mnist-coherence',
    origin: `${digits.name} in ${digits.origin}, rotated so that its ${dimension} main directions have coherence ${coherence.toFixed(4)}`,
    classes: digits.classes,
    train: rotated(digits.train, matrix),
    test: rotated(digits.test, matrix),
    // Of the files before the rotation, which a split file may name.
    sha256: digits.sha256,
  };
}
