import { beforeAll, describe, expect, it } from 'vitest';
import { loadBackend, tensorCount } from '../../src-main/compute/backend/index.ts';
import type { Backend } from '../../src-main/compute/backend/index.ts';
import {
  loadDataset,
  selectExamples,
  splitExamples,
  splitIndices,
} from '../../src-main/compute/data/index.ts';
import type { Dataset } from '../../src-main/compute/data/index.ts';
import { actingArrays } from '../../src-main/compute/networks/effective.ts';
import { evaluationOf } from '../../src-main/compute/networks/evaluate.ts';
import { mathsOf } from '../../src-main/compute/networks/maths.ts';
import { forward } from '../../src-main/compute/networks/run.ts';
import { stackArrays } from '../../src-main/compute/networks/stack-arrays.ts';
import { mlpGraph } from '../../src-shared/networks/mlp.ts';
import { readNetwork } from '../../src-shared/networks/network.ts';
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

/** The graph and the parameters as they act of some models. */
function modelsOf(run: string, epoch: number, numbers: readonly number[]) {
  const network = readNetwork(mlpGraph(referenceSpec(run)));
  return { network, models: numbers.map((m) => actingArrays(network, referenceState(run, epoch, m))) };
}

describe.each(referenceRuns)('%s as the reference evaluates it', (run) => {
  const golden = goldenJson<Golden>(run);

  it.each([
    [5, 'logits16'],
    [0, 'logits16_epoch0'],
  ] as const)('logits at epoch %i', (epoch, key) => {
    const expected = epoch === 0 ? golden.models.slice(0, 1) : golden.models;
    const { network, models } = modelsOf(
      run,
      epoch,
      expected.map(({ model }) => model),
    );
    const evaluation = evaluationOf(backend, network, models, 'eager');
    const found = evaluation.logits(digits.test, 0, 16);
    evaluation.dispose();
    for (const [m, model] of expected.entries()) {
      // The reference's own float32 against its float64 differs by up to about 1e-5.
      const own = found.slice(m * 160, (m + 1) * 160);
      expect(largestDifference(own, model[key].flat())).toBeLessThan(3e-5);
    }
  });

  it.each(['eager', 'xla'] as const)(
    'losses and accuracies of train, validation and test (%s)',
    async (way) => {
      const split = splitIndices(digits);
      const { network, models } = modelsOf(
        run,
        5,
        golden.models.map(({ model }) => model),
      );
      const evaluation = evaluationOf(backend, network, models, way);
      for (const which of ['train', 'val', 'test'] as const) {
        const examples = splitExamples(digits, split, which);
        const { loss, accuracy } = await evaluation.scores(examples, () => Promise.resolve());
        for (const [m, { comprehensive }] of golden.models.entries()) {
          const expected = comprehensive[`${which}_loss`]!;
          expect(Math.abs(loss[m]! / expected - 1)).toBeLessThan(5e-6);
          expect(accuracy![m]).toBeCloseTo(comprehensive[`${which}_accuracy`]!, 4);
        }
      }
      evaluation.dispose();
    },
  );

  it('activations of the first test image at every recording point', () => {
    const { tf } = backend;
    const first = selectExamples(digits.test, Int32Array.of(0));
    const { network, models } = modelsOf(run, 5, [1]);
    const before = tensorCount(backend).tensors;
    const parameters = stackArrays(tf, models);
    const x = tf.tensor3d(first.x, [1, 1, 784]);
    const taps = network.nodes.map(({ id }) => id);
    const values = new Map<string, Float32Array>();
    tf.tidy(() => {
      for (const [id, value] of forward(mathsOf(backend), network, parameters, x, { taps }).taps)
        values.set(id, value.dataSync() as Float32Array);
    });
    tf.dispose([x, ...parameters.values()]);
    expect(tensorCount(backend).tensors).toBe(before);
    for (const i of [0, 1, 2]) {
      for (const [id, name] of [
        [`lins.${i}`, `lins.${i}:RecordOutput`],
        [`norms.${i}`, `norms.${i}:RecordOutput`],
        [`activations.${i}`, `lins.${i + 1}:RecordInput`],
      ] as const) {
        const expected = golden.model1_image0_activations[name]!;
        // Single precision: 784 terms, relative to the largest activation.
        const scale = Math.max(1, ...expected.map(Math.abs));
        expect(largestDifference(values.get(id)!, expected) / scale).toBeLessThan(2e-6);
      }
    }
  });
});
