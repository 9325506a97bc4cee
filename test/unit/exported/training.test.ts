/** Networks exported from PyTorch, trained here, and what such runs can be used for. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { openCheckpoint } from '../../../src-main/formats/checkpoint.ts';
import { readRunDirectory } from '../../../src-main/formats/run-directory.ts';
import { initialOf } from '../../../src-main/interop/exported/initial.ts';
import { inMemory } from '../../../src-main/formats/tensor.ts';
import { initialise } from '../../../src-main/compute/models/index.ts';
import { readRun } from '../../../src-main/compute/load-models.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { requireOwnStatistics } from '../../../src-shared/config/exported.ts';
import { isExportedSpec } from '../../../src-shared/model.ts';
import type { Interpolation } from '../../../src-shared/jobs/interpolate.ts';
import type { JobResult } from '../../../src-shared/jobs/index.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { job } from '../../support/job.ts';
import { changed, exportedFixture, reworded } from './files.ts';
import type { Json } from './files.ts';

const folder = mkdtempSync(join(tmpdir(), 'basin-exported-training-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;
const fresh = (): string => join(folder, String(++count));

async function adopted(name: string): Promise<string> {
  const directory = fresh();
  await job('adopt', { network: exportedFixture(`${name}.pt2`), directory });
  return directory;
}

const configOf = (run: string, more: object = {}): object => ({
  ...readRunDirectory(run).config,
  dataset: { name: 'mnist-10k', batch_size: 200, val_split: 0.1 },
  optimizer: { name: 'adamw', lr: 0.01 },
  training: { num_epochs: 2, save_every: 1 },
  num_models: 2,
  seed: 1,
  ...more,
});

async function failure(work: Promise<unknown>): Promise<string> {
  const thrown: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(UserError);
  return (thrown as UserError).message;
}

let run: string;
let trained: JobResult<'train'>;
beforeAll(async () => {
  run = fresh();
  trained = await job('train', { run, config: configOf(await adopted('digits')) });
}, 300_000);

describe('a run of an exported network', () => {
  it('is refused for a batch norm that would never move its statistics', async () => {
    const network = changed('digits.pt2', 'models/model.json', ({ graph_module: { graph } }: Json) => {
      const node = graph.nodes.find(({ target }: Json) => target.includes('batch_norm'));
      node.inputs.find(({ name }: Json) => name === 'momentum').arg = { as_float: 0 };
    });
    const directory = fresh();
    await job('adopt', { network, directory });
    const message = await failure(job('train', { run: fresh(), config: configOf(directory) }));
    expect(message).toContain('the batch norm "batch_norm" has momentum 0');
  });

  it('learns, and saves every key of the state dict', () => {
    expect(Math.min(...trained.test_accuracy!)).toBeGreaterThan(70);
    const checkpoint = openCheckpoint(join(run, 'checkpoint_epoch_2_model_2.safetensors'));
    const shapes = [...checkpoint.tensors].map(([name, { shape }]) => [name, [...shape]]);
    const batches = checkpoint.tensors.get('bn.num_batches_tracked')!.readFloat64()[0];
    checkpoint.close();
    expect(Object.fromEntries(shapes)).toEqual({
      'conv.weight': [8, 1, 5, 5],
      'bn.weight': [8],
      'bn.bias': [8],
      'bn.running_mean': [8],
      'bn.running_var': [8],
      'bn.num_batches_tracked': [],
      'fc.weight': [10, 128],
      'fc.bias': [10],
    });
    expect(batches).toBe(2 * Math.ceil((8000 * 0.9) / 200));
  });

  it('keeps statistics under whatever names a module gives them', async () => {
    const network = reworded('digits.pt2', { 'bn.running_mean': 'bn.centre', 'bn.running_var': 'bn.spread' });
    const directory = fresh();
    await job('adopt', { network, directory });
    const { spec, graph } = readRun(directory);
    const norm = graph.nodes.find(({ op }) => op === 'norm')!;
    const names = Object.entries(norm.parameters).map(([word, { name }]) => [word, name]);
    expect(Object.fromEntries(names)).toMatchObject({ running_mean: 'bn.centre', running_var: 'bn.spread' });
    expect(norm.parameters).not.toHaveProperty('num_batches_tracked');
    if (!isExportedSpec(spec)) throw new Error('an exported network was expected');
    const [model] = initialise(spec, { init: [1], mask: 3 });
    expect([...model!.get('bn.centre')!.data]).toEqual(new Array(8).fill(0));
    expect([...model!.get('bn.spread')!.data]).toEqual(new Array(8).fill(1));
  });

  it('begins with draws like those of the file, another for every seed', async () => {
    const { spec, graph } = readRun(await adopted('digits'));
    expect(isExportedSpec(spec)).toBe(true);
    const [a, b] = initialise(spec, { init: [1, 2], mask: 3 });
    expect(a!.get('fc.weight')!.data).not.toEqual(b!.get('fc.weight')!.data);
    // torch.nn.Linear(128, 10): uniform between -1 / sqrt(128) and 1 / sqrt(128).
    const { initial } = graph.parameters.get('fc.weight')!;
    expect(initial).toMatchObject({ kind: 'uniform' });
    expect((initial as { bound: number }).bound).toBeCloseTo(1 / Math.sqrt(128), 3);
    expect([...a!.get('bn.running_var')!.data]).toEqual(new Array(8).fill(1));
    expect([...a!.get('bn.bias')!.data]).toEqual(new Array(8).fill(0));
  });

  it('is interpolated and merged, its norms re-estimated', async () => {
    const curve = await job<Interpolation>('interpolate', {
      ...{ run, epoch: 2, steps: 2, splits: ['test'], normStatistics: 're-estimate' },
    });
    expect(curve).toMatchObject({ norm_statistics: 're-estimate' });
    const directory = fresh();
    await job('merge', {
      run,
      epoch: 2,
      align: 'none',
      normStatistics: 're-estimate',
      format: 'safetensors',
      directory,
    });
    const values = (file: string, tensor: string): number[] => {
      const checkpoint = openCheckpoint(file);
      const found = [...checkpoint.tensors.get(tensor)!.readFloat64()];
      checkpoint.close();
      return found;
    };
    const [first, second, merged] = [
      join(run, 'checkpoint_epoch_2_model_1.safetensors'),
      join(run, 'checkpoint_epoch_2_model_2.safetensors'),
      join(directory, 'checkpoint_epoch_2_model_1.safetensors'),
    ];
    const distanceToMean = (tensor: string): number => {
      const [a, b] = [values(first, tensor), values(second, tensor)];
      return Math.max(...values(merged, tensor).map((value, i) => Math.abs(value - (a[i]! + b[i]!) / 2)));
    };
    expect(distanceToMean('fc.weight')).toBeLessThan(1e-6);
    expect(distanceToMean('bn.running_var')).toBeGreaterThan(1e-3);
  });

  it('is forked', async () => {
    const child = fresh();
    const { forked_from: from } = await job<JobResult<'train'>>('train', {
      run: child,
      fork: { parent: run, epoch: 1, child: 1, settings: [] },
    });
    expect(from?.epoch).toBe(1);
  });

  it.each(['weight', 'activation'])(
    'is aligned by %s: the ends of the line compute what they did',
    async (align) => {
      const line = async (how: string): Promise<number[]> => {
        const asked = {
          run,
          epoch: 2,
          steps: 2,
          splits: ['test'],
          normStatistics: 're-estimate',
          align: how,
        };
        const { test_loss: losses } = await job<Interpolation>('interpolate', asked);
        return losses!.map((loss) => loss ?? NaN);
      };
      const [plain, aligned] = [await line('none'), await line(align)];
      for (const end of [0, 2]) expect(Math.abs(aligned[end]! - plain[end]!)).toBeLessThan(1e-4);
      expect(aligned[1]).toBeLessThan(plain[1]!);
    },
  );

  it.each([
    ['activation-patterns', { models: [1, 2] }],
    ['realization-cost-ridge', { models: [1] }],
    ['function-classes', { models: [1] }],
  ])('is refused if layers would have to be known: %s', async (kind, more) => {
    expect(await failure(job(kind, { run, epoch: 2, ...more }))).toContain(
      'a network exported from PyTorch; ',
    );
  });

  it.each([
    ['realization-cost', 'realization_cost_results'],
    ['subspace-coherence', 'coherence_results'],
    ['permutation-sensitivity', 'sensitivity_results'],
  ])('is measured layer by layer: %s', async (kind, results) => {
    const found = await job<Record<string, unknown>>(kind, { run, epoch: 2, models: [1], split: 'val' });
    const layers = found[results] as Record<string, unknown>[];
    expect(layers.slice(0, 2)).toMatchObject([
      {
        ...{ layer: 'conv', hook_mode: 'RecordInput', full_dimension: 25 },
        patches: {
          images: 800,
          positions: 64,
          count: 51_200,
          kernel: [5, 5],
          stride: [3, 3],
          padding: [0, 0],
        },
      },
      { layer: 'fc', hook_mode: 'RecordInput', full_dimension: 128 },
    ]);
    expect(found['warnings']).toEqual([]);
  });

  it('fits its data', async () => {
    const image = await adopted('image');
    expect(await failure(job('train', { run: fresh(), config: configOf(image) }))).toContain(
      'the exported network takes [1, 8, 8] and tells 3 classes apart',
    );
    const tokens = await adopted('tokens');
    expect(await failure(job('train', { run: fresh(), config: configOf(tokens) }))).toContain(
      'the network is for examples with 5 tokens to predict each; those of mnist-10k have one class each',
    );
  });
});

test('running statistics that two norms share are refused', () => {
  const norm = (id: string, mean: string) => ({ id, parameters: { running_mean: mean } });
  expect(() => requireOwnStatistics([norm('a', 'x'), norm('b', 'y')], 'net')).not.toThrow();
  expect(() => requireOwnStatistics([norm('a', 'x'), norm('b', 'x')], 'net')).toThrow(
    'the batch norm of "x" is applied twice (again at "b")',
  );
});

describe('how a parameter began', () => {
  const of = (data: Float32Array<ArrayBuffer>) =>
    initialOf(
      { name: 'w', shape: [data.length], role: 'trained' },
      inMemory({ dtype: 'float32', shape: [data.length], data }),
    );
  const stream = (): RandomStream => new RandomStream(5, 'test');

  it('is told from its values', () => {
    expect(of(new Float32Array(40).fill(0.25))).toEqual({ kind: 'constant', value: 0.25 });
    expect(of(Float32Array.from(stream().uniforms(4000, 0.3)))).toMatchObject({ kind: 'uniform' });
    const normal = of(Float32Array.from(stream().normals(4000, 0.3)));
    expect(normal).toMatchObject({ kind: 'normal' });
    expect((normal as { deviation: number }).deviation).toBeCloseTo(0.3, 1);
  });

  it('is not guessed if they are no draw around 0', () => {
    expect(of(Float32Array.from(stream().normals(400, 0.1)).map((value) => value + 1))).toBeUndefined();
  });
});
