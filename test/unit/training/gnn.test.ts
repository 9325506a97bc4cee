/** Graph networks: how they are set, drawn, trained, stopped and gone on with; what of them is refused. */
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { loadBackend, tensorCount } from '../../../src-main/compute/backend/index.ts';
import { blockModel } from '../../../src-main/compute/data/block-model.ts';
import { loadDataset, trainingExamples, splitIndices } from '../../../src-main/compute/data/index.ts';
import { refuseBeyondLinear } from '../../../src-main/compute/load-models.ts';
import type { Run } from '../../../src-main/compute/load-models.ts';
import { initialise } from '../../../src-main/compute/models/index.ts';
import type { StateDict } from '../../../src-main/compute/models/index.ts';
import { actingDoubles } from '../../../src-main/compute/networks/effective.ts';
import { dataOf } from '../../../src-main/compute/networks/check-symmetries.ts';
import { hostValues } from '../../../src-main/compute/networks/host.ts';
import { checkFit } from '../../../src-main/compute/training/fit.ts';
import { planTraining } from '../../../src-main/compute/training/plan.ts';
import { TrainingSession } from '../../../src-main/compute/training/session.ts';
import type { Snapshot } from '../../../src-main/compute/training/session.ts';
import { train } from '../../../src-main/compute/training/train.ts';
import { loadTrainingConfig } from '../../../src-main/formats/presets.ts';
import { geometryDefaults, readConfig, resolveModel, resolveTrainable } from '../../../src-shared/config.ts';
import type { GnnSpec } from '../../../src-shared/model.ts';
import type { TrainResult } from '../../../src-shared/jobs/train.ts';
import type { EpochMetrics, JobEvent } from '../../../src-shared/progress.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import { graphOf, trainedGraphOf } from '../../../src-shared/networks/of-model.ts';
import { testContext } from '../../support/job.ts';

const small = {
  ...{ name: 'gnn_arxiv', in_channels: 16, hidden_channels: 8, out_channels: 5, num_layers: 2 },
  mask_params: { default: { mask_constant: 0.5, num_fixed: 3 } },
};

function specOf(change: Record<string, unknown> = {}): GnnSpec {
  const spec = resolveModel(readConfig({ model: { ...small, symmetry: 0, ...change } }), 'c.yaml');
  if (spec.architecture !== 'gnn') throw new Error('no graph network');
  return spec;
}

describe('a config', () => {
  it('sets the nonlinearity with the symmetry, as published', () => {
    const of = (symmetry: number, type?: string) => specOf({ symmetry, model_type: type }).nonlinearity;
    expect([0, 1, 2, 3].map((symmetry) => of(symmetry))).toEqual(['gelu', 'gate', 'gate', 'gelu']);
    expect(of(2, 'asym_gelu_gnn')).toBe('gelu_gate');
    // The published code takes any other name for x * sigmoid(C x), and has it for W-asymmetric networks always.
    expect([of(2, 'other'), of(1, 'asym_gelu_gnn')]).toEqual(['gate', 'gate']);
  });

  it('gives all layers the default mask parameters', () => {
    expect(specOf({ symmetry: 1 }).layers).toEqual(
      [
        { module: 'convs.0.mlp.0', shape: [8, 16] },
        { module: 'convs.1.mlp.0', shape: [8, 8] },
        { module: 'lin', shape: [5, 8] },
      ].map((layer) => ({ ...layer, sigmaF: 0.5, numFixed: 3, normalMask: true })),
    );
    expect(specOf({ symmetry: 3 }).layers[2]).toMatchObject({ sigmaF: 0.5, numFixed: 0 });
  });

  it.each([
    [{ in_channels: null }, /c\.yaml: model\.in_channels is missing/],
    [{ symmetry: null }, /c\.yaml: model\.symmetry is missing/],
    [{ C_lst: [1] }, /model\.C_lst is given/],
    [
      { symmetry: 1, mask_params: null },
      /mask_params\.default\.mask_constant is missing; symmetry 1 needs it/,
    ],
    [{ symmetry: 1, mask_params: { default: { mask_constant: 1 } } }, /num_fixed is missing/],
    [
      { symmetry: 1, mask_params: { default: { mask_constant: 1, num_fixed: 8 } } },
      /num_fixed is 8, but convs\.1\.mlp\.0 has 8 inputs/,
    ],
    [
      { family: { name: 'sparse', share: 0.5 } },
      /model\.family\.name is "sparse"; a graph network can have none/,
    ],
  ])('with %j is refused', (change, message) => {
    expect(() => specOf(change)).toThrow(message);
  });

  it('with a misspelt type of gate is not trained', () => {
    const config = readConfig({ model: { ...small, symmetry: 2, model_type: 'asym_gelu' } });
    expect(() => resolveTrainable(config, 'c.yaml')).toThrow(
      /c\.yaml: model\.model_type is "asym_gelu"; expected null/,
    );
  });

  it('drops values between layers only, and only while training', () => {
    const spec = specOf({ dropout: 0.3 });
    const ids = (graph: { nodes: { id: string; op: string }[] }) =>
      graph.nodes.filter(({ op }) => op === 'dropout').map(({ id }) => id);
    expect(ids(trainedGraphOf(spec))).toEqual(['convs.0.dropout']);
    expect(ids(graphOf(spec))).toEqual([]);
  });
});

