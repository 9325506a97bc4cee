/** Next tokens and numbers, learnt by networks that PyTorch exported: losses and weights are those of PyTorch itself. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, vi } from 'vitest';
import { batchOrder } from '../../src-main/compute/training/loop.ts';
import { openCheckpoint } from '../../src-main/formats/checkpoint.ts';
import { dataHomeVariable } from '../../src-main/formats/data-registry.ts';
import { readRunDirectory } from '../../src-main/formats/run-directory.ts';
import { readMetrics } from '../../src-main/formats/run-files.ts';
import type { JobResult } from '../../src-shared/jobs/index.ts';
import { hasBinding } from '../../src-main/compute/backend/native.ts';
import { loadBackend } from '../../src-main/compute/backend/index.ts';
import { loadDataset, splitIndices, trainingExamples } from '../../src-main/compute/data/index.ts';
import { loadModels, readRun } from '../../src-main/compute/load-models.ts';
import type { LoadedModel } from '../../src-main/compute/load-models.ts';
import { resolveOptimizer } from '../../src-main/compute/training/optimizer.ts';
import { TrainingSession } from '../../src-main/compute/training/session.ts';
import { isExportedSpec } from '../../src-shared/model.ts';
import { furthest } from '../support/exported.ts';
import { job } from '../support/job.ts';
import { itWithTorch, python, runPython } from '../support/torch.ts';

const script = fileURLToPath(new URL('exported/tasks.py', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'basin-tasks-'));
vi.stubEnv(dataHomeVariable, join(folder, 'data'));
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

const timeout = 300_000;
const batchSize = 5;
const tasks = ['next-token', 'regression'] as const;
type Task = (typeof tasks)[number];

beforeAll(async () => {
  if (!python) return;
  for (const task of tasks) {
    runPython([script, '--export', folder, task], {});
    const [x, y] = ['x', 'y'].map((name) => join(folder, `${task}-${name}.npy`)) as [string, string];
    const given = task === 'next-token' ? { inputs: x, ignore: 0 } : { inputs: x, labels: y };
    const tests = task === 'next-token' ? { testInputs: x } : { testInputs: x, testLabels: y };
    await job('add-data', { name: task, task, normalisation: 'none', ...given, ...tests });
    await job('adopt', { network: join(folder, `${task}.pt2`), directory: join(folder, `adopted-${task}`) });
  }
}, timeout);

interface Found {
  /** Of every step, by epoch. */
  losses: number[][];
  validation: number;
  accuracy?: number;
  weights: Record<string, number[]>;
}

interface Training {
  run: string;
  result: JobResult<'train'>;
  epochs: number;
  optimizer: object;
}

let made = 0;
async function trainedBy(task: Task, optimizer: object, epochs: number): Promise<Training> {
  const run = join(folder, `run-${++made}`);
  const { model } = readRunDirectory(join(folder, `adopted-${task}`)).config;
  const config = {
    ...{ model, optimizer, num_models: 2, seed: 7 },
    dataset: { name: task, batch_size: batchSize, val_split: 0.15 },
    scheduler: { name: 'none' },
    training: { num_epochs: epochs },
  };
  return { run, result: await job('train', { run, config }), epochs, optimizer };
}

