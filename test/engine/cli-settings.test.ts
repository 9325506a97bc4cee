/** Settings on the command line: they reach the weights, or are refused with exit code 2; data under their own name. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { openCheckpoint } from '../../src-main/formats/checkpoint.ts';
import { allIdxFiles } from '../../src-main/formats/data-sets.ts';
import { basin, basinJson, digitsFolder, temporaryFolder } from '../support/cli.ts';
import { fixtureRun } from '../support/fixtures.ts';

const root = temporaryFolder();
const here = ['--workspace', join(root, 'workspace')];
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

const small = ['training.num_epochs=0', 'num_models=1', 'seed=1', 'model.hidden_dim=16'];
let count = 0;
const fresh = (): string => join(root, `run-${count++}`);

interface Trained {
  run_directory: string;
  sigma_f: number[];
  num_fixed: number[];
  data: { name: string; origin: string };
}

async function refused(...args: string[]): Promise<string> {
  const out = fresh();
  const { code, stdout, stderr } = await basin(['train', ...args, '--out', out, '--json', ...here]);
  expect([code, stdout, existsSync(out)]).toEqual([2, '', false]);
  return stderr;
}

/** sigma_F of a layer as its first checkpoint has it: the fixed entries hold sigma_F times the normal draw. */
function savedScale(run: string, layer: number): number {
  const file = openCheckpoint(join(run, 'checkpoint_epoch_0_model_1.safetensors'));
  try {
    const read = (name: string) => file.tensors.get(`lins.${layer}.${name}`)!.readFloat32();
    const [weight, mask, normal] = [read('weight'), read('mask'), read('normal_mask')];
    const fixed = [...mask.keys()].filter((i) => mask[i] === 0);
    const squares = (values: Float32Array) => fixed.reduce((sum, i) => sum + values[i]! ** 2, 0);
    return Math.sqrt(squares(weight) / squares(normal));
  } finally {
    file.close();
  }
}

describe('basin train', { timeout: 120_000 }, () => {
  test('sigma_f=0.5 is 0.5 in the weights of every layer, and recorded', async () => {
    const run = await basinJson<Trained>([
      ...['train', 'w-asymmetric-small', ...small, 'sigma_f=0.5', 'num_fixed=3', '--out', fresh(), ...here],
    ]);
    expect(run).toMatchObject({ sigma_f: [0.5, 0.5, 0.5, 0.5], num_fixed: [3, 3, 3, 3] });
    for (const layer of [0, 1, 2, 3]) expect(savedScale(run.run_directory, layer)).toBeCloseTo(0.5, 6);
    const { model } = parse(readFileSync(join(run.run_directory, 'config.yaml'), 'utf8')) as {
      model: { mask_params: Record<string, { mask_constant: number; num_fixed: number }> };
    };
    for (const entry of Object.values(model.mask_params)) {
      expect(entry).toMatchObject({ mask_constant: 0.5, num_fixed: 3 });
    }
  });

  test('what would change nothing is refused with exit code 2 and the reason', async () => {
    expect(await refused('w-asymmetric-small', 'model.mask_params.default.mask_constant=5')).toMatch(
      /linear_mask_params_0\.mask_constant=1.*sigma_f=VALUE/,
    );
    expect(await refused('standard-small', 'sigma_f=0.5')).toMatch(/standard networks .* no fixed weights/);
    expect(await refused('syre-small', 'num_fixed=12')).toMatch(/SYRE/);
    expect(await refused('w-asymmetric-small', 'num_fixed=64')).toMatch(/layer 1: num_fixed is 64/);
    expect(await refused('standard-small', 'training.early_stopping.patience=3')).toMatch(
      /early_stopping\.enabled is not true/,
    );
    expect(await refused('standard-small', 'hydra.run.dir=/tmp/x')).toMatch(/--out DIR/);
    expect(await refused('standard-small', '--data-dir', join(root, 'typo'))).toMatch(
      /typo: there is no such data folder/,
    );
    expect(await refused('standard-small', '--data-dir', root, `dataset.data_dir=${root}`)).toMatch(
      /set the same thing/,
    );
  });

  test("a file of Hydra's that is put together from others points at the preset of its name", async () => {
    const file = join(root, 'mlp_symmetry1_kappa1_noInterpolation.yaml');
    writeFileSync(file, 'defaults:\n  - base\n  - _self_\nmodel:\n  symmetry: 1\n');
    expect(await refused(file)).toMatch(/composed from other files.*`basin train mlp_symmetry1_kappa1`/s);
  });
});

