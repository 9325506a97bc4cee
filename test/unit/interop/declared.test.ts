/** What an adopted declared network can be used for, and how the rest refuses it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadAnalysisData } from '../../../src-main/compute/analysis-data.ts';
import { loadCheckpoint, loadModels, readRun } from '../../../src-main/compute/load-models.ts';
import type { LoadedModel } from '../../../src-main/compute/load-models.ts';
import { completeForReference, derivedConfig } from '../../../src-main/formats/reference-config.ts';
import { numParameters, stateDictFromCheckpoint } from '../../../src-main/compute/models/index.ts';
import { hostForward } from '../../../src-main/compute/networks/host.ts';
import { inDoubles, permuteArrays, rescaleArrays } from '../../../src-main/compute/networks/permute.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { openCheckpoint } from '../../../src-main/formats/checkpoint.ts';
import type { TensorValue } from '../../../src-main/formats/tensor.ts';
import { writeTorchFile } from '../../../src-main/formats/torch/write-torch.ts';
import type { JobResult } from '../../../src-shared/jobs/index.ts';
import type { LayerRealizationCost } from '../../../src-shared/jobs/realization-cost.ts';
import { graphText } from '../../../src-shared/networks/compare.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import { readConfig, resolveModel } from '../../../src-shared/config.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { Interpolation } from '../../../src-shared/jobs/interpolate.ts';
import { declaredRun, randomTensors, residualDeclaration } from '../../support/declared-run.ts';
import { fixtureRun } from '../../support/fixtures.ts';
import { goldenData, job } from '../../support/job.ts';

const folder = mkdtempSync(join(tmpdir(), 'basin-declared-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;
const fresh = (ending = ''): string => join(folder, `${++count}${ending}`);
let run: string;
beforeAll(async () => {
  run = await declaredRun(folder);
});

async function failure(kind: string, params: object): Promise<string> {
  const thrown: unknown = await job(kind, params).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(UserError);
  const { message, hint } = thrown as UserError;
  return `${message} ${hint ?? ''}`;
}

describe('curves without alignment', () => {
  const curve = (more: object = {}): Promise<Interpolation> =>
    job('interpolate', { run, epoch: 1, steps: 2, splits: ['test'], data: goldenData(), ...more });

  it('have the losses that plain doubles give, in the middle as well', async () => {
    const found = await curve();
    const models = loadModels(run, [1, 2], 1);
    const { graph } = models[0]!.run;
    const { splits } = await loadAnalysisData(models[0]!.run, goldenData(), ['test']);
    const { x, labels, count: rows } = splits.get('test')!;
    const inputs = Float64Array.from(x, (pixel) => pixel);
    const [a, b] = models.map(({ acting }) => acting);
    const losses = [0, 0.5, 1].map((lambda) => {
      const mixed = [...a!].map(([name, { data }]) => {
        const other = b!.get(name)!.data;
        return [
          name,
          Float64Array.from(data, (value, k) => (1 - lambda) * value + lambda * other[k]!),
        ] as const;
      });
      return crossEntropy(hostForward(graph, new Map(mixed), inputs), labels, rows);
    });
    found.test_loss!.forEach((loss, i) =>
      expect(Math.abs(loss! - losses[i]!)).toBeLessThan(1e-5 * losses[i]!),
    );
    expect(found.num_params).toBe(16 * 784 + 16 + 2 * 16 + 16 * 16 + 10 * 16 + 10);
    expect(found.norm_statistics).toBe('interpolate');
    expect(found.rescaling_ratio).toBeGreaterThan(1);
  });

  it('join files of two runs of one network, whatever its values are called', async () => {
    const layers = structuredClone(residualDeclaration.layers);
    Object.assign(layers[0]!, { name: 'x' });
    Object.assign(layers[4]!, { add: 'x' });
    const other = await declaredRun(folder, { declaration: { layers }, name: 'renamed' });
    const files = [run, other].map((directory) => join(directory, 'checkpoint_epoch_1_model_1.pt'));
    const { distance } = await curve({ run: undefined, epoch: undefined, checkpoints: files });
    expect(distance).toBe(0);
    Object.assign(layers[2]!, { activation: 'tanh' });
    const third = await declaredRun(folder, { declaration: { layers }, name: 'tanh' });
    files[1] = join(third, 'checkpoint_epoch_1_model_1.pt');
    await expect(curve({ run: undefined, epoch: undefined, checkpoints: files })).rejects.toThrow(
      'silu is silu in one and tanh in the other',
    );
    files[1] = join(fixtureRun('sym0'), 'checkpoint_epoch_5_model_1.pt');
    await expect(curve({ run: undefined, epoch: undefined, checkpoints: files })).rejects.toThrow(
      /have different architectures: one has \d linear layers, the other 4/,
    );
  });

  it('need data of the size that the network takes', async () => {
    const layers = structuredClone(residualDeclaration.layers);
    Object.assign(layers[0]!, {
      linear: { weight: 'project.weight', bias: 'project.bias', shape: [16, 20] },
    });
    const small = await declaredRun(folder, { declaration: { layers }, name: 'small' });
    await expect(curve({ run: small })).rejects.toThrow(
      /has 784 numbers per example, but the models of .* take 20/,
    );
    Object.assign(layers[6]!, { linear: { weight: 'head.weight', bias: 'head.bias', shape: [3, 16] } });
    Object.assign(layers[0]!, {
      linear: { weight: 'project.weight', bias: 'project.bias', shape: [16, 784] },
    });
    const few = await declaredRun(folder, { declaration: { layers }, name: 'few' });
    await expect(curve({ run: few })).rejects.toThrow(/has 10 classes, but the models of .* have 3/);
  });
});

function crossEntropy(
  logits: Float64Array<ArrayBufferLike>,
  labels: ArrayLike<number>,
  rows: number,
): number {
  const classes = logits.length / rows;
  let sum = 0;
  for (let row = 0; row < rows; row++) {
    const z = logits.subarray(row * classes, (row + 1) * classes);
    const largest = Math.max(...z);
    sum +=
      largest + Math.log(z.reduce((total, value) => total + Math.exp(value - largest), 0)) - z[labels[row]!]!;
  }
  return sum / rows;
}

it('similarity counts the predictions that plain doubles agree on', async () => {
  const { functional_similarity: found } = await job<{
    functional_similarity: { all_epoch_results: { split_results: Record<string, number> }[] };
  }>('similarity', { run, epochs: [1], splits: ['test'], data: goldenData() });
  const models = loadModels(run, [1, 2], 1);
  const { splits } = await loadAnalysisData(models[0]!.run, goldenData(), ['test']);
  const { x, count: rows } = splits.get('test')!;
  const [a, b] = models.map(({ run: { graph }, acting }) => {
    const doubles = new Map([...acting].map(([name, { data }]) => [name, Float64Array.from(data)]));
    return classesOf(hostForward(graph, doubles, Float64Array.from(x)), rows);
  });
  const agreed = a!.filter((label, i) => label === b![i]).length;
  expect(found.all_epoch_results[0]!.split_results['test_agreement_count']).toBe(agreed);
});

function classesOf(logits: Float64Array<ArrayBufferLike>, rows: number): number[] {
  const classes = logits.length / rows;
  return Array.from({ length: rows }, (_, row) => {
    const z = logits.subarray(row * classes, (row + 1) * classes);
    return z.indexOf(Math.max(...z));
  });
}

describe('alignment and merging', () => {
  const both = (): object => ({ run, epoch: 1, models: [1, 2] });
  it.each(['weight', 'activation'] as const)('by %s, the curve ends at the models', async (align) => {
    const plain = await job<Interpolation>('interpolate', {
      ...{ ...both(), steps: 2, splits: ['test'], data: goldenData() },
    });
    const found = await job<Interpolation>('interpolate', {
      ...{ ...both(), steps: 2, splits: ['test'], data: goldenData(), align },
    });
    const { groups } = symmetriesOf(readRun(run).graph);
    expect(Object.keys(found.permutations!)).toEqual(groups.map(({ name }) => name));
    for (const end of [0, 2]) expect(found.test_loss![end]).toBeCloseTo(plain.test_loss![end]!, 4);
    expect(found.distance!).toBeLessThanOrEqual(plain.distance! * 1.2);
  });

  it('the mean of aligned models is a run of the same network', async () => {
    const { directory } = await job<{ directory: string }>('merge', {
      ...{ ...both(), align: 'weight', directory: fresh() },
    });
    const [mean] = loadModels(directory, undefined, 1);
    expect(graphText(mean!.run.graph.graph)).toBe(graphText(readRun(run).graph.graph));
  });
});

describe('measures of identifiability', () => {
  it('cost of the plain formula, in a layer of the residual stream', async () => {
    const { realization_cost_results: found } = await job<{
      realization_cost_results: LayerRealizationCost[];
    }>('realization-cost', { run, epoch: 1, models: [1], data: goldenData() });
    const { graph } = readRun(run);
    const layers = graph.nodes.filter(({ op }) => op === 'linear');
    expect(found.map(({ layer }) => layer)).toEqual(layers.map(({ id }) => id));
    // Nothing is fixed: every slot realises neuron j at the squared length of its weights within the subspace.
    for (const { mahalanobis_distance_squared: costs, transposition_cost_squared: swaps } of found) {
      const columns = costs.columns;
      costs.data.forEach((cost, at) => {
        expect(cost).toBeGreaterThan(0);
        expect(Math.abs(cost / costs.data[at % columns]! - 1)).toBeLessThan(1e-9);
      });
      const scale = Math.max(...costs.data);
      for (const swap of swaps.data) expect(Math.abs(swap)).toBeLessThan(1e-9 * scale);
    }
  });

  it('takes the names of layers as they are', async () => {
    const one = await job<{ realization_cost_results: { layer: string }[] }>('realization-cost', {
      ...{ run, epoch: 1, models: [1], layers: ['block'], data: goldenData() },
    });
    expect(one.realization_cost_results.map(({ layer }) => layer)).toEqual(['block']);
    const checkpoints = [join(run, 'checkpoint_epoch_1_model_1.pt')];
    const pair = { checkpoints, neurons: [0, 1], data: goldenData(), examples: 50 };
    const found = await job<{ layer: string }>('inspect-neurons', { ...pair, layer: 'block' });
    expect(found.layer).toBe('block');
    await expect(job('inspect-neurons', { ...pair, layer: 'lins.0' })).rejects.toThrow(
      /no layer "lins.0"; there are stream, block, head/,
    );
  });

  it.each(['subspace-coherence', 'permutation-sensitivity', 'realization-cost-ridge'])(
    '%s names the layers by their modules',
    async (kind) => {
      const more = kind === 'realization-cost-ridge' ? { samples: 200, numNeurons: 3, betas: [0.1] } : {};
      const found = await job<object>(kind, { run, epoch: 1, models: [1], data: goldenData(), ...more });
      for (const { id } of readRun(run)
        .graph.nodes.filter(({ op }) => op === 'linear')
        .slice(0, -1))
        expect(JSON.stringify(found)).toContain(`"layer":"${id}"`);
    },
  );
});

describe('what needs a chain of linear layers', () => {
  it('training refuses its config', async () => {
    const { layers } = residualDeclaration;
    const model = { name: 'declared', layers, permutations: { s: [['head.weight', 1]] } };
    expect(
      await failure('train', { run: fresh(), config: { model, dataset: { name: 'mnist-10k' } } }),
    ).toMatch(/is a declared network; so far, training works only for chains of linear layers/);
  });
});

describe('rescaling', () => {
  const options = { epoch: 1, steps: 2, data: goldenData() };
  const curve = (more: object): Promise<JobResult<'symmetry-curve'>> =>
    job('symmetry-curve', { run, ...options, ...more });
  /** 784 -> 16, x + W relu(x), ReLU, 10 logits: nothing but what passes factors on. */
  const homogeneous = {
    name: 'homogeneous digits',
    layers: [
      { name: 'stream', linear: { weight: 'in.weight', bias: 'in.bias', shape: [16, 784] } },
      { activation: 'relu' },
      { linear: { weight: 'block.weight', bias: 'block.bias', shape: [16, 16] } },
      { add: 'stream' },
      { activation: 'relu' },
      { linear: { weight: 'head.weight', shape: [10, 16] } },
    ],
  };
  let relu: string;
  beforeAll(async () => {
    relu = await declaredRun(folder, { declaration: homogeneous, name: 'homogeneous' });
  });

  it('is refused by name, with what takes no factor and what can be done, if nothing passes one on', async () => {
    const message = await failure('symmetry-curve', { run, ...options });
    expect(message).toMatch(`model 1 of ${run}`);
    expect(message).toMatch(/no neuron can be rescaled: .*silu\(c z\) is not c silu\(z\)/);
    expect(message).toMatch(/--scope layer/);
    expect(await failure('rescaling-barrier', { run, ...options })).toMatch(/no neuron can be rescaled/);
  });

  it('scales a residual stream before its norm as a whole, statistics included', async () => {
    const { curve_loss, curve_spread, distance, group_elements, notes } = await curve({ scope: 'layer' });
    expect(group_elements).toHaveLength(1);
    expect(distance).toBeGreaterThan(0.1);
    expect(curve_spread).toBeLessThan(1e-4 * curve_loss[0]!);
    expect(notes.join()).toMatch(/1 of 1 layers .* up to the norm's epsilon 1e-5/);
  });

  it('gives every unit of a homogeneous stream a factor of its own, and the loss stays', async () => {
    const { curve_loss, curve_spread, line_barrier, group_elements } = await curve({ run: relu });
    expect(group_elements.map(([factors]) => factors!.length)).toEqual([16]);
    expect(curve_spread).toBeLessThan(1e-12 * curve_loss[0]!);
    expect(line_barrier).toBeGreaterThan(1e-3);
    const { rows } = await job<JobResult<'rescaling-barrier'>>('rescaling-barrier', {
      ...{ run: relu, ...options, factors: [1, 100] },
    });
    expect(rows[0]!.barrier).toBeLessThan(1e-12);
    expect(rows[1]!.barrier).toBeGreaterThan(0.1);
  });

  it('is found again, with the permutation, between two checkpoints', async () => {
    const [model] = loadModels(relu, [1], 1);
    const { graph: network } = model!.run;
    const { groups, rescalings } = symmetriesOf(network);
    const stream = new RandomStream(3, 'planted');
    const order = stream.permutation(16);
    const factors = Float64Array.from({ length: 16 }, () => Math.exp(stream.normal() / 2));
    const permuted = permuteArrays(inDoubles(model!.acting), groups, new Map([[groups[0]!.name, order]]));
    const path = join(relu, 'checkpoint_epoch_2_model_2.pt');
    const tensors = [...rescaleArrays(permuted, rescalings[0]!, factors)].map(
      ([name, { shape, data }]): [string, TensorValue] => [
        name,
        { dtype: 'float32', shape: [...shape], data: Float32Array.from(data) },
      ],
    );
    writeTorchFile(path, new Map(tensors));
    const { epoch: _, ...rest } = options;
    const found = await job<JobResult<'detect-symmetry'>>('detect-symmetry', {
      ...{ checkpoints: [model!.path, path], ...rest },
    });
    expect(found.activation).toBe('relu');
    expect(found.permutations).toEqual([Array.from(order)]);
    found.group_elements[0]![0]!.forEach((c, j) => expect(c / factors[j]!).toBeCloseTo(1, 4));
    expect(found.relative_residual).toBeLessThan(1e-5);
    expect(found.barrier_after).toBeLessThan(1e-6);
  });
});

