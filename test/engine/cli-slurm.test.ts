/** `--on slurm` as far as it goes without a cluster: settings, scripts, refusals. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { confine } from '../../src-main/engine/confine.ts';
import { slurmSettingsSchema } from '../../src-shared/slurm.ts';
import { basin, basinJson } from '../support/cli.ts';
import { fakeSlurm, workingSlurm } from './support/fake-slurm.ts';
import { newFolder, refusal, testEngine } from './support/workspace.ts';

const long = { timeout: 600_000 };
const small = ['standard-small', 'training.num_epochs=1', 'model.hidden_dim=8'];

function place(text: string): { cwd: string; own: string[]; workspace: string } {
  const [cwd, workspace] = [newFolder(), newFolder()];
  writeFileSync(join(cwd, 'basin.yaml'), text);
  return { cwd, workspace, own: ['--on', 'slurm', '--workspace', workspace] };
}

describe('--on slurm', () => {
  test('a dry run prints the script of as many tasks as there are jobs, and submits nothing', async () => {
    const { cwd, own, workspace } = place('slurm: {partition: gpu, simultaneous: 2}');
    for (const [words, array] of [
      [['sweep', ...small, '--grid', 'seed=1-5'], '--array=0-4%2'],
      [['train', ...small], '--array=0-0%2'],
      [['run', 'skip-connections', '--starts', '8'], '--array=0-0%2'],
    ] as const) {
      const { script } = await basinJson<{ script: string }>([...words, '--dry-run', ...own], { cwd });
      for (const option of [array, '--partition=gpu']) expect(script).toContain(`#SBATCH ${option}\n`);
    }
    expect(existsSync(join(workspace, 'slurm'))).toBe(false);
    expect(await basinJson<unknown[]>(['jobs', '--workspace', workspace])).toEqual([]);
  });

  test.each([
    [['train', ...small, '--detach'], '--detach belongs to --on slurm'],
    [['train', ...small, '--dry-run'], '--dry-run belongs to --on slurm'],
    [['run', 'skip-connections', '--detach'], '--detach belongs to --on slurm'],
  ])('%j is a slip', async (words, message) => {
    const refused = await basin([...words, '--workspace', newFolder()]);
    expect(refused.stderr).toContain(message);
    expect(refused.code).toBe(2);
  });

  test('without basin.yaml, or without Slurm, it says what is missing', async () => {
    const { cwd, own } = place('slurm: {}');
    const elsewhere = await basin(['train', ...small, ...own], { cwd: newFolder() });
    expect(elsewhere.stderr).toContain('There is no basin.yaml in');
    const program = { PATH: newFolder() };
    const here = await basin(['run', 'skip-connections', '--starts', '8', ...own], { cwd, env: program });
    expect(here.stderr).toContain('sbatch: there is no such program here.');
    expect(here.stderr).toContain('the login node');
    expect(here.code).toBe(1);
  });

  test('a new sweep that Slurm refuses: its words, and nothing is left', async () => {
    const { cwd, own, workspace } = place('slurm: {partition: nowhere}');
    const slurm = fakeSlurm({ sbatch: 'cat > /dev/null; echo invalid partition >&2; exit 1' });
    const words = ['sweep', ...small, '--grid', 'seed=1-2', '--name', 's', ...own];
    const refused = await basin(words, { cwd, env: { PATH: slurm.path } });
    expect(refused.stderr).toContain('sbatch: invalid partition');
    expect(refused.code).toBe(1);
    expect(existsSync(join(workspace, 'runs', 's'))).toBe(false);
  });

  test.each([[[]], [['--detach']]])('Ctrl-C while sbatch works cancels what it takes %j', async (more) => {
    const { cwd, own } = place('slurm: {}');
    const slurm = fakeSlurm({ sbatch: 'cat > /dev/null; kill -INT $PPID; sleep 0.2; echo 7' });
    const words = ['run', 'skip-connections', '--starts', '8', ...more, ...own];
    const stopped = await basin(words, { cwd, env: { PATH: slurm.path } });
    expect(stopped.code).toBe(130);
    expect(slurm.calls('scancel')).toContainEqual(['--quiet', '7_0']);
    const jobs = await basinJson<{ state: string }[]>(['jobs', ...own.slice(2)]);
    expect(jobs.map(({ state }) => state)).toEqual(['cancelled']);
  });

  test(
    'one task of a sweep is cancelled: the rest is measured, then only what is missing',
    long,
    async () => {
      const { cwd, own } = place('slurm: {poll: 0.3}');
      const slurm = workingSlurm([0]);
      const words = [
        'sweep',
        ...small,
        '--grid',
        'seed=1-2',
        '--seeds',
        '2',
        '--then',
        'interpolate',
        ...own,
      ];
      const how = { cwd, env: { PATH: slurm.path }, timeoutMs: 250_000 };
      const first = await basin(words, how);
      expect(first.stderr).toContain('seed=1, training: cancelled');
      expect(first.stderr).toContain('1 of 2 runs did not succeed: seed=1.');
      expect(first.code).toBe(1);
      const kinds = async (): Promise<string[]> =>
        (await basinJson<{ kind: string }[]>(['results', ...own.slice(2)])).map(({ kind }) => kind).sort();
      expect(await kinds()).toEqual(['interpolate', 'train']);

      const second = await basin(words, how);
      expect(second.code).toBe(0);
      expect(await kinds()).toEqual(['interpolate', 'interpolate', 'train', 'train']);
      const arrays = slurm.calls('sbatch').map((call) => call.find((word) => word.startsWith('--array=')));
      expect(arrays).toEqual(['--array=0-1', '--array=0-0', '--array=0-0', '--array=0-0']);
    },
  );

  test('a window may not submit: settings of a cluster are commands', async () => {
    const workspace = newFolder();
    const engine = await testEngine(workspace);
    const window = confine(engine, workspace);
    const settings = slurmSettingsSchema.parse({ setup: ['touch /tmp/x'] });
    const asked = window.call('jobs.submitOnSlurm', { jobs: [{ kind: 'act', params: {} }], settings });
    expect(await refusal(asked)).toContain('cannot bring settings for Slurm');
    const own = { name: 's', on: { slurm: settings } };
    expect(await refusal(window.call('sweeps.resume', own))).toContain('cannot bring settings for Slurm');
    expect(await engine.call('jobs.list', {})).toEqual([]);
  });
});
