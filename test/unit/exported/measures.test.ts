/** Measures of rows of weights on networks exported from PyTorch, beside the same networks as Basin has them. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import { hasBinding } from '../../../src-main/compute/backend/native.ts';
import type { Examples } from '../../../src-main/compute/data/index.ts';
import { placesOf } from '../../../src-main/compute/identifiability/input-moments.ts';
import { exportedLayers } from '../../../src-main/compute/identifiability/exported-layers.ts';
import { layerWeights } from '../../../src-main/compute/identifiability/layer-weights.ts';
import type { LoadedNetwork } from '../../../src-main/compute/identifiability/layer-weights.ts';
import { SubspaceRecorder } from '../../../src-main/compute/identifiability/measure.ts';
import { realizationCosts } from '../../../src-main/compute/identifiability/realization.ts';
import { coherenceOf, modelOutput } from '../../../src-main/compute/identifiability/subspace.ts';
import type { StateDict } from '../../../src-main/compute/models/index.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { openCheckpoint } from '../../../src-main/formats/checkpoint.ts';
import { readRunDirectory } from '../../../src-main/formats/run-directory.ts';
import { exportedModel } from '../../../src-main/interop/adopt/exported.ts';
import type { JobKindName, JobResult } from '../../../src-shared/jobs/index.ts';
import type { Graph } from '../../../src-shared/networks/graph.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';
import { job } from '../../support/job.ts';
import { exportedFixture } from './files.ts';

const still = (): Promise<void> => Promise.resolve();

const nodeOf = (id: string, op: string, inputs: string[], attributes = {}, words: string[] = []) => ({
  ...{ id, op, inputs, attributes },
  parameters: Object.fromEntries(words.map((word) => [word, `${id}.${word}`])),
});
const relu = { kind: 'relu' };
const linear = ['weight', 'bias'];

/** The nodes of make_twins.py, in Basin's own operations. */
const own: Record<string, Graph['nodes']> = {
  chain: [
    nodeOf('first', 'linear', ['x'], {}, linear),
    nodeOf('norm', 'norm', ['first'], { kind: 'layer' }, linear),
    nodeOf('relu', 'activation', ['norm'], relu),
    nodeOf('second', 'linear', ['relu'], {}, linear),
    nodeOf('gelu', 'activation', ['second'], { kind: 'gelu' }),
    nodeOf('last', 'linear', ['gelu'], {}, linear),
  ],
  pixels: [
    nodeOf('channels_last', 'transpose', ['x'], { order: [1, 2, 0] }),
    nodeOf('first', 'conv2d', ['channels_last'], { stride: [1, 1], padding: [1, 1] }, ['weight']),
    nodeOf('relu1', 'activation', ['first'], relu),
    nodeOf('second', 'conv2d', ['relu1'], { stride: [2, 2], padding: [1, 1] }, ['weight']),
    nodeOf('relu2', 'activation', ['second'], relu),
    nodeOf('pool', 'pool', ['relu2'], { kind: 'global_average' }),
    nodeOf('last', 'linear', ['pool'], {}, linear),
  ],
};

/** Every weight W-asymmetric: some of its entries fixed, so that neurons are told apart. */
function asymmetric(graph: Graph, state: StateDict): { graph: Graph; state: StateDict } {
  const stream = new RandomStream(5, 'fixed');
  const all = new Map(state);
  const weights = graph.parameters.filter(({ name, shape }) => name.endsWith('.weight') && shape.length > 1);
  const companions = weights.flatMap(({ name, shape }) => {
    const numbers = stream.normals(sizeOf(shape));
    all.set(`${name}.F`, { shape: [...shape], data: Float32Array.from(numbers) });
    all.set(`${name}.D`, { shape: [...shape], data: Float32Array.from(numbers, (v) => (v > 0.4 ? 0 : 1)) });
    return ['F', 'D'].map((part) => ({ name: `${name}.${part}`, shape, role: 'fixed' as const }));
  });
  const withFamily = graph.parameters.map((parameter) => {
    if (!weights.includes(parameter)) return parameter;
    const [fixed, mask] = [`${parameter.name}.F`, `${parameter.name}.D`];
    return {
      ...parameter,
      family: { fixed: { tensor: fixed, scale: 0.7 }, mask, support: 'fixed' as const },
    };
  });
  return { graph: { ...graph, parameters: [...withFamily, ...companions] }, state: all };
}

const networkOf = ({ graph, state }: { graph: Graph; state: StateDict }): LoadedNetwork => ({
  run: { graph: readNetwork(graph) },
  state,
});

