/** `--groups` and `--epochs` on every kind about runs: one job for each run, one table, and failures that stop nothing else. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BatchDocument } from '../../src-main/cli/batch.ts';
import { basin, basinJson, temporaryFolder } from '../support/cli.ts';
import { fixturePath, fixtureRun } from '../support/fixtures.ts';

const workspace = temporaryFolder();
afterAll(() => {
  rmSync(workspace, { recursive: true, force: true });
});

const own = ['--workspace', workspace];
const data = ['--data', 'mnist-10k', '--split-file', fixturePath('golden/data_split.json')];
const lines = ['--models', '1,2', '--splits', 'test', '--steps', '2', ...data, ...own];

beforeAll(async () => {
  // The second run has no checkpoints of epoch 1.
  await basinJson(['import', fixtureRun('sym0'), fixtureRun('sym1_kappa0'), ...own]);
  await basinJson(['groups', 'add', 'free', 'sym0', ...own]);
  await basinJson(['groups', 'add', 'masked', 'sym1_kappa0', ...own]);
}, 60_000);

const statesOf = ({ results }: BatchDocument) =>
  results.map(({ group, run, epoch, state }) => [group, run, epoch, state]);

test(
  'interpolate: epochs are parts of one job per run; adding one measures only the missing one',
  { timeout: 240_000 },
  async () => {
    const asked = ['run', 'interpolate', '--groups', 'free,masked', '--epochs', '0,5', ...lines];
    const found = await basinJson<BatchDocument>(asked);
    expect(statesOf(found)).toEqual([
      ['free', 'sym0', null, 'done'],
      ['masked', 'sym1_kappa0', null, 'done'],
    ]);
    const [first] = found.results;
    expect(first!.result).toMatchObject({ pairs: [{ epoch: 0 }, { epoch: 5 }] });
    const one = await basin([...asked.with(5, '0,1,5').with(3, 'all')]);
    expect(one.code).toBe(1);
    expect(one.stderr).toContain('masked: sym1_kappa0: failed:');
    expect(one.stderr).toMatch(/has no checkpoint of epoch 1 of models 1, 2; it has epochs 0, 5/);
    expect(one.stderr).toContain('sym0: 2 of 3 epochs were already measured.');
    expect(one.stderr).toMatch(/1 of 2 could not be measured: masked: sym1_kappa0/);
    const rows = one.stdout.split('\n').filter((line) => /sym0|sym1_kappa0/.test(line));
    expect(
      rows.map((row) =>
        row
          .trim()
          .split(/\s{2,}/)
          .slice(0, 4),
      ),
    ).toEqual([
      ['free', 'sym0', '0', '1'],
      ['free', 'sym0', '1', '1'],
      ['free', 'sym0', '5', '1'],
      ['masked', 'sym1_kappa0', 'failed'],
    ]);
    expect(one.stdout).toContain('accuracy drop (test)');
    const figure = join(workspace, 'barriers.svg');
    const drawn = await basinJson<{ recipe: { kind: string } }>([
      ...['figure', first!.resultId!, found.results[1]!.resultId!, '--out', figure, ...own],
    ]);
    expect(drawn.recipe).toMatchObject({
      kind: 'barrier-over-epochs',
      data: { panels: [{ series: [{ label: 'sym0' }, { label: 'sym1_kappa0' }] }] },
    });
    expect(readFileSync(figure, 'utf8')).toContain('Test accuracy drop');
  },
);

test(
  'kinds of one epoch: a job for each run and epoch; what is known is not measured again',
  { timeout: 240_000 },
  async () => {
    const asked = ['run', 'match-weights', '--groups', 'all', '--restarts', '1', '--models', '1,2', ...own];
    const out = join(workspace, 'all.json');
    const found = await basin([...asked, '--epochs', '5,1', '--out', out]);
    expect(found.code).toBe(1);
    expect(found.stdout).toContain('distance aligned');
    const document = JSON.parse(readFileSync(out, 'utf8')) as BatchDocument;
    expect(document).toMatchObject({ kind: 'match-weights', done: 3, failed: 1, cancelled: 0 });
    const again = await basinJson<BatchDocument>([...asked, '--epochs', '5,0']);
    expect(statesOf(again)).toEqual([
      ['free', 'sym0', 5, 'cached'],
      ['free', 'sym0', 0, 'done'],
      ['masked', 'sym1_kappa0', 5, 'cached'],
      ['masked', 'sym1_kappa0', 0, 'done'],
    ]);
    expect(again.results[0]!.result).toEqual(document.results[0]!.result);
    const single = await basinJson<BatchDocument>([
      ...['run', 'match-weights', '--run', fixtureRun('sym0'), '--epochs', '5', '--restarts', '1'],
      ...['--models', '1,2', ...own],
    ]);
    expect(statesOf(single)).toEqual([[null, 'sym0', 5, 'cached']]);
    const merged = join(workspace, 'merged');
    await basinJson(
      ['run', 'merge', '--groups', 'all', '--epoch', '5', '--models', '1,2'].concat([
        '--directory',
        merged,
        ...own,
      ]),
    );
    expect(['sym0', 'sym1_kappa0'].map((name) => existsSync(join(merged, name)))).toEqual([true, true]);
  },
);

test(
  'kinds that take several epochs themselves: one job per run, from a file of params too',
  { timeout: 240_000 },
  async () => {
    const params = join(workspace, 'params.yaml');
    writeFileSync(params, 'groups: [free, masked]\nepochs: [0, 5]\nmodels: [1]\nlayers: [lins.1]\n');
    const found = await basinJson<BatchDocument>([
      'run',
      'subspace-coherence',
      '--params',
      params,
      ...data,
      ...own,
    ]);
    expect(found.results.map(({ result }) => (result as unknown[]).length)).toEqual([2, 2]);
    const all = ['run', 'subspace-coherence', '--epochs', 'all', '--models', '1', '--layers', 'lins.1'];
    const rows = await basinJson<{ epoch: number }[]>([...all, '--run', fixtureRun('sym0'), ...data, ...own]);
    expect(rows.map(({ epoch }) => epoch)).toEqual([0, 1, 5]);
    const table = await basin([...all, '--groups', 'masked', ...data, ...own]);
    expect(table.code).toBe(0);
    expect(table.stdout).toContain('mean coherence');
  },
);

test(
  'Ctrl-C cancels the job at work and those to come, and keeps what is done',
  { timeout: 240_000 },
  async () => {
    const asked = ['run', 'match-weights', '--run', fixtureRun('sym0'), '--restarts', '1000', ...own];
    let watch: NodeJS.Timeout | undefined;
    const stopped = await basin([...asked, '--epochs', '0,5,1', '--json'], {
      timeoutMs: 200_000,
      started: (kill, stderr) => {
        watch = setInterval(() => {
          if (!stderr().includes('2 of 3')) return;
          clearInterval(watch);
          kill('SIGINT');
        }, 20);
      },
    });
    clearInterval(watch);
    expect(stopped.code).toBe(130);
    expect(statesOf(JSON.parse(stopped.stdout) as BatchDocument)).toEqual([
      [null, 'sym0', 0, 'done'],
      [null, 'sym0', 5, 'cancelled'],
      [null, 'sym0', 1, 'cancelled'],
    ]);
    const after = await basinJson<BatchDocument>([...asked, '--epochs', '0']);
    expect(statesOf(after)).toEqual([[null, 'sym0', 0, 'cached']]);
  },
);

const interpolate = ['run', 'interpolate'];
test.each([
  [
    'a group that is not there',
    [...interpolate, '--groups', 'maskd', '--epoch', '5'],
    1,
    'There is no group "maskd". Did you mean "masked"?',
  ],
  [
    'a run and groups',
    [...interpolate, '--groups', 'free', '--run', '/r', '--epoch', '5'],
    2,
    '--groups replaces --run',
  ],
  [
    'files and groups',
    [...interpolate, '--groups', 'free', '--checkpoints', '/a'],
    2,
    '--groups replaces --checkpoints',
  ],
  [
    'one epoch and several',
    ['run', 'merge', '--groups', 'free', '--epoch', '5', '--epochs', '0', '--directory', '/d'],
    2,
    '--epochs replaces --epoch',
  ],
  [
    'files and epochs',
    [...interpolate, '--checkpoints', '/a', '--epochs', '0'],
    2,
    '--epochs has no meaning',
  ],
  ['epochs of nothing', ['run', 'similarity', '--epochs', '0'], 2, '--epochs needs --run or --groups'],
  ['groups without an epoch', [...interpolate, '--groups', 'free'], 2, 'the epoch is needed'],
  [
    'a table of several results',
    [...interpolate, '--groups', 'all', '--epoch', '5', '--out', '/tmp/x.parquet'],
    2,
    'expected a .json file',
  ],
])('refuses %s', async (_what, args, code, message) => {
  const outcome = await basin([...args, ...own]);
  expect(outcome.stderr).toContain(message);
  expect(outcome.code).toBe(code);
});
