/** Paths on the command line as people have them: commas in folders, quotes, addresses, links; groups of nothing. */
import { cpSync, mkdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { basin, basinJson, temporaryFolder } from '../support/cli.ts';
import { fixturePath } from '../support/fixtures.ts';

const workspace = temporaryFolder();
const lab = realpathSync(temporaryFolder());
const own = ['--workspace', workspace];
const folders = ['optimizer.lr=0.001,seed=1', "widths=[16, 16],note='#1 50% done'"];
const first = 'checkpoint_epoch_5_model_1.pt';

beforeAll(() => {
  for (const [i, name] of folders.entries()) {
    mkdirSync(join(lab, 'runs', name), { recursive: true });
    for (const file of ['config.yaml', `checkpoint_epoch_5_model_${i + 1}.pt`])
      cpSync(fixturePath(`runs/sym0/${file}`), join(lab, 'runs', name, file.replace(/model_2/, 'model_1')));
  }
  symlinkSync(join(lab, 'runs'), join(lab, 'home'));
});
afterAll(() => {
  for (const folder of [workspace, lab]) rmSync(folder, { recursive: true, force: true });
});

test('checkpoints in folders with commas are a list, as text and as JSON', { timeout: 240_000 }, async () => {
  const paths = folders.map((name) => join(lab, 'runs', name, first));
  const asked = ['run', 'interpolate', '--steps', '1', '--splits', 'test', '--data', 'mnist-10k', ...own];
  for (const text of [paths.join(','), JSON.stringify(paths)]) {
    const result = await basinJson<Record<string, unknown>>([...asked, '--checkpoints', text]);
    expect(result).toMatchObject({ checkpoint_path_1: paths[0], checkpoint_path_2: paths[1] });
  }
  const missing = await basin([...asked, '--checkpoints', `${paths[0]},gone/${first}`]);
  expect([missing.code, missing.stderr]).toEqual([
    2,
    expect.stringContaining(`gone/${first} does not exist`),
  ]);
  expect(missing.stderr).toContain(`'["a,b","c"]'`);
});

test(
  'folders are found as they are typed, and groups through links; none of nothing',
  { timeout: 240_000 },
  async () => {
    const [a, b] = folders.map((name) => join(lab, 'runs', name));
    const words = await basin(['import', ` "${a}" `, pathToFileURL(b!).href, ...own]);
    expect([words.code, words.stdout]).toEqual([0, expect.stringContaining('2 runs with 2 checkpoints')]);
    const again = await basinJson<{ changes: object }>(['import', join(lab, 'home'), ...own]);
    expect(again.changes).toMatchObject({ added: 0, unchanged: 2 });

    const file = join(lab, 'dirs.py');
    writeFileSync(file, 'D = {"mlp": {"x": "/nowhere/at/all"}}\n');
    const none = await basin(['groups', 'import', file, ...own]);
    expect([none.code, none.stderr]).toEqual([
      1,
      expect.stringContaining('None of the folders is in the catalog: /nowhere/at/all'),
    ]);
    expect(await basinJson(['groups', ...own])).toMatchObject({ groups: [] });

    writeFileSync(
      file,
      `BASE = "home"\nD = {"mlp": {"x": f"{BASE}/optimizer.lr=0.001,seed=1", "y": "/gone"}}\n`,
    );
    const some = await basin(['groups', 'import', ` ${file}`, ...own]);
    expect(some.code).toBe(0);
    expect(some.stderr).toContain('not in the catalog, left out: /gone');
    expect(some.stderr).toContain('mlp/y has no runs: the group was not made');
    const { groups } = await basinJson<{ groups: { key: string; members: unknown[] }[] }>(['groups', ...own]);
    expect(groups.map(({ key, members }) => [key, members.length])).toEqual([['x', 1]]);
    const added = await basin(['groups', 'add', 'z', join(lab, 'home', folders[1]!), ...own]);
    expect(added.code).toBe(0);
  },
);