function twins(name: string): { exported: LoadedNetwork; builtIn: LoadedNetwork } {
  const { graph, state } = exportedModel(exportedFixture(`${name}.pt2`));
  const parameters = graph.parameters.filter(({ role }) => role !== 'fixed');
  const nodes = own[name]!;
  const same: Graph = {
    ...{ inputs: [{ id: 'x', shape: graph.inputs[0]!.shape }], parameters, nodes },
    ...{ output: 'last', groupNames: {} },
  };
  return {
    exported: networkOf(asymmetric(graph, state)),
    builtIn: networkOf(asymmetric(same, state)),
  };
}

function examplesOf({ run: { graph } }: LoadedNetwork, count: number, most = Infinity): Examples {
  const features = sizeOf(graph.graph.inputs[0]!.shape);
  const numbers = new RandomStream(2, 'x').normals(count * features);
  const x = Float32Array.from(numbers, (v) => (most < Infinity ? Math.floor(Math.abs(v) * 1000) % most : v));
  return { count, features, x, labels: new Int32Array(count) };
}

async function measured(model: LoadedNetwork, examples: Examples) {
  const backend = await loadBackend();
  const places = placesOf(model.run.graph).map(({ layer }) => layer);
  const recorder = new SubspaceRecorder(backend, examples, places, 0.9);
  const found = [];
  for (const finding of await recorder.subspaces(model, still)) {
    const space = await finding;
    const isOutput = space.place.layer === modelOutput;
    const costs = isOutput
      ? undefined
      : await realizationCosts(layerWeights(model, space.place.layer), space);
    found.push({ space, costs, coherence: coherenceOf(space) });
  }
  return found;
}

describe.skipIf(!hasBinding())('measures of an exported network', () => {
  it.each(Object.keys(own))('are those of the same network as Basin has it: %s', async (name) => {
    const { exported, builtIn } = twins(name);
    const examples = examplesOf(exported, 30);
    const [mine, theirs] = [await measured(exported, examples), await measured(builtIn, examples)];
    expect(mine.map(({ space }) => space.place.layer)).toEqual(['first', 'second', 'last', modelOutput]);
    mine.forEach(({ space, costs, coherence }, i) => {
      const other = theirs[i]!;
      expect(space.place.layer).toBe(other.space.place.layer);
      expect([space.count, space.full, space.dimension]).toEqual([
        ...[other.space.count, other.space.full, other.space.dimension],
      ]);
      expect(space.place.patches).toEqual(other.space.place.patches);
      expect(coherence).toBeCloseTo(other.coherence, 9);
      space.singularValues.forEach((value, k) => {
        expect(value).toBeCloseTo(other.space.singularValues[k]!, 9);
      });
      if (!costs) return;
      const { neurons } = costs;
      // They tell neurons apart.
      expect(Math.abs(costs.costs[1]! - costs.costs[neurons]!)).toBeGreaterThan(1e-3);
      costs.costs.forEach((value, k) => {
        expect(value).toBeCloseTo(other.costs!.costs[k]!, 8);
      });
    });
  });

  it('take every token as a row, and layers by the names of their modules', async () => {
    const { graph, state } = exportedModel(exportedFixture('rotary.pt2'));
    const model = networkOf({ graph, state });
    const found = await measured(model, examplesOf(model, 20, 9));
    expect(found.map(({ space }) => [space.place.layer, space.count, space.full])).toEqual([
      ...['q', 'k', 'v'].map((layer) => [layer, 100, 12]),
      ['o', 100, 24],
      ...['gate', 'up'].map((layer) => [layer, 100, 12]),
      ['down', 100, 10],
      ['head', 100, 12],
      [modelOutput, 100, 9],
    ]);
  });

  it('name what is not measured, and why', () => {
    const { graph } = exportedModel(exportedFixture('groups.pt2'));
    const { layers, leftOut } = exportedLayers(readNetwork(graph));
    expect(layers.map(({ id }) => id)).toEqual(['first', 'mixed', 'part', 'out']);
    expect(leftOut).toEqual([
      { layer: 'grouped', why: 'its 2 groups read different channels' },
      { layer: 'each', why: 'its 12 groups read different channels' },
    ]);
  });

  it('leave out what has no rows of trained weights over one example', () => {
    const { graph } = exportedModel(exportedFixture('layers.pt2'));
    const { layers, leftOut } = exportedLayers(readNetwork(graph));
    expect(layers.map(({ id, width }) => [id, width])).toEqual([['head', 5]]);
    expect(leftOut).toEqual([
      { layer: 'conv', why: 'its images are not one per example' },
      { layer: 'still', why: 'its weight is not trained' },
      { layer: 'each', why: 'it has a matrix for every block of its input' },
    ]);
  });
});

