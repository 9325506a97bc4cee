/** The catalog from the terminal: import, runs, groups, results, figures, training and what comes of it. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Group, Job, ResultRow, RunRow } from '../../src-shared/api.ts';
import { basin, basinJson, digitsFolder, temporaryFolder } from '../support/cli.ts';
import { copyRun } from '../support/bad-checkpoints.ts';
import { resnetRun } from '../support/resnet-runs.ts';

const root = temporaryFolder();
const here = ['--workspace', join(root, 'workspace')];
const runs = join(root, 'old runs');

beforeAll(() => {
  for (const name of ['sym0', 'sym1_kappa1']) copyRun(name, runs);
  mkdirSync(join(runs, 'broken'));
  writeFileSync(join(runs, 'broken', 'config.yaml'), 'model: [unclosed');
  writeFileSync(join(runs, 'broken', 'checkpoint_epoch_1_model_1.pt'), 'no checkpoint');
});
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

describe('import', () => {
  test('adds what is there, names what is broken, and changes nothing the second time', async () => {
    interface Imported {
      runs: number;
      broken: { path: string; reason: string }[];
      changes: { added: number; unchanged: number };
    }
    const first = await basinJson<Imported>(['import', runs, ...here]);
    expect(first.changes.added).toBeGreaterThanOrEqual(2);
    expect(first.broken.map((found) => found.path).join(' ')).toContain(join(runs, 'broken'));
    const second = await basinJson<Imported>(['import', runs, ...here]);
    expect(second.changes).toMatchObject({ added: 0, unchanged: first.changes.added });
  });

  test('of a folder that is not there fails by name', async () => {
    const outcome = await basin(['import', join(root, 'nowhere'), ...here]);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toMatch(/nowhere/);
  });
});

describe('runs', () => {
  test('are renamed, tagged, put away, removed and brought back', async () => {
    await basinJson(['import', runs, ...here]);
    await basinJson(['runs', 'rename', 'sym0', 'baseline', ...here]);
    await basinJson(['runs', 'tag', 'baseline', '--add', 'paper,draft', ...here]);
    await basinJson(['runs', 'star', 'baseline', ...here]);
    const [baseline] = await basinJson<RunRow[]>(['runs', 'baseline', ...here]);
    expect(baseline).toMatchObject({ title: 'baseline', tags: ['draft', 'paper'], starred: true });
    const spaced = await basin(['runs', 'tag', 'baseline', '--add', 'two words', ...here]);
    expect([spaced.code, spaced.stderr]).toEqual([1, expect.stringMatching(/one word of letters/)]);
    await basinJson(['runs', 'archive', 'baseline', ...here]);
    const listed = await basin(['runs', ...here]);
    expect(listed.stdout).not.toContain('baseline');
    expect(listed.stderr).toContain('1 archived, not listed: add --archived.');
    await basinJson(['runs', 'remove', 'baseline', ...here]);
    const trash = await basinJson<RunRow[]>(['runs', 'trash', ...here]);
    expect(trash.map(({ name }) => name)).toEqual(['baseline']);
    const unknown = await basin(['runs', 'restore', 'basline', ...here]);
    expect(unknown.stderr).toMatch(/no run "basline" in the trash.*baseline/);
    await basinJson(['runs', 'restore', 'baseline', ...here]);
    await basinJson(['runs', 'unarchive', 'baseline', ...here]);
    await basinJson(['runs', 'rename', 'baseline', ...here]);
    expect((await basin(['runs', ...here])).stdout).toMatch(/sym0 .*★ draft paper/);
  });

  test('are listed and filtered', async () => {
    const all = await basinJson<RunRow[]>(['runs', ...here]);
    expect(all.map((run) => run.name)).toEqual(expect.arrayContaining(['sym0', 'sym1_kappa1']));
    const wide = await basinJson<RunRow[]>(['runs', 'family=w-asymmetric', ...here]);
    expect(wide.map((run) => run.name)).toEqual(['sym1_kappa1']);
    const text = await basin(['runs', ...here]);
    expect(text.stdout).toMatch(/sym1_kappa1\s+W-asymmetric\s+1\s+mnist/);
  });

  test('one that does not exist is refused with its near miss', async () => {
    const outcome = await basin(['runs', 'show', 'sym1_kapa1', ...here]);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toMatch(/sym1_kapa1.*"sym1_kappa1"/);
  });
});

describe('groups', () => {
  const keys = async (...args: string[]): Promise<string[]> =>
    (await basinJson<{ groups: Group[] }>(['groups', ...args, ...here])).groups.map((group) => group.key);

  test('are made, renamed, undone and exported as Python', async () => {
    expect(await keys('add', 'mine', 'sym0', 'sym1_kappa1')).toEqual(['mine']);
    expect(await keys('rename', 'mine', 'yours')).toEqual(['yours']);
    expect(await keys('undo')).toEqual(['mine']);
    const python = await basin(['groups', 'export', ...here]);
    expect(python.stdout).toContain(join(runs, 'sym0'));
    expect(await keys('remove', 'mine')).toEqual([]);
  });

  test('say so if a run is added that they have already', async () => {
    await keys('add', 'mine', 'sym0', 'sym1_kappa1');
    const members = async (): Promise<unknown> =>
      (await basinJson<{ groups: Group[] }>(['groups', 'list', ...here])).groups[0]!.members;
    const before = await members();
    const again = await basin(['groups', 'add', 'mine', 'sym0', ...here]);
    expect(again.code).toBe(0);
    expect(again.stderr).toContain('mine already has sym0; nothing changed');
    expect(await members()).toEqual(before);
    expect(await keys('remove', 'mine')).toEqual([]);
  });

  test('are of the architecture of their runs', { timeout: 120_000 }, async () => {
    const other = ['--workspace', join(root, 'residual')];
    await basinJson(['import', resnetRun('resnet_sym0'), join(runs, 'sym0'), ...other]);
    const { groups } = await basinJson<{ groups: Group[] }>([
      'groups',
      'add',
      'deep',
      'resnet_sym0',
      ...other,
    ]);
    expect(groups).toMatchObject([{ key: 'deep', architecture: 'resnet' }]);
    const mixed = await basin(['groups', 'add', 'both', 'resnet_sym0', 'sym0', ...other]);
    expect([mixed.code, mixed.stderr]).toEqual([
      2,
      expect.stringMatching(/several architectures: resnet, mlp.*--architecture/s),
    ]);
  });
});

describe('training', () => {
  const run = join(root, 'trained', 'run');
  const small = ['num_models=2', 'training.num_epochs=2', 'training.save_every=1', 'seed=5'];

  test('writes a run directory that the catalog knows and the other commands take', async () => {
    const trained = await basinJson<{ run_directory: string; models: number; test_accuracy: number[] }>([
      'train',
      'syre-small',
      ...small,
      '--out',
      run,
      ...here,
    ]);
    expect(trained).toMatchObject({ run_directory: run, models: 2 });
    expect(trained.test_accuracy).toHaveLength(2);
    expect(readdirSync(run)).toEqual(
      expect.arrayContaining([
        'config.yaml',
        'checkpoint_epoch_2_model_1.safetensors',
        'checkpoint_epoch_2_model_2.safetensors',
      ]),
    );
    const row = (await basinJson<RunRow[]>(['runs', ...here])).find((found) => found.path === run);
    expect(row).toMatchObject({ origin: 'trained', state: 'ready', family: 'syre' });
    const curve = await basinJson<{ test_accuracy: number[] }>([
      'run',
      'interpolate',
      '--run',
      run,
      '--epoch',
      '2',
      ...here,
    ]);
    expect(curve.test_accuracy).toHaveLength(9);
    expect(curve.test_accuracy[0]).toBeCloseTo(trained.test_accuracy[0]!, 6);
  });

  test('never writes over a run, and says how to go on with it', async () => {
    const before = readFileSync(join(run, 'config.yaml'), 'utf8');
    const outcome = await basin(['train', 'syre-small', ...small, '--out', run, ...here]);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toMatch(/--resume/);
    expect(readFileSync(join(run, 'config.yaml'), 'utf8')).toBe(before);
  });

  test('Ctrl-C stops it, --resume ends with the very same weights', async () => {
    const [straight, broken] = [join(root, 'straight'), join(root, 'broken-off')];
    const long = ['num_models=2', 'training.num_epochs=10', 'training.save_every=1', 'seed=5'];
    await basinJson(['train', 'standard-small', ...long, '--out', straight, ...here]);
    const stopped = await basin(['train', 'standard-small', ...long, '--out', broken, ...here], {
      started: (kill) => {
        const watch = setInterval(() => {
          if (!existsSync(join(broken, 'checkpoint_epoch_1_model_2.safetensors'))) return;
          clearInterval(watch);
          kill('SIGINT');
        }, 20);
      },
    });
    expect(stopped.code).toBe(130);
    const resumed = await basinJson<{ resumed_from: number }>(['train', '--resume', broken, ...here]);
    expect(resumed.resumed_from).toBeGreaterThanOrEqual(1);
    for (const model of [1, 2]) {
      const name = `checkpoint_epoch_10_model_${model}.safetensors`;
      expect(readFileSync(join(broken, name)).equals(readFileSync(join(straight, name)))).toBe(true);
    }
  });
});

describe('results', () => {
  test('are listed, drawn, exported and removed', async () => {
    const [result] = await basinJson<ResultRow[]>(['results', 'interpolate', ...here]);
    const figures = ['svg', 'pdf', 'png'].map((format) => join(root, `figure.${format}`));
    await basinJson(['figure', result!.id, '--out', ...figures, '--theme', 'screen-light', ...here]);
    expect(figures.every((path) => existsSync(path))).toBe(true);
    expect(readFileSync(figures[0]!, 'utf8')).toMatch(/^<svg|^<\?xml/);
    const draw = async (...flags: string[]) => {
      const drawing = ['figure', result!.id, '--format', 'svg', ...flags, ...here];
      return (await basinJson<{ figures: string[] }>(drawing, { cwd: root })).figures;
    };
    const own = join(root, 'interpolation.svg');
    expect(await draw()).toEqual([own]);
    expect(await draw('--title', 'another')).toEqual([join(root, 'interpolation-2.svg')]);
    expect(readFileSync(own, 'utf8')).not.toContain('another');
    expect(await draw('--title', 'another', '--force')).toEqual([own]);
    expect(readFileSync(own, 'utf8')).toContain('another');
    await basinJson(['export', result!.id, '--out', join(root, 'result.json'), ...here]);
    expect(JSON.parse(readFileSync(join(root, 'result.json'), 'utf8'))).toBeTypeOf('object');
    await basinJson(['results', 'remove', result!.id, ...here]);
    expect(await basinJson<ResultRow[]>(['results', 'interpolate', ...here])).toEqual([]);
  });

  test('an unknown one is refused', async () => {
    const outcome = await basin(['results', 'show', 'nothing', ...here]);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toMatch(/"nothing"/);
  });
});

describe('jobs and doctor', () => {
  test('every job is remembered with how it ended', async () => {
    const jobs = await basinJson<Job[]>(['jobs', ...here]);
    expect(new Set(jobs.map((job) => job.kind))).toEqual(new Set(['import', 'train', 'interpolate']));
    expect(jobs.filter((job) => job.state === 'cancelled')).toHaveLength(1);
  });

  test('doctor names the back end and a run whose folder is gone', async () => {
    rmSync(join(runs, 'sym0'), { recursive: true });
    const outcome = await basin(['doctor', ...here]);
    expect(outcome.stdout).toMatch(/back end: (tensorflow|wasm|cpu) [\d.]+.*\n(.*\n)+.*GFLOP\/s/);
    expect(outcome.stdout).toMatch(/sym0 is missing/);
    expect(outcome.code).toBe(1);
  });

  test('--params takes what the flags take, and refuses what they do not know', async () => {
    const params = join(root, 'params.yaml');
    writeFileSync(
      params,
      `run: ${join(runs, 'sym1_kappa1')}\nmodels: [1, 2]\nepoch: 5\nsplits: [test]\ndata: { dataDir: ${digitsFolder} }\n`,
    );
    const found = await basinJson<{ lambdas: number[] }>([
      'run',
      'interpolate',
      '--params',
      params,
      '--steps',
      '4',
      ...here,
    ]);
    expect(found.lambdas).toHaveLength(5);
    writeFileSync(params, 'stepz: 4\n');
    const outcome = await basin(['run', 'interpolate', '--params', params, ...here]);
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toMatch(/"stepz".*"steps"/);
  });
});
