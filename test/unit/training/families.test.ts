/** Training networks of the families of `model.family`: F and D stay as they are, and resuming is exact. */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CancelledError } from '../../../src-shared/errors.ts';
import type { TrainResult } from '../../../src-shared/jobs/train.ts';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import { loadModels } from '../../../src-main/compute/load-models.ts';
import { train } from '../../../src-main/compute/training/train.ts';
import { loadTrainingConfig } from '../../../src-main/formats/presets.ts';
import { writeSafetensors } from '../../../src-main/formats/safetensors.ts';
import type { TensorValue } from '../../../src-main/formats/tensor.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';

const root = mkdtempSync(join(tmpdir(), 'basin-train-families-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const quick = [
  ...['dataset.val_split=0.95', 'model.hidden_dim=8', 'num_models=2', 'seed=5'],
  ...['training.num_epochs=2', 'training.save_every=1'],
];

const file = join(root, 'fd.safetensors');
function writeGiven(): void {
  const stream = new RandomStream(3, 'given');
  const tensor = (shape: number[], of: () => number): TensorValue => ({
    ...{ dtype: 'float32', shape },
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, of),
  });
  const normal = () => stream.normal();
  writeSafetensors(
    file,
    new Map([
      ['lins.0.weight.D', tensor([8, 784], () => (stream.uniform() < 0.5 ? 0 : 1))],
      ['lins.0.weight.F', tensor([8, 784], () => 0.03 * normal())],
      ['lins.2.bias.F', tensor([8], normal)],
      ['lins.2.bias.D', tensor([8], () => (stream.uniform() < 0.5 ? 0 : 1))],
    ]),
  );
}

/** @param stopAfter an epoch after whose last checkpoint the training is stopped */
async function run(
  directory: string,
  overrides: string[] | 'resume',
  stopAfter?: number,
): Promise<TrainResult> {
  const stopper = new AbortController();
  const config =
    overrides === 'resume' ? {} : { config: { ...loadTrainingConfig('standard-small', overrides) } };
  return train(
    { run: directory, resume: overrides === 'resume', ...config },
    {
      backend: () => loadBackend(),
      signal: stopper.signal,
      emit: (event) => {
        if (event.type === 'checkpoint' && event.epoch === stopAfter && event.model === 2) stopper.abort();
      },
    },
  );
}

function weights(directory: string): Map<string, Buffer> {
  const names = readdirSync(directory).filter((name) => name.includes('_epoch_2_'));
  return new Map(names.map((name) => [name, readFileSync(join(directory, name))]));
}

describe.each([
  ['linear-residual', '{name: linear-residual, alpha: 1}', /F = 1 I on lins\.1, lins\.2/],
  ['sparse', '{name: sparse, share: 0.5}', /392 of 784, 4 of 8/],
  ['bias-only', '{name: bias-only, sigma_f: 2}', /biases only/],
  ['given', `{name: given, file: ${file}}`, /F and D of lins\.0\.weight .*F and D of lins\.2\.bias/],
])('%s', (family, section, text) => {
  it('leaves F, D and what D hides as they are, moves the rest, and resumes to the bit without the file', async () => {
    if (family === 'given') writeGiven();
    const overrides = [...quick, `model.family=${section}`];
    const [straight, broken] = [join(root, `${family}-straight`), join(root, `${family}-broken`)];
    const result = await run(straight, overrides);
    expect(result).toMatchObject({ family, fixed_part: expect.stringMatching(text) as string });
    const [before, after] = [0, 2].map((epoch) => loadModels(straight, [1], epoch)[0]!);
    let fixed = 0;
    for (const [name, { data }] of before!.state) {
      const moved = after!.state.get(name)!.data;
      if (/\.[FD]$/.test(name)) {
        fixed++;
        expect(Array.from(moved)).toEqual(Array.from(data));
        continue;
      }
      expect([name, data.some((value, k) => value !== moved[k])]).toEqual([name, true]);
      const d = before!.state.get(`${name}.D`)?.data;
      if (d) expect(moved.every((value, k) => d[k] === 1 || value === 0)).toBe(true);
    }
    expect(fixed).toBeGreaterThan(1);

    await expect(run(broken, overrides, 1)).rejects.toThrow(CancelledError);
    if (family === 'given') {
      expect(readFileSync(join(broken, 'config.yaml'), 'utf8')).toMatch(/sha256: [0-9a-f]{64}/);
      rmSync(file);
    }
    const resumed = await run(broken, 'resume');
    expect(resumed.resumed_from).toBe(1);
    expect(weights(broken)).toEqual(weights(straight));
  }, 120_000);
});