/** Of one checkpoint. */
type Row<Kind extends JobKindName> = Exclude<JobResult<Kind>, readonly unknown[]>;

describe.skipIf(!hasBinding())('measures of an exported run with fixed entries', () => {
  const folder = mkdtempSync(join(tmpdir(), 'basin-exported-measures-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const run = join(folder, 'run');
  const options = { run, epoch: 0, models: [2], layers: ['fc'], explainedVariance: 1 };

  beforeAll(async () => {
    const adopted = join(folder, 'adopted');
    await job('adopt', { network: exportedFixture('digits.pt2'), directory: adopted });
    const { model, ...config } = readRunDirectory(adopted).config;
    const family = { name: 'w-asymmetric', parameters: ['fc.weight'], num_fixed: 7, sigma_f: 2 };
    await job('train', {
      run,
      config: {
        ...{ ...config, model: { ...(model as object), family } },
        dataset: { name: 'mnist-10k', batch_size: 400, val_split: 0.1 },
        optimizer: { name: 'adamw', lr: 0.01 },
        training: { num_epochs: 0, save_every: 1 },
        ...{ num_models: 2, seed: 1, mask_seed: 3 },
      },
    });
  });

  const rowsOf = (model: number): number[][] => {
    const checkpoint = openCheckpoint(join(run, `checkpoint_epoch_0_model_${model}.safetensors`));
    try {
      const values = [...checkpoint.tensors.get('fc.weight')!.readFloat64()];
      return Array.from({ length: 10 }, (_, row) => values.slice(128 * row, 128 * (row + 1)));
    } finally {
      checkpoint.close();
    }
  };

  it('see them: a slot cannot reach the entries of another neuron where its own are fixed', async () => {
    const [mine, other] = [rowsOf(2), rowsOf(1)];
    const [layer] = (await job<Row<'realization-cost'>>('realization-cost', options))
      .realization_cost_results;
    // All directions count, so a cost is the squared length of the neuron at the slot's free entries.
    expect(layer!.subspace_dimension).toBe(128);
    const cost = (slot: number, neuron: number): number =>
      mine[neuron]!.reduce((sum, value, k) => sum + (mine[slot]![k] === other[slot]![k] ? 0 : value ** 2), 0);
    const { data: costs } = layer!.mahalanobis_distance_squared;
    const { data: swaps } = layer!.transposition_cost_squared;
    for (let i = 0; i < 10; i++)
      for (let j = 0; j < 10; j++) {
        expect(costs[10 * i + j]).toBeCloseTo(cost(i, j), 5);
        expect(swaps[10 * i + j]).toBeCloseTo(cost(i, j) + cost(j, i) - cost(i, i) - cost(j, j), 5);
        if (i !== j) expect(swaps[10 * i + j]).toBeGreaterThan(1);
      }
  });

  it('say by how much they are scaled, and how unevenly they leave the inputs', async () => {
    const [layer] = (await job<Row<'permutation-sensitivity'>>('permutation-sensitivity', options))
      .sensitivity_results;
    expect(layer).toMatchObject({ sigma_f: 2, verdict: { told_apart: 'yes' } });
    const [even] = (await job<Row<'subspace-coherence'>>('subspace-coherence', options)).coherence_results;
    // Of the identity on the free entries less their share.
    for (const norm of even!.anisotropy_operator_norms!) expect(norm).toBeCloseTo(121 / 128, 6);
  });

  it('need the seed that the fixed entries were drawn with', async () => {
    const other = join(folder, 'other');
    cpSync(run, other, { recursive: true });
    const config = readFileSync(join(run, 'config.yaml'), 'utf8');
    const asked = { ...options, run: other };
    writeFileSync(join(other, 'config.yaml'), config.replace('mask_seed: 3', 'mask_seed: 4'));
    await expect(job('realization-cost', asked)).rejects.toThrow(
      /model 2 of .*other at epoch 0: entries of "fc.weight" that stay fixed are not those that mask_seed \(4\)/,
    );
    writeFileSync(join(other, 'config.yaml'), config.replace('mask_seed: 3', 'mask_seed: null'));
    await expect(job('realization-cost', asked)).rejects.toThrow('config.yaml: mask_seed is missing');
  });
});
