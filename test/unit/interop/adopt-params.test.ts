/** What the person has to say beside the files, what is kept of what was understood, and settings without effect. */
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { loadModels } from '../../../src-main/compute/load-models.ts';
import { describeStateDict } from '../../../src-main/interop/adopt/state-dict-files.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { writeSafetensors } from '../../../src-main/formats/safetensors.ts';
import type { TensorValue } from '../../../src-main/formats/tensor.ts';
import type { WritableTree } from '../../../src-main/formats/torch/tree.ts';
import { writeTorchFile } from '../../../src-main/formats/torch/write-torch.ts';
import type { Interpolation } from '../../../src-shared/jobs/interpolate.ts';
import { present } from '../../../src-shared/presentations/index.ts';
import { exactOutput } from '../../support/model-output.ts';
import { fixtureRun } from '../../support/fixtures.ts';
import { goldenData, job } from '../../support/job.ts';

const folder = mkdtempSync(join(tmpdir(), 'basin-adopt-params-'));
let count = 0;
const fresh = (ending = ''): string => join(folder, `${++count}${ending}`);

interface Adopted {
  directory: string;
  architecture: string;
  layers: Record<string, unknown>[];
  notes: string[];
}
const adopt = (paths: string[], more: object = {}): Promise<Adopted> =>
  job<Adopted>('adopt', { paths, directory: fresh(), ...more });
const configOf = ({ directory }: Adopted): Record<string, Record<string, unknown>> =>
  parse(readFileSync(join(directory, 'config.yaml'), 'utf8')) as never;
const checkpoint = (run: string): string => join(fixtureRun(run), 'checkpoint_epoch_5_model_1.pt');

/** Linear layers of random weights, `[name, inputs, outputs]`; with a norm where a third name stands. */
function weights(layers: [string, number, number, string?][], prefix = ''): Map<string, TensorValue> {
  const stream = new RandomStream(7, 'adopt-params');
  const tensors = new Map<string, TensorValue>();
  const add = (name: string, shape: number[], scale = 0.3): void => {
    const data = Float32Array.from(stream.normals(shape.reduce((a, b) => a * b, 1)), (v) => scale * v);
    tensors.set(prefix + name, { dtype: 'float32', shape, data });
  };
  for (const [name, inputs, outputs, norm] of layers) {
    add(`${name}.weight`, [outputs, inputs], 1 / Math.sqrt(inputs));
    add(`${name}.bias`, [outputs]);
    if (norm !== undefined) for (const field of ['weight', 'bias']) add(`${norm}.${field}`, [outputs]);
  }
  return tensors;
}

function file(tensors: WritableTree, ending = '.pt'): string {
  const path = fresh(ending);
  if (ending === '.pt') writeTorchFile(path, tensors);
  else writeSafetensors(path, tensors as Map<string, TensorValue>);
  return path;
}

describe('what was understood', () => {
  it('is shown layer by layer, and kept in the config', async () => {
    const path = file(
      weights(
        [
          ['fc1', 6, 4, 'ln1'],
          ['fc2', 4, 3],
        ],
        'module.',
      ),
    );
    const adopted = await adopt([path], { activation: 'tanh', normPosition: 'before-activation' });
    expect(adopted.layers).toEqual([
      { layer: 'lins.0', from: 'fc1', inputs: 6, outputs: 4, norm: 'ln1 (layer)', activation: 'tanh' },
      { layer: 'lins.1', from: 'fc2', inputs: 4, outputs: 3, norm: null, activation: null },
    ]);
    expect(adopted.notes).toContainEqual('Removed from the front of tensor names: "module.".');
    expect(present('adopt', adopted)!.table!.rows[0]).toEqual([
      ...['lins.0', 'fc1', 6, 4, 'ln1 (layer)', 'tanh'],
    ]);
    expect(configOf(adopted)['adopted_names']).toEqual({
      ...{ 'module.fc1.weight': 'lins.0.weight', 'module.fc1.bias': 'lins.0.bias' },
      ...{ 'module.fc2.weight': 'lins.1.weight', 'module.fc2.bias': 'lins.1.bias' },
      ...{ 'module.ln1.weight': 'norms.0.weight', 'module.ln1.bias': 'norms.0.bias' },
    });
  });

  it('of files with names of their own for each', async () => {
    const paths = [
      file(
        weights([
          ['fc1', 6, 4],
          ['fc2', 4, 3],
        ]),
      ),
      file(
        weights(
          [
            ['0', 6, 4],
            ['2', 4, 3],
          ],
          'model.',
        ),
        '.safetensors',
      ),
    ];
    const adopted = await adopt(paths, { activation: 'relu' });
    expect(configOf(adopted)['adopted_names']).toEqual([
      expect.objectContaining({ 'fc1.weight': 'lins.0.weight' }),
      expect.objectContaining({ 'model.2.bias': 'lins.1.bias' }),
    ]);
    const [one, other] = loadModels(adopted.directory, [1, 2], 1);
    expect(one!.acting).toEqual(other!.acting);
  });
});

describe('hidden layers of several widths', () => {
  it('are adopted, and measured like any others', async () => {
    const path = file(
      weights([
        ['layer0', 784, 24],
        ['layer1', 24, 12],
        ['layer2', 12, 10],
      ]),
    );
    expect(describeStateDict(path)).toMatch(/784-24-12-10.*`basin run adopt` with --activation makes a run/);
    const adopted = await adopt([path, path], { activation: 'relu' });
    expect(configOf(adopted)['model']!['layers']).toEqual([
      { outputs: 24, norm: null, activation: 'relu' },
      { outputs: 12, norm: null, activation: 'relu' },
      { outputs: 10 },
    ]);
    const common = { run: adopted.directory, epoch: 1, data: goldenData() };
    for (const align of ['none', 'weight'] as const) {
      const curve = await job<Interpolation>('interpolate', { ...common, align, splits: ['test'], steps: 2 });
      expect(curve.test_loss![1]).toBeCloseTo(curve.test_loss![0]!, 4);
    }
  });
});