describe('its checkpoints', () => {
  /** Model 1 with other tensors. */
  function changed(change: (tensors: Map<string, TensorValue>) => unknown): string {
    const tensors = randomTensors(1);
    change(tensors);
    const path = fresh('.pt');
    writeTorchFile(path, tensors);
    return path;
  }
  const load = (path: string) => loadCheckpoint(readRun(run), path);

  it('are read with or without wrappers and counters', () => {
    const [model] = loadModels(run, [1], 1);
    const wrapped = changed((tensors) => {
      for (const [name, tensor] of [...tensors]) {
        tensors.delete(name);
        if (!name.endsWith('num_batches_tracked')) tensors.set(`module._orig_mod.${name}`, tensor);
      }
      tensors.set('n_averaged', { dtype: 'int64', shape: [], data: BigInt64Array.of(3n) });
    });
    const withoutCounter = (arrays: LoadedModel['acting']) =>
      [...arrays].filter(([name]) => !name.endsWith('num_batches_tracked'));
    expect(withoutCounter(load(wrapped).acting)).toEqual(withoutCounter(model!.acting));
    expect(numParameters(model!.spec)).toEqual({ total: 13018, free: 13018 });
  });

  it.each<[string, (tensors: Map<string, TensorValue>) => unknown, RegExp]>([
    [
      'a tensor that is missing',
      (tensors) => tensors.delete('head.bias'),
      /\.pt: tensor "head\.bias" is missing; a declared network of 3 linear layers, 1 norm, 2 activations, 1 sum needs it/,
    ],
    [
      'a tensor of another shape',
      (tensors) => tensors.set('head.bias', { dtype: 'float32', shape: [11], data: new Float32Array(11) }),
      /\.pt: tensor "head\.bias" has shape \[11\]; \[10\] was expected/,
    ],
    [
      'a tensor that has no place',
      (tensors) => tensors.set('head.bais', { dtype: 'float32', shape: [10], data: new Float32Array(10) }),
      /\.pt: tensor "head\.bais" does not belong to a declared network .*Did you mean "head\.bias"/,
    ],
    [
      'a weight that is no number',
      (tensors) => ((tensors.get('block.weight')!.data as Float32Array)[3] = NaN),
      /\.pt: some weights are not finite: "block\.weight" \(entry 3 is NaN\)/,
    ],
  ])('are refused: %s', (_, change, message) => {
    expect(() => load(changed(change))).toThrow(message);
  });

  it('have a config that stays readable when it is derived from', () => {
    const { config, spec } = readRun(run);
    const text = derivedConfig(config, { symmetry: 0, activation: 'silu', models: 1, derived: { from: [] } });
    expect(resolveModel(readConfig(parse(text)), 'derived')).toEqual(spec);
    const written = parse(completeForReference(text)) as { model: object };
    expect(resolveModel(readConfig(written), 'derived')).toEqual(spec);
    expect(written.model).not.toHaveProperty('_target_');
  });

  it('may hold what is to be ignored', async () => {
    const declaration = { ...residualDeclaration, ignore: ['temperature'] };
    const directory = await declaredRun(folder, { declaration, name: 'ignoring' });
    const { spec } = readRun(directory);
    const path = changed((tensors) =>
      tensors.set('temperature', { dtype: 'float32', shape: [1], data: new Float32Array(1) }),
    );
    const file = openCheckpoint(path);
    expect(stateDictFromCheckpoint(file.tensors, spec, path).has('temperature')).toBe(false);
    file.close();
  });

  it('are read by a config that was edited, or its field is named', () => {
    const config = join(run, 'config.yaml');
    const text = readFileSync(config, 'utf8');
    writeFileSync(config, text.replace('activation: silu', 'activation: swish'));
    expect(() => readRun(run)).toThrow(`${config}: model.layers.2.activation: Invalid option`);
    writeFileSync(config, text);
  });
});
