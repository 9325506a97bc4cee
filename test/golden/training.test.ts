import { beforeAll, describe, expect, it } from 'vitest';
import { accounted } from '../../src-main/compute/accounted.ts';
import { loadBackend } from '../../src-main/compute/backend/index.ts';
import type { Backend } from '../../src-main/compute/backend/index.ts';
import { loadDataset } from '../../src-main/compute/data/index.ts';
import type { Dataset } from '../../src-main/compute/data/index.ts';
import type { StateDict } from '../../src-main/compute/models/index.ts';
import type { OptimizerSettings } from '../../src-main/compute/training/optimizer.ts';
import { resolveSchedule } from '../../src-shared/config/schedule.ts';
import { TrainingSession } from '../../src-main/compute/training/session.ts';
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

const adamw: OptimizerSettings = {
  ...{ name: 'adamw', lr: 1e-3, weightDecay: 0.01, betas: [0.9, 0.999], eps: 1e-8 },
};

interface Outcome {
  losses: number[][];
  /** Of step 1, by model and name. */
  gradients: Map<string, { data: Float32Array }>[];
  after: StateDict[];
}

type Way = TrainingSession['execution']['way'];

/** `copies` equal models; step s takes test images 64 s to 64 s + 63. */
function steps(
  run: string,
  copies: number,
  way: Way,
  optimizer: OptimizerSettings,
  count: number,
): TrainingSession & { losses: number[][] } {
  const states = Array.from({ length: copies }, () => referenceState(run, 0, 1));
  const plan = { spec: referenceSpec(run), optimizer, batchSize: 64, totalSteps: way === 'eager' ? 8 : 1000 };
  const session = new TrainingSession(backend, plan, states, digits.test);
  expect(session.execution.way).toBe(way);
  const losses: number[][] = [];
  for (let step = 0; step < count; step++) {
    const rows = Int32Array.from({ length: 64 }, (_, i) => step * 64 + i);
    const inputs = [{ rows: Array.from({ length: copies }, () => rows), learningRate: optimizer.lr }];
    losses.push(...session.run(inputs).map((each) => Array.from(each)));
  }
  return Object.assign(session, { losses });
}

/** Eight AdamW steps, and the gradients of the first: what a momentum buffer holds after one step. */
function eightSteps(run: string, copies: number, way: Way): Outcome {
  const session = steps(run, copies, way, adamw, 8);
  const once = steps(run, copies, way, { name: 'sgd', lr: 0, momentum: 0.9, weightDecay: 0 }, 1);
  const outcome = {
    ...{ losses: session.losses, after: [...session.snapshots()].map(({ state }) => state) },
    gradients: [...once.snapshots()].map(({ slots }) => slots.get('momentum_buffer')!),
  };
  session.dispose();
  once.dispose();
  return outcome;
}

const norm = (data: ArrayLike<number>): number =>
  Math.sqrt(Array.from(data).reduce((sum, x) => sum + x * x, 0));

describe.each(referenceRuns)('%s: eight AdamW steps as PyTorch makes them', (run) => {
  const golden = goldenJson<Steps>(run).train_steps;

  it.each([
    [1, 'eager'],
    [3, 'eager'],
    [3, 'xla'],
  ] as const)('with %i model(s) stacked, %s', async (copies, way) => {
    const { losses, gradients, after } = await accounted(backend, 'eight steps', () =>
      Promise.resolve(eightSteps(run, copies, way)),
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
        const found = splitByGradient(after[m]!.get(name)!.data, expected, gradients[m]!.get(name)!.data);
        expect(found.others, name).toBeLessThan(1e-6);
        expect(found.faint, name).toBeLessThan(1e-5);
      }
    }
  });
});

/**
 * Largest differences of entries. AdamW divides a gradient by its own size: where it is next to nothing (below 1e-4 of the
 * largest), the rounding of a sum decides the step, and that is another one on each kind of processor.
 */
function splitByGradient(
  values: ArrayLike<number>,
  expected: ArrayLike<number>,
  gradient: ArrayLike<number>,
): { others: number; faint: number } {
  const sizes = Array.from(gradient, Math.abs);
  const faintBelow = 1e-4 * Math.max(...sizes);
  const largest = { others: 0, faint: 0 };
  for (const [i, size] of sizes.entries()) {
    const kind = size < faintBelow ? 'faint' : 'others';
    largest[kind] = Math.max(largest[kind], Math.abs(values[i]! - expected[i]!));
  }
  return largest;
}

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
