/** ResNet20 as the published code computes, trains and converts it. */
import { beforeAll, describe, expect, it } from 'vitest';
import { loadBackend } from '../../src-main/compute/backend/index.ts';
import type { Backend } from '../../src-main/compute/backend/index.ts';
import type { Examples } from '../../src-main/compute/data/index.ts';
import { openCheckpoint } from '../../src-main/formats/checkpoint.ts';
import { numParameters } from '../../src-main/compute/models/index.ts';
import { dataOf, requireGroups } from '../../src-main/compute/networks/check-symmetries.ts';
import { actingArrays, actingDoubles } from '../../src-main/compute/networks/effective.ts';
import { eachLogits, evaluationOf } from '../../src-main/compute/networks/evaluate.ts';
import type { Way } from '../../src-main/compute/networks/execution.ts';
import { valuesOf } from '../../src-main/compute/networks/doubles.ts';
import { hostForward } from '../../src-main/compute/networks/host.ts';
import { recordingPlaces } from '../../src-main/compute/networks/recording-places.ts';
import type { OptimizerSettings } from '../../src-main/compute/training/optimizer.ts';
import { TrainingSession } from '../../src-main/compute/training/session.ts';
import type { Snapshot } from '../../src-main/compute/training/session.ts';
import { readNetwork } from '../../src-shared/networks/network.ts';
import { graphOf } from '../../src-shared/networks/of-model.ts';
import { resnetGraph } from '../../src-shared/networks/resnet.ts';
import { symmetriesOf } from '../../src-shared/networks/symmetries.ts';
import { goldenJson, goldenNpy } from '../support/fixtures.ts';
import { largestDifference } from '../support/reference-run.ts';
import {
  cifarSplits,
  resnetCheckpoint,
  resnetRuns,
  resnetSpec,
  resnetState,
} from '../support/resnet-runs.ts';

interface Golden {
  state_dict_shapes: Record<string, number[]>;
  parameter_count: number;
  num_params_minus_masked: number;
  models: {
    logits8: number[][];
    logits8_f64: number[][];
    comprehensive: Record<string, number>;
  }[];
  model1_test_image0_activations: Record<string, { shape: number[]; file: string }>;
  mask_facts: Record<string, { zeros_per_out?: number[]; fan_in: number; mask_constant: number }>;
  train_steps: {
    losses: number[];
    loss_step1_f64: number;
    grad_norms_step1_f64: Record<string, number>;
    param_norms_after2: Record<string, number>;
    files: Record<string, string>;
  };
  resume_step?: {
    losses: number[];
    lr_in_checkpoint: number;
    param_norms_after1: Record<string, number>;
  };
}

interface Spec {
  perm_to_axes: Record<string, [string, number][]>;
  order: string[];
  permutation_sizes_w1: Record<string, number>;
  recording: { post_activation_function: Record<string, [string, string][]> };
}

let backend: Backend;
let splits: Record<'train' | 'val' | 'test', Examples>;

beforeAll(async () => {
  backend = await loadBackend();
  splits = cifarSplits();
});

const networkOf = (run: string) => readNetwork(resnetGraph(resnetSpec(run)), run);
const models = [1, 2];
const first = (examples: Examples, count: number): Examples => ({
  ...examples,
  ...{ count, x: examples.x.slice(0, count * examples.features), labels: examples.labels.slice(0, count) },
});

describe('the permutation groups', () => {
  const golden = goldenJson<Spec>('resnet20_permutation_spec');
  const network = networkOf('resnet_sym0');
  const { groups } = symmetriesOf(network);

  it('have the names, the order and the sizes of the published ones', () => {
    expect(groups.map(({ name }) => name)).toEqual(golden.order);
    expect(Object.fromEntries(groups.map(({ name, size }) => [name, size]))).toEqual(
      golden.permutation_sizes_w1,
    );
  });

  it('move the axes that the published ones move', () => {
    const sorted = (axes: [string, number][]): string[] => axes.map((axis) => axis.join(' ')).sort();
    for (const { name, axes } of groups)
      expect(sorted(axes.map(({ parameter, axis }) => [parameter, axis]))).toEqual(
        sorted(golden.perm_to_axes[name]!),
      );
  });

  it('are recorded where the published ones are', () => {
    for (const group of groups) {
      const places = recordingPlaces(network, group).post_activation_function.map(({ node }) => node);
      const readers = golden.recording.post_activation_function[group.name]!.map(([module]) => module);
      const published = readers.map((module) => network.nodes.find(({ id }) => id === module)!.takes[0]);
      expect(places.toSorted()).toEqual([...new Set(published)].toSorted());
    }
  });

  it('leave the function alone', () => {
    requireGroups(network, actingArrays(network, resnetState('resnet_sym0', 1)), 'model 1');
  });
});

