/** What goes out to PyTorch and comes back in, from the terminal. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ResultRow } from '../../src-shared/api.ts';
import { openCheckpoint } from '../../src-main/formats/checkpoint.ts';
import { copyRun } from '../support/bad-checkpoints.ts';
import { basin, basinJson, temporaryFolder } from '../support/cli.ts';

const root = temporaryFolder();
const here = ['--workspace', join(root, 'workspace')];

beforeAll(async () => {
  copyRun('sym0', join(root, 'runs'));
  await basinJson(['import', join(root, 'runs'), ...here]);
});
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

test('a run goes out as .pt and comes back with equal tensors', async () => {
  const out = join(root, 'exported');
  const args = ['export', 'sym0', '--format', 'pt', '--out', out, '--models', '1', '--epochs', '5'];
  const { files } = await basinJson<{ files: string[] }>([...args, ...here]);
  expect(files).toEqual(['checkpoint_epoch_5_model_1.pt']);
  const read = (path: string) => {
    const checkpoint = openCheckpoint(path);
    const tensors = [...checkpoint.tensors].map(([name, tensor]) => [name, tensor.readFloat32()]);
    checkpoint.close();
    return tensors;
  };
  expect(read(join(out, files[0]!))).toEqual(read(join(root, 'runs', 'sym0', files[0]!)));
  const again = await basin([...args, ...here]);
  expect(again.code).toBe(1);
  expect(again.stderr).toMatch(/already holds a run/);
});

test('merge writes a run that can be measured like any other', async () => {
  const directory = join(root, 'merged');
  const merge = ['run', 'merge', '--run', join(root, 'runs', 'sym0'), '--models', '1,2', '--epoch', '5'];
  const { files } = await basinJson<{ files: string[] }>([
    ...[...merge, '--align', 'weight', '--restarts', '1', '--directory', directory],
    ...here,
  ]);
  const imported = await basinJson<{ runs: number; checkpoints: number }>(['import', directory, ...here]);
  expect([files.length, imported.runs, imported.checkpoints]).toEqual([1, 1, 1]);
});

test('an analysis goes out as one zip and comes back', async () => {
  const run = [
    'run',
    'match-weights',
    '--run',
    join(root, 'runs', 'sym0'),
    '--models',
    '1,2',
    '--epoch',
    '5',
  ];
  await basinJson([...run, '--restarts', '1', ...here]);
  const zip = join(root, 'analysis.zip');
  expect(await basinJson(['export', '--out', zip, ...here])).toMatchObject({ path: zip });
  const other = ['--workspace', join(root, 'other')];
  const text = await basin(['import', zip, ...other]);
  expect(text.stderr).toBe('');
  expect(text.stdout).toMatch(/analysis\.zip: an analysis archive with \d+ results/);
  const kinds = (await basinJson<ResultRow[]>(['results', ...other])).map(({ kind, origin }) => [
    kind,
    origin,
  ]);
  expect(kinds).toContainEqual(['match-weights', 'imported']);
});

test('weights without a config are named for what they are; other files are refused by name', async () => {
  const weights = join(root, 'net.pt');
  writeFileSync(weights, readFileSync(join(root, 'runs', 'sym0', 'checkpoint_epoch_5_model_1.pt')));
  const { recognised } = await basinJson<{ recognised: { what: string }[] }>(['import', weights, ...here]);
  expect(recognised[0]!.what).toMatch(/standard MLP 784-64-64-64-10.*basin run adopt/);
  const directory = join(root, 'adopted');
  await basinJson([
    'run',
    'adopt',
    '--paths',
    weights,
    '--activation',
    'gelu',
    '--directory',
    directory,
    ...here,
  ]);
  expect(existsSync(join(directory, 'config.yaml'))).toBe(true);
});

test('--out that fits nothing is wrong usage', async () => {
  for (const args of [
    ['sym0', '--out', 'x.tar'],
    ['--out', 'x.json'],
    ['a', 'b', '--out', 'x.csv'],
  ]) {
    const outcome = await basin(['export', ...args, ...here]);
    expect(outcome.code, args.join(' ')).toBe(2);
  }
});
