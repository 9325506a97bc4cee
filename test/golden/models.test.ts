import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { releaseCaches } from '../../src-main/compute/accounted.ts';
import { loadBackend, tensorCount } from '../../src-main/compute/backend/index.ts';
import type { Backend } from '../../src-main/compute/backend/index.ts';
import {
  loadDataset,
  selectExamples,
  splitExamples,
  splitIndices,
} from '../../src-main/compute/data/index.ts';
import type { Dataset } from '../../src-main/compute/data/index.ts';
import {
  evaluateStacked,
  forwardStacked,
  stackNetworks,
  toEffective,
} from '../../src-main/compute/models/index.ts';
import { goldenJson } from '../support/fixtures.ts';
import { largestDifference, referenceRuns, referenceSpec, referenceState } from '../support/reference-run.ts';

interface Golden {
  models: {
    model: number;
    logits16: number[][];
    logits16_f64: number[][];
    logits16_epoch0: number[][];
    comprehensive: Record<string, number>;
  }[];
  model1_image0_activations: Record<string, number[]>;
}

let backend: Backend;
let digits: Dataset;

beforeAll(async () => {
  backend = await loadBackend();
  digits = await loadDataset({ name: 'mnist-10k' });
});
afterAll(() => releaseCaches(backend));

function effective(run: string, epoch: number, model: number) {
  return toEffective(referenceSpec(run), referenceState(run, epoch, model));
}

describe.each(referenceRuns)('%s as the reference evaluates it', (run) => {
  const golden = goldenJson<Golden>(run);

  it.each([
    [5, 'logits16'],
    [0, 'logits16_epoch0'],
  ] as const)('logits at epoch %i', (epoch, key) => {
    const { tf } = backend;
    // Only model 1 is kept at epoch 0.
    const models = epoch === 0 ? golden.models.slice(0, 1) : golden.models;
    const networks = models.map(({ model }) => effective(run, epoch, model));
    const x = tf.tensor2d(digits.test.x.slice(0, 16 * 784), [16, 784]);
    const { logits } = forwardStacked(backend, networks, x);
    const found = logits.dataSync();
    for (const [m, model] of models.entries()) {
      const expected = model[key].flat();
      // The reference's own float32 against its float64 differs by up to about 1e-5.
      expect(largestDifference(found.slice(m * 160, (m + 1) * 160), expected)).toBeLessThan(3e-5);
    }
    tf.dispose([x, logits]);
  });

  it('losses and accuracies of train, validation and test', async () => {
    const split = splitIndices(digits);
    const stacked = stackNetworks(
      backend,
      golden.models.map(({ model }) => effective(run, 5, model)),
    );
    for (const which of ['train', 'val', 'test'] as const) {
      const { loss, accuracy } = await evaluateStacked(backend, stacked, splitExamples(digits, split, which));
      for (const [m, { comprehensive }] of golden.models.entries()) {
        const expected = comprehensive[`${which}_loss`]!;
        expect(Math.abs(loss[m]! / expected - 1)).toBeLessThan(5e-6);
        expect(accuracy[m]).toBeCloseTo(comprehensive[`${which}_accuracy`]!, 4);
      }
    }
    stacked.dispose();
  });

  it('activations of the first test image at every recording point', () => {
    const { tf } = backend;
    const first = selectExamples(digits.test, Int32Array.of(0));
    const x = tf.tensor2d(first.x, [1, 784]);
    const record = ['post_linear', 'post_norm', 'post_activation_function'] as const;
    releaseCaches(backend);
    const before = tensorCount(backend).tensors;
    const { logits, recorded } = forwardStacked(backend, [effective(run, 5, 1)], x, { record });
    for (const i of [0, 1, 2]) {
      const names = {
        post_linear: `lins.${i}:RecordOutput`,
        post_norm: `norms.${i}:RecordOutput`,
        post_activation_function: `lins.${i + 1}:RecordInput`,
      };
      for (const point of record) {
        const expected = golden.model1_image0_activations[names[point]]!;
        // Single precision: 784 terms, relative to the largest activation.
        const scale = Math.max(1, ...expected.map(Math.abs));
        expect(largestDifference(recorded[point]![i]!.dataSync(), expected) / scale).toBeLessThan(2e-6);
      }
    }
    tf.dispose([logits, ...Object.values(recorded).flat()]);
    releaseCaches(backend);
    expect(tensorCount(backend).tensors).toBe(before);
    x.dispose();
  });
});