describe('the import report promises no more than adopt holds', () => {
  it.each([
    [
      '--activation and --norm-position',
      weights([
        ['fc1', 6, 4, 'ln1'],
        ['fc2', 4, 3],
      ]),
    ],
    [
      '--activation',
      weights([
        ['fc1', 6, 4],
        ['fc2', 4, 3],
      ]),
    ],
  ])('with %s', (flags, tensors) => {
    expect(describeStateDict(file(tensors))).toContain(`\`basin run adopt\` with ${flags} makes a run`);
  });

  it.each([
    [weights([['fc1', 6, 4]]), /one linear layer only/],
    [
      weights([
        ['first', 6, 4],
        ['second', 4, 4],
        ['third', 4, 4],
        ['out', 4, 3],
      ]),
      /order.*--architecture/,
    ],
  ])('%#', async (tensors, reason) => {
    const path = file(tensors);
    expect(() => describeStateDict(path)).toThrow(reason);
    await expect(adopt([path], { activation: 'relu' })).rejects.toThrow();
  });
});

describe('settings without effect, or against the file, are refused', () => {
  const plain = file(
    weights([
      ['fc1', 6, 4],
      ['fc2', 4, 3],
    ]),
  );
  it.each([
    [
      'a scale for a standard network',
      plain,
      { activation: 'relu', sigmaF: [1] },
      /^sigmaF: .*no fixed weight/,
    ],
    [
      'norms where there are none',
      plain,
      { activation: 'relu', normPosition: 'before-activation' },
      /no norms/,
    ],
    [
      'norms behind the activation',
      plain,
      { activation: 'relu', normPosition: 'after-activation' },
      /^normPosition/,
    ],
    ['an activation beside gates', checkpoint('sym2'), { activation: 'gelu' }, /^activation: .*gates/],
  ])('%s', async (_, path, params, reason) => {
    const directory = fresh();
    await expect(adopt([path], { ...params, directory })).rejects.toThrow(reason);
    expect(existsSync(directory)).toBe(false);
  });

  it('a fixed weight scale that weight decay has shrunk is not read off', async () => {
    // The reference's own checkpoints: 0.994 times the fixed draw, trained with a scale of 1.
    const path = checkpoint('sym1_kappa1');
    await expect(adopt([path], { activation: 'gelu' })).rejects.toThrow(/hold 0\.99\d+ times .*weight decay/);
    const { directory, notes } = await adopt([path], { activation: 'gelu', sigmaF: [1] });
    const [model] = loadModels(directory, [1], 5);
    expect(model!.acting).toEqual(loadModels(fixtureRun('sym1_kappa1'), [1], 5)[0]!.acting);
    expect(notes).toEqual([]);
  });

  it('a scale that is far from what the weights hold is pointed out', async () => {
    const { notes } = await adopt([checkpoint('sym1_kappa1')], { activation: 'gelu', sigmaF: [0.5] });
    expect(notes[0]).toMatch(/lins\.0: .*hold 0\.99\d+ times .*given scale 0\.5 is used/);
  });

  it('files of several epochs make a run only if a number is given', async () => {
    const paths = [3, 4].map((epoch) => {
      const model = weights([
        ['fc1', 6, 4],
        ['fc2', 4, 3],
      ]);
      return file(
        new Map<string, WritableTree>([
          ['epoch', epoch],
          ['model_state_dict', model],
        ]),
      );
    });
    await expect(adopt(paths, { activation: 'relu' })).rejects.toThrow(/of epoch 3, .* of epoch 4/);
    const { directory } = await adopt(paths, { activation: 'relu', epoch: 9 });
    expect(loadModels(directory, [1, 2], 9)).toHaveLength(2);
  });
});

describe('a declared network', () => {
  it('is found behind wrappers that the declaration does not name', async () => {
    const own = weights([
      ['a', 6, 4],
      ['b', 4, 3],
    ]);
    const declared = {
      layers: [
        { linear: { weight: 'a.weight', bias: 'a.bias', shape: [4, 6] } },
        { activation: 'tanh' },
        { linear: { weight: 'b.weight', bias: 'b.bias', shape: [3, 4] } },
      ],
      permutations: {
        only: [
          ['a.weight', 0],
          ['a.bias', 0],
          ['b.weight', 1],
        ],
      },
    };
    const architecture = fresh('.yaml');
    writeFileSync(architecture, stringify(declared));
    const averaged = new Map<string, TensorValue>(
      [...own].map(([name, tensor]) => [`module.${name}`, tensor] as const),
    ).set('n_averaged', { dtype: 'int64', shape: [], data: BigInt64Array.of(2n) });
    const x = Float64Array.from(new RandomStream(1, 'x').normals(6));
    const logits = async (path: string): Promise<Float64Array> => {
      const { directory, layers } = await adopt([path], { architecture });
      expect(layers.map(({ from }) => from)).toEqual(['a', 'b']);
      return exactOutput(loadModels(directory, [1], 1)[0]!, x);
    };
    expect(await logits(file(averaged))).toEqual(await logits(file(own)));
  });
});
