/** Weights without a config: what is told from names and shapes, and the run that is made of them. */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import { loadModels } from '../../../src-main/compute/load-models.ts';
import type { MlpSpec } from '../../../src-shared/model.ts';
import { describeStateDict } from '../../../src-main/interop/adopt/state-dict-files.ts';
import { recogniseStateDict } from '../../../src-main/interop/adopt/state-dicts.ts';
import { openCheckpoint } from '../../../src-main/formats/checkpoint.ts';
import { writeSafetensors } from '../../../src-main/formats/safetensors.ts';
import type { TensorValue } from '../../../src-main/formats/tensor.ts';
import { tuple } from '../../../src-main/formats/torch/tree.ts';
import type { WritableTree } from '../../../src-main/formats/torch/tree.ts';
import { writeTorchFile } from '../../../src-main/formats/torch/write-torch.ts';
import { fixturePath } from '../../support/fixtures.ts';
import { job } from '../../support/job.ts';

const folder = mkdtempSync(join(tmpdir(), 'basin-adopt-'));
let count = 0;
const fresh = (): string => join(folder, `run-${++count}`);

/** The weights of a fixture as asymmetric-networks keeps them: fixed entries written into `weight`. */
function weightsOf(run: string, model: number, sigma?: number): Map<string, TensorValue> {
  const checkpoint = openCheckpoint(fixturePath(`runs/${run}/checkpoint_epoch_5_model_${model}.pt`));
  const tensors = new Map<string, TensorValue>();
  for (const [name, tensor] of checkpoint.tensors)
    tensors.set(name, {
      dtype: 'float32',
      shape: [...tensor.shape],
      data: tensor.readFloat32() as Float32Array<ArrayBuffer>,
    });
  checkpoint.close();
  for (let i = 0; sigma !== undefined && i < 4; i++) {
    const data = (name: string): Float32Array => tensors.get(`lins.${i}.${name}`)!.data as Float32Array;
    const [weight, mask, normal] = [data('weight'), data('mask'), data('normal_mask')];
    for (let k = 0; k < weight.length; k++) if (mask[k] === 0) weight[k] = sigma * normal[k]!;
  }
  return tensors;
}

interface Adopted {
  directory: string;
  files: string[];
  architecture: string;
  notes: string[];
}
const adopt = (paths: string[], more: object = {}): Promise<Adopted> =>
  job<Adopted>('adopt', { paths, directory: fresh(), ...more });

const reference = (run: string, model: number) =>
  loadModels(join(fixturePath(`runs/${run}/config.yaml`), '..'), [model], 5)[0]!.acting;

