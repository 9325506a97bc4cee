/** `basin train --fork`: children become runs of the catalog that can be compared, or the reason is told. */
import { rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunRow } from '../../src-shared/api.ts';
import { basin, basinJson, temporaryFolder } from '../support/cli.ts';

const root = temporaryFolder();
const here = ['--workspace', join(root, 'workspace')];
const parent = join(root, 'parent');

interface Forked {
  parent: string;
  epoch: number;
  children: { run_directory: string; forked_from: { epoch: number; child: number; run: string } }[];
}

beforeAll(async () => {
  const small = ['dataset.val_split=0.9', 'num_models=2', 'seed=1', 'model.hidden_dim=8'];
  const short = ['training.num_epochs=2', 'training.save_every=1'];
  await basinJson(['train', 'standard-small', ...small, ...short, '--out', parent, ...here]);
}, 120_000);
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

test(
  'two children of a run are runs of their own, and a pair to interpolate',
  { timeout: 120_000 },
  async () => {
    const found = await basinJson<Forked>(['train', '--fork', parent, '--epoch', '1', 'seed=4', ...here]);
    expect(found).toMatchObject({ parent, epoch: 1 });
    const children = found.children.map(({ run_directory: run }) => run);
    expect(children.map((run) => basename(run))).toEqual(['parent-fork1-1', 'parent-fork1-2']);
    const parents = new Set(found.children.map(({ forked_from: { run } }) => run));
    expect(parents.size).toBe(1);
    const listed = await basinJson<RunRow[]>(['runs', ...here]);
    expect(listed.map(({ path }) => path)).toEqual(expect.arrayContaining(children));
    const checkpoints = children.map((run) => `${run}/checkpoint_epoch_2_model_1.safetensors`);
    const asked = ['--checkpoints', checkpoints.join(), '--splits', 'test', '--steps', '2'];
    const line = await basinJson<{ distance: number }>(['run', 'interpolate', ...asked, ...here]);
    expect(line.distance).toBeGreaterThan(0);
    // Names that are taken are passed over.
    const one = ['train', '--fork', parent, '--epoch', '0', '--children', '1', 'seed=4', ...here];
    const again = [await basinJson<Forked>(one), await basinJson<Forked>(one)];
    expect(again.map(({ children: [child] }) => basename(child!.run_directory))).toEqual([
      'parent-fork0-1',
      'parent-fork0-2',
    ]);
  },
);

test.each([
  [['--fork', parent], 2, /--epoch/],
  [['standard-small', '--epoch', '1'], 2, /--fork/],
  [['--fork', parent, '--epoch', '1', '--data-dir', root], 2, /its parent/],
  [['--fork', root, '--epoch', '1'], 1, /no config\.yaml/],
  [['--fork', parent, '--epoch', '9'], 1, /epoch 9 was not saved.*the epochs 0, 1, 2/s],
  [['--fork', parent, '--epoch', '1', 'optimization_seed=4'], 2, /all 2 children .* same order.*seed=N/s],
  [['--fork', parent, '--epoch', '1', 'optimizer.lr=1'], 1, /optimizer\.lr: a fork shares/],
])('%j is refused', async (words, code, message) => {
  const outcome = await basin(['train', ...words, ...here]);
  expect([outcome.code, outcome.stdout]).toEqual([code, '']);
  expect(outcome.stderr).toMatch(message);
});

test(
  '--longer continues a run in a new one, says what the learning rate does, and refuses what cannot be',
  { timeout: 120_000 },
  async () => {
    const asked = ['train', '--longer', parent, '--to-epoch', '3', ...here];
    const { code, stdout, stderr } = await basin([...asked, '--json']);
    expect([code, stderr]).toEqual([0, expect.stringMatching(/from epoch 2\. The learning rate stays at/)]);
    const result = JSON.parse(stdout) as { run_directory: string; epochs: number };
    expect([basename(result.run_directory), result.epochs]).toEqual(['parent-to3', 3]);
    for (const [words, status, message] of [
      [['--longer', parent], 2, /--to-epoch K/],
      [['--to-epoch', '3'], 2, /--longer RUN/],
      [['--longer', parent, '--to-epoch', '2'], 1, /trained up to epoch 2 already/],
      [['--longer', parent, '--to-epoch', '3', 'seed=1'], 2, /keeps the settings/],
      [['--longer', root, '--to-epoch', '3'], 1, /no config\.yaml/],
    ] as const) {
      const refused = await basin(['train', ...words, ...here]);
      expect([refused.code, refused.stdout]).toEqual([status, '']);
      expect(refused.stderr).toMatch(message);
    }
  },
);