describe.each(resnetRuns)('%s', (run) => {
  const golden = goldenJson<Golden>(run);
  const spec = resnetSpec(run);
  const network = networkOf(run);

  it('holds the tensors of its files, in their order', () => {
    const layout = graphOf(spec).parameters;
    expect(Object.fromEntries(layout.map(({ name, shape }) => [name, shape]))).toEqual(
      golden.state_dict_shapes,
    );
    const checkpoint = openCheckpoint(resnetCheckpoint(run, 1));
    expect(layout.map(({ name }) => name)).toEqual([...checkpoint.tensors.keys()]);
    expect(layout.flatMap(({ name, role }) => (role === 'trained' ? [name] : []))).toEqual(
      checkpoint.trainable,
    );
    checkpoint.close();
    expect(numParameters(spec)).toEqual({
      total: golden.parameter_count,
      free: golden.num_params_minus_masked,
    });
  });

  it('fixes as many entries of every channel as its files', () => {
    const state = resnetState(run, 1);
    for (const { module, numFixed, sigmaF, shape } of spec.layers) {
      const facts = golden.mask_facts[module];
      if (spec.family === 'standard') expect([numFixed, sigmaF]).toEqual([0, 0]);
      else expect(sigmaF).toBe(facts!.mask_constant);
      const mask = state.get(`${module}.mask`)?.data;
      if (!mask) continue;
      const each = mask.length / shape[0]!;
      for (let out = 0; out < shape[0]!; out++)
        expect(mask.subarray(out * each, (out + 1) * each).filter((value) => value === 0)).toHaveLength(
          numFixed,
        );
      expect(facts!.zeros_per_out).toEqual([numFixed]);
    }
  });

  it.each(['eager', 'graph'] as const)(
    'has the losses and accuracies of all splits, %s',
    async (way: Way) => {
      const acting = models.map((model) => actingArrays(network, resnetState(run, model)));
      for (const split of ['train', 'val', 'test'] as const) {
        const evaluation = evaluationOf(backend, network, acting, way);
        const { loss, accuracy } = await evaluation.scores(splits[split], () => Promise.resolve());
        evaluation.dispose();
        models.forEach((model, m) => {
          const { comprehensive } = golden.models[model - 1]!;
          expect(Math.abs(loss[m]! - comprehensive[`${split}_loss`]!)).toBeLessThan(2e-6);
          expect(Math.abs(accuracy![m]! - comprehensive[`${split}_accuracy`]!)).toBeLessThan(1e-4);
        });
      }
    },
  );

  it('has the logits of eight images in single precision', async () => {
    const acting = models.map((model) => actingArrays(network, resnetState(run, model)));
    const evaluation = evaluationOf(backend, network, acting, 'eager');
    const found: number[][] = models.map(() => []);
    await eachLogits(evaluation, first(splits.test, 8), (logits) => {
      const each = logits.length / found.length;
      found.forEach((own, m) => own.push(...logits.subarray(m * each, (m + 1) * each)));
      return Promise.resolve();
    });
    evaluation.dispose();
    models.forEach((model, m) => {
      expect(largestDifference(found[m]!, golden.models[model - 1]!.logits8.flat())).toBeLessThan(2e-5);
    });
  });

  it('has them in double precision, on TensorFlow and in plain TypeScript', () => {
    const state = resnetState(run, 1);
    const images8 = first(splits.test, 8);
    const expected = golden.models[0]!.logits8_f64.flat();
    const values = valuesOf(backend, { network, state }, ['linear'], { rows: 8, count: 8 });
    values.each(images8.x, (value) => {
      const numbers = value instanceof Float64Array ? value : backend.native!.doubles.read(value);
      expect(largestDifference(numbers, expected)).toBeLessThan(1e-6);
    });
    values.dispose();
    const one = first(splits.test, 1);
    const host = hostForward(network, dataOf(actingDoubles(network, state)), Float64Array.from(one.x));
    expect(largestDifference(host, expected.slice(0, 10))).toBeLessThan(1e-6);
  });

  it('has the values at its modules', () => {
    const state = resnetState(run, 1);
    for (const [point, { file, shape }] of Object.entries(golden.model1_test_image0_activations)) {
      const [module, mode] = point.split(':') as [string, string];
      const node = mode === 'RecordInput' ? network.nodes.find(({ id }) => id === module)!.takes[0]! : module;
      const values = valuesOf(backend, { network, state }, [node], { rows: 1, count: 1 });
      values.each(first(splits.test, 1).x, (value) => {
        const numbers = value instanceof Float64Array ? value : backend.native!.doubles.read(value);
        const expected = goldenNpy(file.replace(/\.npy$/, '')).data;
        const [channels, height = 1, width = 1] = shape as [number, number?, number?];
        const pixels = height * width;
        const channelsFirst = numbers.map(
          (_, i) => numbers[(i % pixels) * channels + Math.floor(i / pixels)]!,
        );
        expect(largestDifference(channelsFirst, expected)).toBeLessThan(5e-5);
      });
      values.dispose();
    }
  });
});

