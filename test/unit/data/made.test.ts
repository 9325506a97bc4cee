/** Made data sets: their geometry, their seeds, and training on them. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import {
  applyOverrides,
  defaultConfig,
  geometryDefaults,
  mergeConfig,
  readConfig,
  resolveData,
  resolveGeometry,
} from '../../../src-shared/config.ts';
import { labelsOf, loadDataset, selectExamples } from '../../../src-main/compute/data/index.ts';
import { makeDataset } from '../../../src-main/compute/data/made.ts';
import { coherenceRotation, rotated, rotationFor } from '../../../src-main/compute/data/rotation.ts';
import {
  gaussianStructure,
  gaussianSubspace,
  multilabelSubspace,
  paritySubspace,
} from '../../../src-main/compute/data/subspace.ts';
import { multiplyTransposedRight } from '../../../src-main/compute/linalg/multiply.ts';
import { singularValues } from '../../../src-main/compute/linalg/svd.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { job } from '../../support/job.ts';
import { largestDifference } from '../../support/reference-run.ts';

const gaussian = {
  ...geometryDefaults.gaussian_subspace_dataset,
  ...{ num_samples_train: 400, num_samples_test: 100, num_classes: 3, d_intrinsic: 4, d_ambient: 24 },
};
const parity = {
  ...geometryDefaults.parity_subspace_dataset,
  ...{ num_samples_train: 300, num_samples_test: 50, d_intrinsic: 5, d_ambient: 16 },
};

/** Singular values above rounding. */
function rank(x: Float32Array, features: number): number {
  const values = singularValues(Float64Array.from(x), x.length / features, features);
  return values.filter((value) => value > 1e-4 * values[0]!).length;
}

describe('geometry', () => {
  test('examples span exactly the intrinsic dimension, training and test the same subspace', () => {
    const { train, test: held } = gaussianSubspace(gaussian);
    expect(rank(train.x, 24)).toBe(4);
    const both = new Float32Array(train.x.length + held.x.length);
    both.set(train.x);
    both.set(held.x, train.x.length);
    expect(rank(both, 24)).toBe(4);
    expect([...new Set(train.labels)].sort()).toEqual([0, 1, 2]);
    expect(rank(paritySubspace(parity).train.x, 16)).toBe(5);
  });

  test('rotations and projection are orthonormal', () => {
    const { rotations, projection } = gaussianStructure(gaussian);
    const q = rotations.subarray(16, 32);
    const identity = Float64Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? 1 : 0));
    expect(largestDifference(multiplyTransposedRight(q, q, 4, 4, 4), identity)).toBeLessThan(1e-12);
    const gram = new Float64Array(16);
    for (let r = 0; r < 24; r++)
      for (let i = 0; i < 16; i++)
        gram[i]! += projection[r * 4 + Math.floor(i / 4)]! * projection[r * 4 + (i % 4)]!;
    expect(largestDifference(gram, identity)).toBeLessThan(1e-12);
  });

  test('class separation 0 leaves all means at the origin', () => {
    expect(gaussianStructure({ ...gaussian, class_separation: 0 }).means.every((x) => x === 0)).toBe(true);
  });

  test('every seed decides its own part only', () => {
    const first = gaussianSubspace(gaussian);
    expect(gaussianSubspace(gaussian).train.x).toEqual(first.train.x);
    const other = gaussianSubspace({ ...gaussian, sampling_seed_train: 7 });
    expect(other.train.x).not.toEqual(first.train.x);
    expect(other.test.x).toEqual(first.test.x);
    const longer = gaussianSubspace({ ...gaussian, num_samples_train: 500 });
    expect(longer.train.labels.slice(0, 400)).toEqual(first.train.labels);
    const moved = gaussianSubspace({ ...gaussian, structure_seed: 7 });
    expect(moved.train.labels).toEqual(first.train.labels);
    expect(moved.train.x).not.toEqual(first.train.x);
  });

  test('binary labels: one per coordinate, about half of them positive', () => {
    const values = geometryDefaults.multilabel_subspace_dataset;
    const { train } = multilabelSubspace({
      ...values,
      num_samples_train: 500,
      num_samples_test: 10,
      num_binary_labels: 6,
      d_ambient: 12,
    });
    expect(train.labels).toHaveLength(3000);
    const share = [...train.labels].reduce((sum, label) => sum + label, 0) / 3000;
    expect(Math.abs(share - 0.5)).toBeLessThan(0.05);
  });
});

