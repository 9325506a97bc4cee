/** Whatever is wrong with what a person gives: one message that names it, exit 1 or 2, no stack, nothing half-written. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import {
  copyRun,
  flipMaskEntry,
  nestedPickle,
  protoPickle,
  systemCallPickle,
  torchFile,
} from '../support/bad-checkpoints.ts';
import type { Outcome } from '../support/cli.ts';
import { basin, digitsFolder, temporaryFolder } from '../support/cli.ts';
import { fixtureRun } from '../support/fixtures.ts';

const root = temporaryFolder();
const workspace = join(root, 'workspace');
let folder = root;
let count = 0;
beforeEach(() => {
  folder = join(root, `case-${count++}`);
  mkdirSync(folder);
});
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

const first = 'checkpoint_epoch_5_model_1.pt';
const data = ['--data-dir', digitsFolder];

function interpolate(run: string, ...more: string[]): Promise<Outcome> {
  const selection = more.includes('--models') ? [] : ['--models', '1,2'];
  const epoch = more.includes('--epoch') ? [] : ['--epoch', '5'];
  const args = ['--run', run, ...selection, ...epoch, '--steps', '2', '--splits', 'test', ...data, ...more];
  return basin(['run', 'interpolate', ...args, '--json', '--workspace', workspace], { timeoutMs: 150_000 });
}

/** One failure, told well. */
function expectRefusal(outcome: Outcome, message: RegExp, codes: number[] = [1, 2]): void {
  expect(outcome.stderr).toMatch(message);
  expect(codes).toContain(outcome.code);
  expect(outcome.stdout).toBe('');
  expect(outcome.stderr).not.toMatch(/^\s+at .*(:\d+:\d+|<anonymous>)/m);
  expect(outcome.stderr).not.toMatch(/internal error|defect/);
  expect(outcome.stderr.match(/^basin: /gm)).toHaveLength(1);
}

/** The same run, its first checkpoint replaced by these bytes. */
function spoiltRun(bytes: Uint8Array): string {
  const run = copyRun('sym0', folder);
  writeFileSync(join(run, first), bytes);
  return run;
}

describe('checkpoints', () => {
  test('truncated', async () => {
    const run = copyRun('sym0', folder);
    truncateSync(join(run, first), 100_000);
    expectRefusal(await interpolate(run), /checkpoint_epoch_5_model_1\.pt/);
  });

  test('empty', async () => {
    expectRefusal(await interpolate(spoiltRun(new Uint8Array())), /checkpoint_epoch_5_model_1\.pt.*empty/);
  });

  test('a pickle that names os.system builds nothing', async () => {
    const marker = join(folder, 'marker');
    const run = spoiltRun(torchFile(systemCallPickle(marker)));
    expectRefusal(await interpolate(run), /checkpoint_epoch_5_model_1\.pt.*os\.system/);
    expect(existsSync(marker)).toBe(false);
  });

  test('nested 200,000 deep', async () => {
    expectRefusal(
      await interpolate(spoiltRun(torchFile(nestedPickle(200_000)))),
      /checkpoint_epoch_5_model_1\.pt/,
    );
  });

  test('__proto__ keys', async () => {
    expectRefusal(await interpolate(spoiltRun(torchFile(protoPickle()))), /checkpoint_epoch_5_model_1\.pt/);
  });

  test('wrong shapes', async () => {
    const run = copyRun('sym0', folder);
    const config = join(run, 'config.yaml');
    writeFileSync(config, readFileSync(config, 'utf8').replace('hidden_dim: 64', 'hidden_dim: 32'));
    expectRefusal(await interpolate(run), /checkpoint_epoch_5_model_1\.pt.*lins\.0\.weight/s);
  });

  test('an epoch and a model that do not exist', async () => {
    expectRefusal(await interpolate(fixtureRun('sym0'), '--epoch', '17'), /epoch 17/);
    expectRefusal(await interpolate(fixtureRun('sym0'), '--models', '1,9'), /model 9/);
  });

  test('a run directory that does not exist', async () => {
    expectRefusal(await interpolate(join(folder, 'nowhere')), /nowhere/);
  });
});

