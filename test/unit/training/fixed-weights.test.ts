/** sigma_F and the number of fixed weights, given once for all layers: in the weights, not only in the config. */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { readConfig, resolveChain } from '../../../src-shared/config.ts';
import type { TrainResult } from '../../../src-shared/jobs/train.ts';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import { train } from '../../../src-main/compute/training/train.ts';
import { openCheckpoint } from '../../../src-main/formats/checkpoint.ts';
import { loadTrainingConfig } from '../../../src-main/formats/presets.ts';
import { readRunDirectory } from '../../../src-main/formats/run-directory.ts';

const root = mkdtempSync(join(tmpdir(), 'basin-fixed-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let count = 0;
let directory = '';
beforeEach(() => {
  directory = join(root, `run-${++count}`);
});

async function run(preset: string, overrides: string[]): Promise<TrainResult> {
  const config = { ...loadTrainingConfig(preset, overrides) };
  const context = {
    backend: () => loadBackend(),
    signal: new AbortController().signal,
    emit: () => undefined,
  };
  return train({ run: directory, resume: false, config }, context);
}

function bytesOf(epoch: number): Map<string, Buffer> {
  const files = readdirSync(directory).filter((name) => name.includes(`_epoch_${epoch}_`));
  return new Map(files.map((name) => [name, readFileSync(join(directory, name))]));
}

describe('sigma_f and num_fixed for all layers', () => {
  const short = [
    'model.hidden_dim=8',
    'num_models=2',
    'seed=5',
    'training.num_epochs=1',
    'dataset.val_split=0.95',
  ];

  function tensors(epoch: number): Map<string, Float32Array> {
    const file = openCheckpoint(join(directory, `checkpoint_epoch_${epoch}_model_2.safetensors`));
    try {
      return new Map([...file.tensors].map(([name, tensor]) => [name, tensor.readFloat32()]));
    } finally {
      file.close();
    }
  }

  it('are in the weights, the config and the result of a W-asymmetric run', async () => {
    const result = await run('w-asymmetric-small', [...short, 'sigma_f=0.5', 'num_fixed=3']);
    expect(result).toMatchObject({ sigma_f: [0.5, 0.5, 0.5, 0.5], num_fixed: [3, 3, 3, 3] });
    const spec = resolveChain(readConfig(readRunDirectory(directory).config));
    expect(spec.layers.map(({ sigmaF, numFixed }) => [sigmaF, numFixed])).toEqual(Array(4).fill([0.5, 3]));
    const start = tensors(0);
    for (const { index, inputs, outputs } of spec.layers) {
      const mask = start.get(`lins.${index}.mask`)!;
      const normal = start.get(`lins.${index}.normal_mask`)!;
      const weight = start.get(`lins.${index}.weight`)!;
      for (let row = 0; row < outputs; row++) {
        const fixed = [...mask.subarray(row * inputs, (row + 1) * inputs).keys()].filter(
          (k) => mask[row * inputs + k] === 0,
        );
        expect(fixed).toHaveLength(3);
        // Before the first step the fixed entries hold sigma_F times the normal draw.
        for (const k of fixed)
          expect(weight[row * inputs + k]).toBe(Math.fround(0.5 * normal[row * inputs + k]!));
      }
    }
  });

  it.each([
    ['w-asymmetric-small', ['mask_constant=0.5', 'num_fixed=3'], ['sigma_f=0.5', 'num_fixed=3']],
    ['syre-small', ['mask_constant=0.5'], ['sigma_f=0.5']],
  ])(
    'train the same weights and losses of %s as layer by layer, and other ones than without',
    async (preset, single, all) => {
      const layers = [0, 1, 2, 3].flatMap((i) =>
        single.map((o) => `model.mask_params.linear_mask_params_${i}.${o}`),
      );
      const one = await run(preset, [...short, ...layers]);
      const weights = bytesOf(1);
      directory += '-all';
      const two = await run(preset, [...short, ...all]);
      expect(bytesOf(1)).toEqual(weights);
      expect(two.test_loss).toEqual(one.test_loss);
      directory += '-without';
      const three = await run(preset, [...short, ...all.filter((o) => !o.startsWith('sigma_f'))]);
      expect(three.test_loss).not.toEqual(one.test_loss);
      expect(three.sigma_f).toEqual([1, 1, 1, 1]);
    },
  );
});