describe('data', { timeout: 120_000 }, () => {
  const own = join(root, 'own');
  const fashion = join(root, 'data', 'FashionMNIST', 'raw');
  for (const folder of [own, fashion]) {
    mkdirSync(folder, { recursive: true });
    for (const file of allIdxFiles) {
      const [header, size] = file.includes('images') ? [16, 784] : [8, 1];
      const bytes = gunzipSync(readFileSync(join(digitsFolder, `${file}.gz`))).subarray(
        0,
        header + 60 * size,
      );
      bytes.writeUInt32BE(60, 4);
      writeFileSync(join(folder, file), bytes);
    }
  }

  test('emnist is refused by name, and mnist does not take FashionMNIST', async () => {
    expect(await refused('standard-small', 'dataset.name=emnist', '--data-dir', own)).toMatch(
      /cannot read EMNIST yet/,
    );
    const out = fresh();
    const outcome = await basin([
      'train',
      'standard-small',
      ...small,
      'dataset=mnist',
      '--data-dir',
      join(root, 'data'),
      '--out',
      out,
      ...here,
    ]);
    expect(outcome.stderr).toMatch(/holds FashionMNIST, not mnist/);
    expect([outcome.code, existsSync(out)]).toEqual([1, false]);
  });

  test('digits of no known set are recorded and shown as what they are, and analysed as such', async () => {
    const run = await basinJson<Trained>([
      ...[
        'train',
        'standard-small',
        ...small,
        'dataset=mnist',
        'num_models=2',
        '--data-dir',
        own,
        '--out',
        fresh(),
        ...here,
      ],
    ]);
    expect(run.data).toMatchObject({
      name: expect.stringMatching(/^idx-[0-9a-f]{8}$/) as string,
      origin: own,
    });
    const { dataset } = parse(readFileSync(join(run.run_directory, 'config.yaml'), 'utf8')) as {
      dataset: { name: string; data_dir: string };
    };
    expect(dataset).toMatchObject({ name: run.data.name, data_dir: own });
    const ask = [
      'run',
      'interpolate',
      '--run',
      run.run_directory,
      '--epoch',
      '0',
      '--steps',
      '1',
      '--splits',
      'test',
    ];
    const before = await basinJson<{ test_loss: number[]; warnings: string[] }>([...ask, ...here]);
    expect(before.warnings).toEqual([]);
    // Other contents at the same place: no old result, no number under the old name.
    const labels = readFileSync(join(own, 't10k-labels-idx1-ubyte'));
    labels.fill(3, 8, 30);
    writeFileSync(join(own, 't10k-labels-idx1-ubyte'), labels);
    const after = await basin([...ask, ...here]);
    expect([after.code, after.stderr]).toEqual([1, expect.stringMatching(/have changed; they are now idx-/)]);
  });

  test('a folder alone is read for what it holds, which the result says', async () => {
    const ask = [
      'run',
      'interpolate',
      '--run',
      fixtureRun('sym0'),
      '--epoch',
      '5',
      '--steps',
      '1',
      '--splits',
      'test',
      '--models',
      '1,2',
    ];
    const [known, other] = [join(root, 'digits'), join(root, 'data')];
    mkdirSync(known);
    for (const file of allIdxFiles) copyFileSync(join(digitsFolder, `${file}.gz`), join(known, `${file}.gz`));
    const right = await basinJson<{ warnings: string[] }>([...ask, '--data-dir', known, ...here]);
    expect(right.warnings).toEqual([]);
    const wrong = await basinJson<{ warnings: string[] }>([...ask, '--data-dir', other, ...here]);
    expect(wrong.warnings.join()).toMatch(
      /trained on mnist; the numbers here are for idx-[0-9a-f]{8} \(IDX files in .*FashionMNIST/,
    );
    const named = await basin([...ask, '--data', 'mnist', '--data-dir', other, ...here]);
    expect([named.code, named.stderr]).toEqual([1, expect.stringMatching(/holds FashionMNIST, not mnist/)]);
  });
});