const seeds = { init: [1, 2], mask: 3 };

it('fresh models share masks, F and the matrices of gates, which are small', () => {
  const spec = specOf({ symmetry: 1 });
  const [a, b] = initialise(spec, seeds) as [StateDict, StateDict];
  for (const name of ['convs.0.mlp.0.mask', 'lin.normal_mask', 'convs.1.mlp.2.C'])
    expect(b.get(name)!.data).toBe(a.get(name)!.data);
  const weight = a.get('lin.weight')!.data;
  const [mask, normal] = ['mask', 'normal_mask'].map((word) => a.get(`lin.${word}`)!.data);
  mask!.forEach((kept, i) => {
    if (kept === 0) expect(weight[i]).toBe(Math.fround(0.5 * normal![i]!));
  });
  const C = a.get('convs.0.mlp.2.C')!.data;
  const deviation = Math.sqrt(C.reduce((sum, value) => sum + value ** 2, 0) / C.length);
  expect(Math.abs(deviation * Math.sqrt(8) * 100 - 1)).toBeLessThan(0.3);
});

const root = mkdtempSync(join(tmpdir(), 'basin-gnn-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
let directory = '';
beforeEach(() => {
  directory = join(root, `run-${++count}`);
});

const quick = [
  'dataset.block_model_dataset.num_nodes=120',
  'model.hidden_channels=8',
  'num_models=2',
  'seed=5',
  'training.num_epochs=6',
  'training.save_every=3',
  'training.val_every=1',
];

async function run(
  preset: string,
  overrides: string[],
  resume = false,
  events: JobEvent[] = [],
): Promise<TrainResult> {
  const config = resume ? undefined : { ...loadTrainingConfig(preset, [...quick, ...overrides]) };
  return train({ run: directory, resume, ...(config && { config }) }, testContext(events));
}

const filesOf = (epoch: number): Map<string, Buffer> =>
  new Map(
    readdirSync(directory)
      .filter((name) => name.includes(`_epoch_${epoch}_`))
      .map((name) => [name, readFileSync(join(directory, name))]),
  );

const metricsOf = (): EpochMetrics[] =>
  JSON.parse(readFileSync(join(directory, 'metrics.json'), 'utf8')) as EpochMetrics[];

describe('a training run', () => {
  it.each([
    ['gnn-small', ['model.dropout=0.2']],
    ['gnn-w-asymmetric-small', ['model.mask_params.default.num_fixed=3']],
    ['gnn-sigma-asymmetric-small', ['model.model_type=asym_gelu_gnn']],
    ['gnn-syre-small', ['optimizer=sgd', 'optimizer.lr=0.05']],
  ])('of %s learns, and goes on to the same bits from what was saved', async (preset, overrides) => {
    const result = await run(preset, overrides);
    expect(result).toMatchObject({ models: 2, epochs: 6 });
    const metrics = metricsOf();
    expect(metrics[6]!.trainLoss![0]!).toBeLessThan(metrics[1]!.trainLoss![0]!);
    const expected = filesOf(6);
    expect(expected.size).toBeGreaterThan(1);
    for (const name of expected.keys()) unlinkSync(join(directory, name));
    const resumed = await run(preset, overrides, true);
    expect(resumed.resumed_from).toBe(3);
    expect(filesOf(6)).toEqual(expected);
    expect(resumed.test_loss).toEqual(result.test_loss);
  });

  it('makes one step per epoch, and records the nodes of each split', async () => {
    const events: JobEvent[] = [];
    await run('gnn-small', ['scheduler=linear_warmup', 'scheduler.steps_per_epoch=2'], false, events);
    const rates = metricsOf().map(({ learningRate }) => learningRate);
    expect(rates[1]).toBeCloseTo(0.01 / 25, 12);
    expect(rates[2]).toBeCloseTo((0.01 * 3) / 25, 12);
    const split = JSON.parse(readFileSync(join(directory, 'split.json'), 'utf8')) as Record<string, number>;
    expect(split).toMatchObject({ n_train: 60, n_val: 24, n_test: 36 });
    expect(readFileSync(join(directory, 'config.yaml'), 'utf8')).not.toContain('split_seed');
    expect(existsSync(join(directory, 'checkpoint_epoch_6_model_2.safetensors'))).toBe(true);
  });
});

describe('a step', () => {
  it('leaves no tensors behind, and tracks mean and unbiased variance of all nodes', async () => {
    const backend = await loadBackend();
    const before = tensorCount(backend);
    const dataset = blockModel({ ...geometryDefaults.block_model_dataset, num_nodes: 50 });
    const examples = trainingExamples(dataset, splitIndices(dataset));
    const spec = specOf();
    const states = initialise(spec, seeds);
    const optimizer = { name: 'sgd', lr: 0.1, momentum: 0, weightDecay: 0 } as const;
    const session = new TrainingSession(
      backend,
      { spec, optimizer, batchSize: 7, totalSteps: 1 },
      states,
      examples,
    );
    session.run([{ rows: [], learningRate: 0.1 }]);
    const [{ state }] = [...session.snapshots()] as [Snapshot];
    session.dispose();
    expect(tensorCount(backend)).toEqual(before);
    const network = readNetwork(graphOf(spec));
    const { edges, x } = examples;
    const arrays = dataOf(actingDoubles(network, states[0]!));
    const values = hostValues(network, arrays, Float64Array.from(x), edges).get('convs.0.mlp.0')!;
    for (let unit = 0; unit < 8; unit++) {
      const own = values.filter((_, i) => i % 8 === unit);
      const mean = own.reduce((sum, value) => sum + value, 0) / 50;
      const variance = own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 49;
      expect(state.get('convs.0.mlp.1.running_mean')!.data[unit]).toBeCloseTo(0.1 * mean, 5);
      expect(state.get('convs.0.mlp.1.running_var')!.data[unit]).toBeCloseTo(0.9 + 0.1 * variance, 5);
    }
  });
});

describe('what does not fit is refused', () => {
  const plan = (preset: string, overrides: string[] = []) =>
    planTraining(loadTrainingConfig(preset, overrides));
  const graph = () => blockModel({ ...geometryDefaults.block_model_dataset, num_nodes: 50 });

  it.each([
    [
      'gnn-small',
      ['model.in_channels=9'],
      'config: model.in_channels is 9, but examples of block-model have 16 numbers.',
    ],
    [
      'gnn-small',
      ['model.out_channels=4'],
      'config: model.out_channels is 4, but block-model has 5 classes.',
    ],
    [
      'standard-small',
      [],
      'examples of block-model are the nodes of a graph, which only graph networks can be trained on.',
    ],
  ])('%s with %j on a graph', (preset, overrides, message) => {
    const dataset = graph();
    expect(() => checkFit(plan(preset, overrides), dataset, splitIndices(dataset))).toThrow(message);
  });

  it('a graph network on images', async () => {
    const dataset = await loadDataset({ name: 'mnist-10k' });
    expect(() => checkFit(plan('gnn-small'), dataset, splitIndices(dataset))).toThrow(
      'config: model.name: a graph network is trained on a graph; mnist-10k has no edges.',
    );
  });

  it('measures of linear layers, by the run', () => {
    const config = { configPath: '/runs/r/config.yaml', graph: readNetwork(graphOf(specOf())) } as Run;
    expect(() => {
      refuseBeyondLinear(config, 'identifiability is measured');
    }).toThrow(
      '/runs/r/config.yaml describes a graph network; identifiability is measured for networks that see each example by itself so far.',
    );
  });
});