describe('rotation to a coherence', () => {
  const coherence = (v: Float64Array, full: number, k: number): number =>
    Math.max(
      ...Array.from({ length: full }, (_, r) =>
        v.subarray(r * full, r * full + k).reduce((sum, x) => sum + x * x, 0),
      ),
    );

  test.each([
    [12, 3, 0.4],
    [20, 5, 0.25],
    [64, 7, 0.9],
    [30, 10, 10 / 30],
  ])('%i dimensions, subspace of %i, target %f', (full, k, target) => {
    const v = coherenceRotation(full, k, target);
    expect(Math.abs(coherence(v, full, k) - target)).toBeLessThan(2e-5);
    const gram = multiplyTransposedRight(v, v, full, full, full);
    for (let i = 0; i < full; i++) gram[i * full + i]! -= 1;
    expect(largestDifference(gram, new Float64Array(full * full))).toBeLessThan(1e-10);
  });

  test('a coherence below k / D is refused', () => {
    expect(() => coherenceRotation(10, 5, 0.4)).toThrow(/at least 0\.5000/);
  });

  test('the default is what neuron-identifiability ships, and the embedded digits reach it', async () => {
    const plan = resolveGeometry(config('dataset=mnist-coherence'))!;
    expect(plan).toEqual({
      kind: 'mnist-coherence',
      values: { target_explained_variance_ratio: 0.9, target_subspace_coherence: 0.111 },
    });
    const { origin } = await makeDataset(plan, undefined);
    expect(origin).toContain('its 86 main directions have coherence 0.1110');
  }, 60_000);

  test('examples keep their distances and get the coherence', () => {
    const stream = new RandomStream(3, 'rotation test');
    const x = Float32Array.from({ length: 300 * 10 }, (_, i) => stream.normal() * (i % 10 < 3 ? 5 : 0.1) + 1);
    const examples = { count: 300, features: 10, x, labels: new Int32Array(300) };
    const found = rotationFor(examples, 0.95, 0.5);
    expect(found.dimension).toBe(3);
    expect(Math.abs(found.coherence - 0.5)).toBeLessThan(2e-5);
    const turned = rotated(examples, found.matrix);
    const distance = (values: Float32Array) =>
      Math.hypot(...Array.from({ length: 10 }, (_, j) => values[j]! - values[10 + j]!));
    expect(distance(turned.x)).toBeCloseTo(distance(x), 4);
    // The data set's own main directions now have that coherence.
    const again = rotationFor(turned, 0.95, 1);
    const axes = again.matrix;
    expect(Math.abs(coherence(transposed(axes, 10), 10, 3) - 0.5)).toBeLessThan(1e-3);
  });
});

const transposed = (a: Float64Array, n: number): Float64Array =>
  a.map((_, i) => a[(i % n) * n + Math.floor(i / n)]!);

const config = (...overrides: string[]) => applyOverrides(defaultConfig(), overrides);

describe('config', () => {
  test('a section that is not complete is named', () => {
    const lacking = readConfig(
      config('dataset=gaussian-subspace', 'dataset.gaussian_subspace_dataset.structure_seed=null'),
    );
    expect(() => resolveData(lacking)).toThrow(
      /dataset\.gaussian_subspace_dataset\.structure_seed is missing/,
    );
  });

  test('a model that does not fit is refused before anything is made', () => {
    const small = { model: { input_dim: 784, output_dim: 10 } };
    const data = (...overrides: string[]) =>
      resolveData(
        readConfig(mergeConfig(config('dataset=gaussian-subspace'), applyOverrides(small, overrides))),
      );
    expect(() => data()).toThrow(/model\.input_dim is 784.*d_ambient is 512/);
    expect(() => data('model.input_dim=512')).toThrow(/model\.output_dim is 10.*20 classes/);
    expect(data('model.input_dim=512', 'model.output_dim=20').geometry?.kind).toBe('gaussian-subspace');
  });

  test('a subspace larger than its space is refused', () => {
    const wide = config('dataset=parity-subspace', 'dataset.parity_subspace_dataset.d_intrinsic=600');
    expect(() => resolveData(readConfig(wide))).toThrow(/600 dimensions.*512/);
  });

  test('examples with several labels keep them together when they are selected', async () => {
    const sizes = ['num_samples_train=20', 'num_samples_test=5', 'num_binary_labels=3', 'd_ambient=4'];
    const made = sizes.map((size) => `dataset.multilabel_subspace_dataset.${size}`);
    const fitting = ['model.input_dim=4', 'model.output_dim=3'];
    const { name, geometry } = resolveData(
      readConfig(config('dataset=multilabel-subspace', ...made, ...fitting)),
    );
    const { train, classes } = await loadDataset({ name, geometry });
    expect([classes, train.targets, train.labels.length]).toEqual([3, { kind: 'binary', each: 3 }, 60]);
    const picked = selectExamples(train, Int32Array.of(7, 2));
    expect(picked.targets).toEqual(train.targets);
    expect([...picked.labels]).toEqual([...train.labels.subarray(21, 24), ...train.labels.subarray(6, 9)]);
    expect(labelsOf(train, 2, 4)).toEqual(train.labels.subarray(6, 12));
  });

  test('the name alone makes no data', async () => {
    await expect(loadDataset({ name: 'gaussian-subspace' })).rejects.toThrow(
      /generated from sizes and seeds/,
    );
  });
});

