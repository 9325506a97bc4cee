import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accounted, releaseCaches } from '../../src-main/compute/accounted.ts';
import { loadBackend } from '../../src-main/compute/backend/index.ts';
import type { Backend, Tensor } from '../../src-main/compute/backend/index.ts';
import { loadDataset } from '../../src-main/compute/data/index.ts';
import type { Dataset } from '../../src-main/compute/data/index.ts';
import type { StateDict } from '../../src-main/compute/models/index.ts';
import { createOptimizer } from '../../src-main/compute/training/optimizer.ts';
import { Parameters } from '../../src-main/compute/training/parameters.ts';
import { resolveSchedule } from '../../src-main/compute/training/schedule.ts';
import { Network } from '../../src-main/compute/training/step.ts';
import { goldenJson, goldenNpy } from '../support/fixtures.ts';
import { largestDifference, referenceRuns, referenceSpec, referenceState } from '../support/reference-run.ts';

interface Steps {
  train_steps: {
    losses: number[];
    grad_norms_step1: Record<string, number>;
    param_norms_after8: Record<string, number>;
  };
}

let backend: Backend;
let digits: Dataset;

beforeAll(async () => {
  backend = await loadBackend();
  digits = await loadDataset({ name: 'mnist-10k' });
});
afterAll(() => releaseCaches(backend));

const settings = { name: 'adamw', lr: 1e-3, weightDecay: 0.01, betas: [0.9, 0.999], eps: 1e-8 } as const;

interface Outcome {
  losses: number[][];
  /** Of step 1, by model and name. */
  gradients: Map<string, { data: Float32Array }>[];
  after: StateDict[];
}

/** Eight AdamW steps of `copies` equal models at once, step s on test images 64 s to 64 s + 63. */
function eightSteps(run: string, copies: number): Outcome {
  const { tf } = backend;
  const spec = referenceSpec(run);
  const states = Array.from({ length: copies }, () => referenceState(run, 0, 1));
  const parameters = new Parameters(backend, spec, states);
  const network = new Network(backend, spec, states, parameters);
  const optimizer = createOptimizer(backend, { ...settings, betas: [0.9, 0.999] }, parameters.variables);
  const outcome: Outcome = { losses: [], gradients: [], after: [] };
  for (let step = 0; step < 8; step++) {
    const rows = digits.test.x.subarray(step * 64 * 784, (step + 1) * 64 * 784);
    const x = tf.tidy(() => tf.tile(tf.tensor3d(rows, [1, 64, 784]), [copies, 1, 1]));
    const once = Array.from(digits.test.labels.subarray(step * 64, (step + 1) * 64));
    const labels = tf.tensor1d(Array.from({ length: copies }, () => once).flat(), 'int32');
    const { losses, gradients } = network.gradients(x, labels);
    outcome.losses.push(Array.from(losses));
    if (step === 0) outcome.gradients = unpackTensors(parameters, gradients);
    optimizer.step(gradients, settings.lr);
    tf.dispose([x, labels, ...gradients]);
  }
  outcome.after = parameters.toStates();
  for (const owner of [optimizer, network, parameters]) owner.dispose();
  return outcome;
}

function unpackTensors(parameters: Parameters, tensors: Tensor[]): Map<string, { data: Float32Array }>[] {
  return parameters.unpack(
    tensors.map((tensor) => ({
      shape: tensor.shape,
      read: () => tensor.clone(),
      assign: () => undefined,
      dispose: () => undefined,
    })),
  );
}

const norm = (data: ArrayLike<number>): number =>
  Math.sqrt(Array.from(data).reduce((sum, x) => sum + x * x, 0));

describe.each(referenceRuns)('%s: eight AdamW steps as PyTorch makes them', (run) => {
  const golden = goldenJson<Steps>(run).train_steps;

  it.each([1, 3])('with %i model(s) stacked', async (copies) => {
    const { losses, gradients, after } = await accounted(backend, 'eight steps', () =>
      Promise.resolve(eightSteps(run, copies)),
    );
    for (let m = 0; m < copies; m++) {
      for (const [step, expected] of golden.losses.entries()) {
        expect(Math.abs(losses[step]![m]! / expected - 1)).toBeLessThan(1e-5);
      }
      for (const [name, expected] of Object.entries(golden.grad_norms_step1)) {
        expect(Math.abs(norm(gradients[m]!.get(name)!.data) / expected - 1), name).toBeLessThan(1e-5);
      }
      for (const [name, expected] of Object.entries(golden.param_norms_after8)) {
        expect(Math.abs(norm(after[m]!.get(name)!.data) / expected - 1), name).toBeLessThan(2e-6);
      }
      for (const name of ['lins.1.weight', 'lins.1.bias', 'norms.0.weight', 'norms.0.bias']) {
        const expected = goldenNpy(`${run}/train_grad1_${name}`).data;
        const scale = Math.max(...expected.map(Math.abs));
        expect(largestDifference(gradients[m]!.get(name)!.data, expected) / scale, name).toBeLessThan(1e-5);
      }
      for (const name of ['lins.1.weight', 'lins.3.weight', 'lins.1.bias', 'norms.0.weight']) {
        const expected = goldenNpy(`${run}/train_after8_${name}`).data;
        expect(largestDifference(after[m]!.get(name)!.data, expected), name).toBeLessThan(1e-6);
      }
    }
  });
});

interface ScheduleCase {
  params: Record<string, number | number[]>;
  base_lr: number;
  scheduler_steps_per_epoch: number;
  lr_used_in_epoch: number[];
}

describe('learning rates by epoch, as torch.optim.lr_scheduler', () => {
  const cases = goldenJson<Record<string, ScheduleCase>>('schedulers');
  const names: Record<string, string> = {
    linear_warmup_25: 'linear_warmup',
    resnet_scheduler_config: 'resnet_scheduler',
    resnet_scheduler_default: 'resnet_scheduler',
    'step_10_0.1': 'step',
    multistep: 'multistep',
    'cosine_T20_eta0.01': 'cosine',
  };

  it.each(Object.entries(names))('%s', (key, name) => {
    const { params, base_lr: base, lr_used_in_epoch: expected } = cases[key]!;
    const schedule = resolveSchedule({ scheduler: { name, ...params } }, base);
    for (const [epoch, rate] of expected.entries())
      expect(Math.abs(schedule(epoch) / rate - 1)).toBeLessThan(1e-12);
  });
});
