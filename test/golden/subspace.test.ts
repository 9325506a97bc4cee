/** Made data sets replayed from the reference's own random draws, and its rotation to a wanted coherence. */
import { describe, expect, test } from 'vitest';
import { coherenceRotation } from '../../src-main/compute/data/rotation.ts';
import {
  embed,
  gaussianLatents,
  multilabelLabels,
  parityLabels,
} from '../../src-main/compute/data/subspace.ts';
import { goldenJson, goldenNpy } from '../support/fixtures.ts';
import { largestDifference } from '../support/reference-run.ts';

interface GoldenSet {
  params: { num_classes?: number; modulo_base?: number };
  replay_max_abs_diff: number;
}
const golden = goldenJson<Record<string, GoldenSet>>('subspace_datasets');
const array = (set: string, what: string) => goldenNpy(`subspace/${set}_${what}`);

/** Rounding of the reference's float32 sums: its own replay in float32 differs by up to 2.4e-7 at entries of size 8. */
const noise = (values: Float64Array): number =>
  2e-7 * Math.max(1, ...Array.from(values, (value) => Math.abs(value)));

describe.each(['gaussian_train', 'gaussian_test'])('%s', (set) => {
  const latents = array(set, 'latents');
  const intrinsic = latents.shape[1]!;

  test('latents follow from means, rotations, scale and noise', () => {
    const structure = {
      classes: golden[set]!.params.num_classes!,
      intrinsic,
      means: array(set, 'means').data,
      rotations: array(set, 'rotations').data,
      scale: array(set, 'scale').data,
    };
    const labels = Int32Array.from(array(set, 'labels').data);
    const found = gaussianLatents(structure, labels, array(set, 'standard_noise').data);
    expect(largestDifference(found, latents.data)).toBeLessThan(noise(latents.data));
  });

  test('examples are the latents on the subspace', () => {
    const data = array(set, 'data').data;
    const found = embed(latents.data, array(set, 'P').data, intrinsic);
    expect(largestDifference(found, data)).toBeLessThan(noise(data));
  });
});

describe.each(['parity_train', 'parity_test', 'parity_modulo3', 'multilabel_train', 'multilabel_test'])(
  '%s',
  (set) => {
    const latents = array(set, 'latents');
    const intrinsic = latents.shape[1]!;

    test('examples and labels follow from the latents', () => {
      const data = array(set, 'data').data;
      expect(largestDifference(embed(latents.data, array(set, 'P').data, intrinsic), data)).toBeLessThan(
        noise(data),
      );
      const labels = set.startsWith('parity')
        ? parityLabels(latents.data, intrinsic, golden[set]!.params.modulo_base!)
        : multilabelLabels(latents.data);
      expect([...labels]).toEqual([...array(set, 'labels').data]);
    });
  },
);

test('rotation to a coherence, entry by entry', () => {
  const unit = goldenJson<Record<string, unknown>>('unit');
  const expected = unit['targeted_coherence_rotation'] as {
    full_dimension: number;
    subspace_dimension: number;
    target: number;
    matrix: number[][];
  };
  const { full_dimension: full, subspace_dimension: subspace, target } = expected;
  const found = coherenceRotation(full, subspace, target);
  expect(largestDifference(found, expected.matrix.flat())).toBeLessThan(2e-7);
});