/** The first embedded digits as IDX files of their own: a rotation of all of them takes long. */
function fewDigits(target: string): string {
  const source = fileURLToPath(new URL('../../../resources/data/mnist-10k', import.meta.url));
  mkdirSync(target);
  for (const [part, count] of [
    ['train', 600],
    ['t10k', 100],
  ] as const) {
    for (const [file, header, size] of [
      ['images-idx3', 16, 784],
      ['labels-idx1', 8, 1],
    ] as const) {
      const name = `${part}-${file}-ubyte`;
      const bytes = gunzipSync(readFileSync(join(source, `${name}.gz`))).subarray(0, header + count * size);
      bytes.writeUInt32BE(count, 4);
      writeFileSync(join(target, name), bytes);
    }
  }
  return target;
}

describe('training', () => {
  const folder = mkdtempSync(join(tmpdir(), 'basin-made-'));
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const model = {
    ...{ name: 'mlp_mnist', symmetry: 0, input_dim: 24, hidden_dim: 16, output_dim: 3, num_layers: 2 },
    ...{ norm: 'layer', activation: 'relu' },
  };
  const section = { ...gaussian, class_separation: 3 };
  const plan = mergeConfig(config('dataset=gaussian-subspace'), {
    model,
    dataset: { gaussian_subspace_dataset: section, batch_size: 32 },
    training: { num_epochs: 6 },
    seed: 5,
  });

  test('a run learns, and is analysed on the same data without naming them', async () => {
    const run = join(folder, 'run');
    const trained = await job<{ test_accuracy: number[] }>('train', { run, config: plan });
    expect(Math.min(...trained.test_accuracy)).toBeGreaterThan(80);
    const curve = await job<{ test_accuracy: number[] }>('interpolate', {
      run,
      epoch: 6,
      splits: ['test'],
      steps: 2,
    });
    expect(curve.test_accuracy[0]).toBeCloseTo(trained.test_accuracy[0]!, 4);
    const similar = await job<{ functional_similarity: { num_epochs: number } }>('similarity', { run });
    expect(similar.functional_similarity.num_epochs).toBe(2);
    const elsewhere = job('interpolate', { run, epoch: 6, data: { dataDir: folder } });
    await expect(elsewhere).rejects.toThrow(/no folder is read/);
  });

  test('rotated digits: the first layer sees the coherence asked for', { timeout: 120_000 }, async () => {
    const run = join(folder, 'rotated');
    const dataDir = fewDigits(join(folder, 'digits'));
    const plan = mergeConfig(config('dataset=mnist-coherence'), {
      model: { ...model, input_dim: 784, output_dim: 10 },
      dataset: { coherence_rotation: { target_subspace_coherence: 0.2 }, data_dir: dataDir, val_split: 0 },
      training: { num_epochs: 4 },
      ...{ num_models: 1, seed: 5 },
    });
    const trained = await job<{ test_accuracy: number[] }>('train', { run, config: plan });
    expect(trained.test_accuracy[0]).toBeGreaterThan(30);
    const question = { run, models: [1], epoch: 4, layers: ['lins.0'] };
    const found = await job<{ coherence_results: { layer: string; subspace_coherence: number }[] }>(
      'subspace-coherence',
      question,
    );
    const [first] = found.coherence_results;
    expect(first!.layer).toBe('lins.0');
    expect(Math.abs(first!.subspace_coherence - 0.2)).toBeLessThan(1e-3);

    // What does not say how its digits were rotated saw others than these.
    const path = join(run, 'config.yaml');
    const text = readFileSync(path, 'utf8');
    expect(text).toContain('axis_signs: largest entry positive');
    writeFileSync(path, text.replace(/^ *axis_signs:.*\n/m, ''));
    const refusal = /axis_signs is not recorded as "largest entry positive": the run was trained on digits/;
    await expect(job('subspace-coherence', question)).rejects.toThrow(refusal);
    await expect(job('train', { run, resume: true })).rejects.toThrow(refusal);
    writeFileSync(path, text.replace('largest entry positive', 'as numpy has them'));
    await expect(job('subspace-coherence', question)).rejects.toThrow(refusal);
    const other = mergeConfig(plan, { dataset: { coherence_rotation: { axis_signs: 'other' } } });
    await expect(job('train', { run: join(folder, 'other'), config: other })).rejects.toThrow(/axis_signs/);
  });
});
