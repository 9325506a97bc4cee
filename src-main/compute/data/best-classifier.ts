/** The accuracy that no classifier exceeds on data whose densities are known. */
import type { ParamsOf, ResultOf } from '../../../src-shared/jobs/define.ts';
import type { bestClassifierJob } from '../../../src-shared/jobs/best-classifier.ts';
import { checkpointCancel } from '../context.ts';
import type { Compute } from '../context.ts';
import { gaussianSample, gaussianStructure } from './subspace.ts';
import type { GaussianStructure } from './subspace.ts';

type Params = ParamsOf<typeof bestClassifierJob>;
type Result = ResultOf<typeof bestClassifierJob>;

export const bestClassifier: Compute<Params, Result> = async (params, context) => {
  const { classes, dimension, separation, examples, structureSeed, samplingSeed } = params;
  const structure = gaussianStructure({
    ...{ num_classes: classes, d_intrinsic: dimension, class_separation: separation },
    // The embedding is an isometry: it changes no density.
    ...{ d_ambient: dimension, structure_seed: structureSeed },
  });
  const { labels, latents } = gaussianSample(structure, samplingSeed, 'test', examples);
  let right = 0;
  let certainty = 0;
  for (let n = 0; n < examples; n++) {
    const z = latents.subarray(n * dimension, (n + 1) * dimension);
    const { best, probability } = mostProbable(structure, z);
    if (best === labels[n]) right++;
    certainty += probability;
    if (n % 1000 === 999) await checkpointCancel(context);
  }
  return { accuracy: (100 * right) / examples, expected_accuracy: (100 * certainty) / examples, examples };
};

/**
 * Classes are equally likely, and their covariances Q diag(scale^2) Q^T have one determinant: the most probable class has
 * the smallest |diag(1 / scale) Q^T (z - mean)|.
 */
export function mostProbable(
  { classes, intrinsic: k, means, rotations, scale }: Omit<GaussianStructure, 'projection'>,
  z: Float64Array,
): { best: number; probability: number } {
  const distances = new Float64Array(classes);
  let best = 0;
  for (let c = 0; c < classes; c++) {
    for (let j = 0; j < k; j++) {
      let sum = 0;
      for (let i = 0; i < k; i++) sum += rotations[(c * k + i) * k + j]! * (z[i]! - means[c * k + i]!);
      distances[c]! += (sum / scale[j]!) ** 2;
    }
    if (distances[c]! < distances[best]!) best = c;
  }
  const total = distances.reduce((sum, d) => sum + Math.exp((distances[best]! - d) / 2), 0);
  return { best, probability: 1 / total };
}