const adamw = (lr: number): OptimizerSettings => ({
  ...{ name: 'adamw', lr, weightDecay: 0.01, betas: [0.9, 0.999], eps: 1e-8 },
});
const norm = (data: ArrayLike<number>): number =>
  Math.sqrt(Array.from(data).reduce((sum, x) => sum + x * x, 0));
const rowsAt = (step: number): Int32Array => Int32Array.from({ length: 32 }, (_, i) => step * 32 + i);

function sessionOf(run: string, copies: number, optimizer: OptimizerSettings): TrainingSession {
  const states = Array.from({ length: copies }, () => resnetState(run, 1));
  const plan = { spec: resnetSpec(run), optimizer, batchSize: 32, totalSteps: 2 };
  return new TrainingSession(backend, plan, states, splits.test);
}

const step = (session: TrainingSession, at: number, learningRate: number): number[] => {
  const rows = Array.from({ length: session.models }, () => rowsAt(at));
  return Array.from(session.run([{ rows, learningRate }])[0]!);
};

describe.each(resnetRuns)('%s: training steps as PyTorch makes them', (run) => {
  const { train_steps: golden } = goldenJson<Golden>(run);

  it('two AdamW steps of two stacked models', () => {
    const session = sessionOf(run, 2, adamw(1e-3));
    expect(session.execution.way).toBe('graph');
    const losses = [step(session, 0, 1e-3), step(session, 1, 1e-3)];
    for (const each of [0, 1]) {
      expect(Math.abs(losses[0]![each]! - golden.loss_step1_f64)).toBeLessThan(5e-6);
      expect(Math.abs(losses[1]![each]! - golden.losses[1]!)).toBeLessThan(1e-3);
    }
    const snapshots = [...session.snapshots()];
    session.dispose();
    for (const { state } of snapshots)
      for (const [name, expected] of Object.entries(golden.param_norms_after2))
        expect(Math.abs(norm(state.get(name)!.data) - expected), name).toBeLessThan(
          2e-3 * Math.max(expected, 0.1),
        );
  });

  it('the gradients of the first', () => {
    const session = sessionOf(run, 1, { name: 'sgd', lr: 0, momentum: 0.9, weightDecay: 0 });
    step(session, 0, 0);
    const [{ slots }] = [...session.snapshots()] as [Snapshot];
    session.dispose();
    const gradients = slots.get('momentum_buffer')!;
    for (const [name, expected] of Object.entries(golden.grad_norms_step1_f64))
      expect(Math.abs(norm(gradients.get(name)!.data) - expected), name).toBeLessThan(
        1e-4 * Math.max(expected, 0.1),
      );
    for (const [key, file] of Object.entries(golden.files)) {
      const name = /^grad1:(.*)$/.exec(key)?.[1];
      if (name === undefined) continue;
      const { data } = goldenNpy(file.replace(/\.npy$/, ''));
      const largest = Math.max(...data.map(Math.abs));
      expect(largestDifference(gradients.get(name)!.data, data) / largest, name).toBeLessThan(1e-4);
    }
  });
});

it('goes on from a saved AdamW state as PyTorch does', () => {
  const run = 'resnet_sym0';
  const golden = goldenJson<Golden>(run).resume_step!;
  const checkpoint = openCheckpoint(resnetCheckpoint(run, 1));
  const slots = new Map<string, Map<string, Float32Array>>();
  let steps = 0;
  for (const [parameter, tensors] of checkpoint.readOptimizer()!.state)
    for (const [slot, tensor] of tensors) {
      if (slot === 'step') steps = tensor.readFloat32()[0]!;
      slots.set(
        slot,
        (slots.get(slot) ?? new Map<string, Float32Array>()).set(parameter, tensor.readFloat32()),
      );
    }
  checkpoint.close();
  const session = sessionOf(run, 1, adamw(golden.lr_in_checkpoint));
  session.restore(steps, [slots]);
  expect(Math.abs(step(session, 0, golden.lr_in_checkpoint)[0]! - golden.losses[0]!)).toBeLessThan(5e-6);
  const [{ state }] = [...session.snapshots()] as [Snapshot];
  session.dispose();
  for (const [name, expected] of Object.entries(golden.param_norms_after1))
    expect(Math.abs(norm(state.get(name)!.data) - expected), name).toBeLessThan(
      1e-4 * Math.max(expected, 0.1),
    );
  const conv1 = goldenNpy(`${run}/resume_after1_conv1.weight`).data;
  expect(largestDifference(state.get('conv1.weight')!.data, conv1)).toBeLessThan(1e-4);
});