/** What PyTorch makes of the same beginning and the same batches. */
function byPyTorch(task: Task, { run, result, epochs, optimizer }: Training, model: number) {
  const split = JSON.parse(readFileSync(join(run, 'split.json'), 'utf8')) as Record<string, number[]>;
  const train = Int32Array.from(split['train_indices']!);
  const order = (epoch: number): number[] => [
    ...batchOrder(result.seeds.optimization_seed[model]!, epoch, train),
  ];
  const batches = Array.from({ length: epochs }, (_, epoch) =>
    Array.from({ length: Math.ceil(train.length / batchSize) }, (_, step) =>
      order(epoch + 1).slice(step * batchSize, (step + 1) * batchSize),
    ),
  );
  // The last batch of an epoch is smaller.
  expect(train.length % batchSize).toBe(3);
  return runPython([script, '--train', task], {
    checkpoint: join(run, `checkpoint_epoch_0_model_${model + 1}.safetensors`),
    ...{ epochs: batches, validation: split['val_indices'], optimizer },
  }) as Record<'float32' | 'float64', Found>;
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Weights, losses and accuracy of both models, to what float32 leaves of PyTorch's own. */
function expectPyTorchs(task: Task, training: Training): void {
  const { run, epochs } = training;
  const metrics = readMetrics(run, epochs);
  for (const model of [0, 1]) {
    const { float32, float64 } = byPyTorch(task, training, model);
    const checkpoint = openCheckpoint(join(run, `checkpoint_epoch_${epochs}_model_${model + 1}.safetensors`));
    let [most, own, largest] = [0, 0, 0];
    for (const [key, expected] of Object.entries(float64.weights)) {
      const weights = checkpoint.tensors.get(key)!.readFloat64();
      expected.forEach((value, i) => {
        most = Math.max(most, Math.abs(weights[i]! - value));
        own = Math.max(own, Math.abs(float32.weights[key]![i]! - value));
        largest = Math.max(largest, Math.abs(value));
      });
    }
    checkpoint.close();
    expect(own, 'PyTorch itself').toBeLessThan(1e-5);
    expect(most).toBeLessThanOrEqual(4 * own + 1e-6 * largest);
    float64.losses.forEach((losses, i) => {
      const found = metrics[i + 1]!.trainLoss![model]!;
      expect(Math.abs(found / mean(losses) - 1), `epoch ${i + 1}`).toBeLessThan(3e-6);
    });
    const last = metrics.at(-1)!;
    expect(Math.abs(last.valLoss![model]! / float64.validation - 1)).toBeLessThan(3e-6);
    if (float64.accuracy === undefined) expect(last.valAccuracy).toBeNull();
    else expect(last.valAccuracy![model]).toBeCloseTo(float64.accuracy, 8);
  }
}

const sgd = { name: 'sgd', lr: 0.05, momentum: 0.9, weight_decay: 0.01 };
// A larger eps than usual: rounding of a gradient that is 0 (of the keys' bias) would be scaled up to whole steps.
const adamw = { name: 'adamw', lr: 0.01, eps: 1e-4, weight_decay: 0.02 };

/** The same steps operation by operation, of the first model. */
async function eagerly(task: Task, { run, result, epochs }: Training): Promise<Map<string, Float64Array>> {
  const at = readRun(run);
  if (!isExportedSpec(at.spec)) throw new Error('the network was exported');
  const [{ state }] = loadModels(run, [1], 0) as [LoadedModel];
  const dataset = await loadDataset({ name: task });
  const split = splitIndices(dataset, { splitFile: join(run, 'split.json') });
  const backend = await loadBackend();
  const session = new TrainingSession(
    backend,
    {
      ...{ spec: at.spec, optimizer: resolveOptimizer(at.config), batchSize, totalSteps: 3 },
      ...{ objective: at.graph.objective, execution: { way: 'eager', reason: 'asked', steps_per_call: 1 } },
    },
    [state],
    trainingExamples(dataset, split),
  );
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const order = batchOrder(result.seeds.optimization_seed[0]!, epoch, split.train);
    for (let start = 0; start < order.length; start += batchSize)
      session.run([{ rows: [order.subarray(start, start + batchSize)], learningRate: sgd.lr }]);
  }
  const [snapshot] = [...session.snapshots()];
  session.dispose();
  return new Map([...snapshot!.state].map(([name, { data }]) => [name, Float64Array.from(data)]));
}

describe.each(tasks)('%s', (task) => {
  itWithTorch.each([sgd, adamw])('trains as PyTorch does: $name', { timeout }, async (optimizer) => {
    const training = await trainedBy(task, optimizer, 3);
    expect(training.result.execution.way).toBe(hasBinding() ? 'graph' : 'eager');
    expectPyTorchs(task, training);
  });

  itWithTorch('takes the same steps operation by operation', { timeout }, async () => {
    const training = await trainedBy(task, sgd, 1);
    const weights = await eagerly(task, training);
    const checkpoint = openCheckpoint(join(training.run, 'checkpoint_epoch_1_model_1.safetensors'));
    for (const [name, own] of weights)
      expect(furthest(own, checkpoint.tensors.get(name)!.readFloat64()), name).toBeLessThan(1e-6);
    checkpoint.close();
    expect(weights.size).toBeGreaterThan(5);
  });
});