describe('adopt', () => {
  it('asymmetric-networks: W-asymmetric weights with a test accuracy; sigma_F read off the masked entries', async () => {
    const paths = [1, 2].map((model) => {
      const path = join(folder, `net-${model}.pt`);
      writeTorchFile(path, tuple<WritableTree>(weightsOf('sym1_kappa1', model, 1), 97.5));
      return path;
    });
    expect(describeStateDict(paths[0]!)).toMatch(/w-asymmetric MLP 784-64-64-64-10 .*norm layer/);
    const { directory, architecture, notes, files } = await adopt(paths, { activation: 'gelu', epoch: 24 });
    expect(files).toEqual(['checkpoint_epoch_24_model_1.pt', 'checkpoint_epoch_24_model_2.pt']);
    expect(architecture).toContain('w-asymmetric MLP 784-64-64-64-10');
    expect(notes[0]).toMatch(/lins\.0: fixed weight scale 1,/);
    const models = loadModels(directory, [1, 2], 24);
    expect(models[0]!.acting).toEqual(reference('sym1_kappa1', 1));
    expect(models[1]!.acting).toEqual(reference('sym1_kappa1', 2));
    const { model } = parse(readFileSync(join(directory, 'config.yaml'), 'utf8')) as {
      model: Record<string, unknown>;
    };
    expect(model).toMatchObject({
      symmetry: 1,
      mask_params: {
        linear_mask_params_0: { mask_constant: 1, num_fixed: 16 },
        linear_mask_params_3: { num_fixed: 32 },
      },
    });
  });

  it('weights whose masked entries hold no scale need it given', async () => {
    const path = join(folder, 'raw.pt');
    const raw = weightsOf('sym1_kappa0', 1);
    (raw.get('lins.0.weight')!.data as Float32Array).fill(0.25);
    writeTorchFile(path, raw);
    await expect(adopt([path], { activation: 'gelu' })).rejects.toThrow(/sigmaF: .*lins\.0/);
    const { directory } = await adopt([path], { activation: 'gelu', sigmaF: [0] });
    const { layers } = loadModels(directory, [1], 1)[0]!.spec as MlpSpec;
    expect(layers.map(({ sigmaF }) => sigmaF)).toEqual([0, 0, 0, 0]);
  });

  it('safetensors under other names, wrapped by DataParallel', async () => {
    const path = join(folder, 'plain.safetensors');
    const names: Record<string, string> = {
      'lins.0': 'fc1',
      'lins.1': 'fc2',
      'lins.2': 'fc3',
      'lins.3': 'head',
    };
    const own = weightsOf('sym0', 2);
    const plain = [...own].map(([name, tensor]) => {
      const [, module = '', field = ''] = /^(\w+\.\d+)\.(\w+)$/.exec(name)!;
      return [`module.${names[module] ?? module.replace('norms.', 'ln')}.${field}`, tensor] as const;
    });
    writeSafetensors(path, new Map(plain));
    await expect(adopt([path])).rejects.toThrow(/activation/);
    // ln0 may stand on either side of the activation behind fc1: only the person knows.
    await expect(adopt([path], { activation: 'gelu' })).rejects.toThrow(
      /do not say whether norms come before activations/,
    );
    const told = { activation: 'gelu', normPosition: 'before-activation', format: 'safetensors' };
    const { directory, notes } = await adopt([path], told);
    expect(loadModels(directory, [1], 1)[0]!.acting).toEqual(reference('sym0', 2));
    expect(notes[0]).toContain('"module."');
  });

  it('sigma-asymmetric weights bring their gates and need no activation', async () => {
    const path = join(folder, 'sigma.pt');
    writeTorchFile(path, weightsOf('sym2', 1));
    const { directory } = await adopt([path]);
    expect(loadModels(directory, [1], 1)[0]!.acting).toEqual(reference('sym2', 1));
  });

  it('models of two architectures make no run', async () => {
    const paths = ['sym0', 'sym2'].map((run) => {
      const path = join(folder, `mixed-${run}.pt`);
      writeTorchFile(path, weightsOf(run, 1));
      return path;
    });
    await expect(adopt(paths, { activation: 'gelu' })).rejects.toThrow(/a different architecture/);
  });
});

describe('recogniseStateDict', () => {
  const dict = (shapes: Record<string, number[]>) =>
    recogniseStateDict(new Map(Object.entries(shapes).map(([name, shape]) => [name, { shape }])));

  it.each([
    [
      { 'conv1.weight': [16, 3, 3, 3], 'conv1.mask': [16, 3, 3, 3], 'conv1.normal_mask': [16, 3, 3, 3] },
      /convolutional.*W-asymmetric/,
    ],
    [{ 'nonlin1.F_mat': [16, 16, 1, 1], 'conv1.weight': [16, 3, 3, 3] }, /convolutional.*F_mat/],
    [{ 'a.weight': [5, 4], 'a.bias': [5], 'b.weight': [3, 6], 'b.bias': [3] }, /chain/],
    [{ 'rnn.weight_hh': [4, 4] }, /weight_hh/],
  ])('%j is named for what it is', (shapes, reason) => {
    const found = dict(shapes as unknown as Record<string, number[]>);
    expect(found).toMatchObject({ kind: 'other', reason: expect.stringMatching(reason) });
  });
});