describe('pairs', () => {
  const pair = (a: string, b: string): Promise<Outcome> =>
    basin(
      [
        'run',
        'interpolate',
        '--checkpoints',
        `${a},${b}`,
        '--steps',
        '2',
        '--splits',
        'test',
        ...data,
        '--json',
        '--workspace',
        workspace,
      ],
      { timeoutMs: 150_000 },
    );

  test('of different architectures', async () => {
    expectRefusal(
      await pair(join(fixtureRun('sym0'), first), join(fixtureRun('sym2'), first)),
      /sym0.*sym2|sym2.*sym0/s,
    );
  });

  test('of different sigma_F', async () => {
    const [a, b] = [join(fixtureRun('sym1_kappa0'), first), join(fixtureRun('sym1_kappa1'), first)];
    expectRefusal(await pair(a, b), /sigma_F|σ_F|fixed/);
  });

  test('of different fixed entries', async () => {
    const run = copyRun('sym1_kappa1', folder);
    flipMaskEntry(join(run, first));
    expectRefusal(
      await interpolate(run),
      /model 1 of .*sym1_kappa1.*model 2 of .*sym1_kappa1.*lins\.0\.mask/,
    );
  });
});

describe('data', () => {
  test('a split file out of range', async () => {
    const file = join(folder, 'split.json');
    writeFileSync(file, JSON.stringify({ train_indices: [0, 1, 8000], val_indices: [2] }));
    expectRefusal(await interpolate(fixtureRun('sym0'), '--split-file', file), /split\.json.*8000/);
  });

  test('a split file that is none, or is missing', async () => {
    const file = join(folder, 'split.json');
    writeFileSync(file, '{"train_indices": "all"}');
    expectRefusal(await interpolate(fixtureRun('sym0'), '--split-file', file), /split\.json/);
    expectRefusal(await interpolate(fixtureRun('sym0'), '--split-file', join(folder, 'no.json')), /no\.json/);
  });

  test('a folder without the images', async () => {
    expectRefusal(await interpolate(fixtureRun('sym0'), '--data-dir', folder), /case-\d+/);
  });
});

describe('training', () => {
  const small = ['training.num_epochs=1', 'num_models=1', 'seed=1'];
  const train = (...args: string[]): Promise<Outcome> =>
    basin(['train', 'w-asymmetric-small', ...small, ...args, '--json', '--workspace', workspace], {
      timeoutMs: 150_000,
    });

  test('an unknown config key', async () => {
    const out = join(folder, 'run');
    expectRefusal(await train('optimizer.lrr=3', '--out', out), /optimizer\.lrr.*optimizer\.lr/);
    expect(existsSync(out)).toBe(false);
  });

  test('an unknown config key in a file, which is named', async () => {
    const config = join(folder, 'mine.yaml');
    writeFileSync(config, 'model:\n  symmetry: 0\n  hiden_dim: 8\n');
    const outcome = await basin(['train', config, '--workspace', workspace], { timeoutMs: 150_000 });
    expectRefusal(outcome, /mine\.yaml.*hiden_dim.*hidden_dim/s);
  });

  test('num_fixed not below the inputs', async () => {
    const out = join(folder, 'run');
    const fixed = 'model.mask_params.linear_mask_params_1.num_fixed=64';
    expectRefusal(await train(fixed, '--out', out), /num_fixed.*64.*inputs/);
    expect(existsSync(out)).toBe(false);
  });

  test('a preset that does not exist', async () => {
    const outcome = await basin(['train', 'mlp_symetry1_kappa1', '--workspace', workspace]);
    expectRefusal(outcome, /mlp_symetry1_kappa1.*mlp_symmetry1_kappa1/s);
  });

  test('a folder that cannot be written to', async () => {
    writeFileSync(join(folder, 'file'), '');
    expectRefusal(await train('--out', join(folder, 'file', 'run')), /file/);
    expect(readdirSync(folder)).toEqual(['file']);
  });
});

describe('usage', () => {
  test.each([
    [['run', 'interpolte'], /interpolte.*"interpolate"/],
    [['run', 'interpolate', '--mdels', '1,2'], /--mdels.*--models/s],
    [['run', 'interpolate', '--align', 'activations'], /--align.*activation/],
    [['run', 'interpolate', '--steps', '0.5'], /--steps.*whole number/],
    [['rnu'], /rnu.*"run"/],
    [['run', 'interpolate', '--out', 'x.txt', '--run', '.', '--epoch', '1'], /--out.*\.json/],
  ])('%j', async (args, message) => {
    expectRefusal(await basin([...args, '--workspace', workspace]), message, [2]);
  });

  test('an output file that cannot be written is refused before the work', async () => {
    writeFileSync(join(folder, 'file'), '');
    expectRefusal(
      await interpolate(fixtureRun('sym0'), '--out', join(folder, 'file', 'x.json')),
      /x\.json.*file/,
    );
  });
});
