/** A real Slurm of two nodes: what fails, dies and is killed on the way, and in the end every result once. */
import { existsSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Job } from '../../src-shared/api.ts';
import type { Engine } from '../../src-main/engine/index.ts';
import { slurmSettingsSchema, type SlurmSettings } from '../../src-shared/slurm.ts';
import { workerEntry } from '../../src-shared/worker-protocol.ts';
import { basin, basinJson } from '../support/cli.ts';
import { startSlurm, whyNoSlurm, type Slurm } from '../support/slurm.ts';
import { expectedWeights, weightsIn } from './support/pretend-train.ts';
import { newFolder, refusal, testEngine } from './support/workspace.ts';

const tasks = 64;
const long = { timeout: 900_000 };

const name = whyNoSlurm === undefined ? 'Slurm' : `Slurm: NOT TESTED HERE: ${whyNoSlurm}`;

describe.skipIf(whyNoSlurm !== undefined)(name, () => {
  let slurm: Slurm;
  const before = { ...process.env };

  beforeAll(async () => {
    slurm = await startSlurm();
    Object.assign(process.env, slurm.env, { BASIN_SETUP_DONE: '1' });
  });
  afterAll(async () => {
    process.env = before;
    await slurm.stop();
  });

  const settings = (more: Partial<SlurmSettings> = {}): SlurmSettings =>
    slurmSettingsSchema.parse({ poll: 0.3, ...more });

  const submit = (engine: Engine, runs: object[], more: Partial<SlurmSettings> = {}): Promise<Job[]> => {
    const jobs = runs.map((params) => ({ kind: 'train', params }));
    return engine.call('jobs.submitOnSlurm', { jobs, settings: settings(more) });
  };

  const runOf = (workspace: string, i: number): string => join(workspace, 'runs', `run-${i}`);
  const states = async (engine: Engine): Promise<string[]> =>
    (await engine.call('jobs.list', {})).map(({ state }) => state);
  const arrays = (workspace: string): string[] =>
    readdirSync(join(workspace, 'slurm')).filter((name) => name.startsWith('basin-'));

  test(
    `${tasks} tasks with failures and a node that dies: every result is there, none twice`,
    long,
    async () => {
      const workspace = newFolder();
      const engine = await testEngine(workspace);
      // Scripts of some late tasks are killed before Basin starts; each once.
      const setup = [
        `case $SLURM_ARRAY_TASK_ID in 40|48|56)`,
        `mkdir ${workspace}/killed-$SLURM_ARRAY_TASK_ID 2>/dev/null && kill -9 $$;;`,
        `esac`,
      ];
      const jobs = await engine.call('jobs.submitOnSlurm', {
        settings: settings({ setup }),
        jobs: Array.from({ length: tasks }, (_, i) => ({
          kind: 'train',
          params: { run: runOf(workspace, i), epochs: 3, ms: 200, ...(i % 11 === 5 && { dieAfter: 1 }) },
        })),
      });
      expect(jobs).toHaveLength(tasks);
      // In the way of one run's folder until it is removed.
      writeFileSync(runOf(workspace, 30), '');

      await expect.poll(() => states(engine)).toContain('done');
      // So that it cuts off a task that has only just begun.
      const onNode = ['-h', '-r', '-w', 'n2', '-t', 'RUNNING', '-o', '%M'];
      await expect.poll(async () => (await slurm.ask('squeue', onNode)).split('\n')).toContain('0:00');
      slurm.killNode('n2');
      const isRequeued = (line: string): boolean => line.endsWith('|BeginTime');
      const ended = Promise.all(jobs.map(({ id }) => engine.wait(id)));
      let over = false;
      void ended.finally(() => (over = true));
      const requeued = new Set<string>();
      while (!over) {
        // After a node has failed Slurm waits for two minutes before it starts its tasks again.
        const lines = (await slurm.ask('squeue', ['-h', '-r', '-o', '%F_%K|%r'])).trim().split('\n');
        for (const line of lines.filter(isRequeued)) {
          const [task] = line.split('|');
          requeued.add(task!);
          await slurm.ask('scontrol', ['update', `JobId=${task}`, 'StartTime=now']);
        }
        await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 500))]);
      }
      expect(requeued.size).toBeGreaterThan(0);

      const failed = (await ended).filter(({ state }) => state !== 'done');
      const indexOf = ({ params }: Job): number => Number(/\d+$/.exec((params as { run: string }).run)![0]);
      expect(failed.map(indexOf).sort((a, b) => a - b)).toEqual([30, 40, 48, 56]);
      expect(failed.find((job) => indexOf(job) === 48)!.error).toMatch(
        /ended on n\d as FAILED without a result/,
      );
      expect(failed.find((job) => indexOf(job) === 30)!.error).toContain('run-30');

      rmSync(runOf(workspace, 30));
      const known = arrays(workspace);
      for (const { id } of failed) await engine.call('jobs.retry', { jobId: id });
      const again = await Promise.all(failed.map(({ id }) => engine.wait(id)));
      expect(again.map(({ state, error }) => error ?? state)).toEqual(Array(4).fill('done'));
      expect(arrays(workspace).filter((name) => !known.includes(name))).toHaveLength(0);

      const results = await engine.call('results.list', { kind: 'train' });
      expect(results).toHaveLength(tasks);
      expect(new Set(results.map(({ jobId }) => jobId)).size).toBe(tasks);
      for (let i = 0; i < tasks; i++) expect(weightsIn(runOf(workspace, i), 3)).toBe(expectedWeights(3));
      expect(existsSync(join(workspace, 'killed-48'))).toBe(true);
      slurm.startNode('n2');
    },
  );

  test('a task that Slurm stops resumes from its last checkpoint, in another array', long, async () => {
    const workspace = newFolder();
    const engine = await testEngine(workspace);
    const run = runOf(workspace, 1);
    const [job] = await submit(engine, [{ run, epochs: 4, ms: 3000 }]);
    await expect.poll(() => existsSync(join(run, 'checkpoint_epoch_1_model_1.safetensors'))).toBe(true);
    const [first] = arrays(workspace);
    const number = readFileSync(join(workspace, 'slurm', first!, 'slurm-id'), 'utf8').trim();
    // As before the time limit: only to the script.
    await slurm.ask('scancel', ['--batch', '--signal=TERM', `${number}_0`]);
    expect(await engine.wait(job!.id)).toMatchObject({ state: 'done', attempt: 2 });
    const [result] = await engine.call('results.list', { kind: 'train' });
    const { data } = await engine.call('results.get', { resultId: result!.id });
    expect((data as { resumed_from: number }).resumed_from).toBeGreaterThan(0);
    expect(weightsIn(run, 4)).toBe(expectedWeights(4));
    const log = await engine.call('jobs.log', { jobId: job!.id });
    expect(log.filter((line) => line.startsWith('submitted to Slurm: task '))).toHaveLength(2);
    expect(log.join('\n')).toContain('Slurm told the task to stop before its end');
    await expect.poll(() => arrays(workspace)).toEqual([]);
  });

  test(
    'cancelled jobs leave the cluster, whether they wait or run; one can be tried again',
    long,
    async () => {
      const workspace = newFolder();
      const engine = await testEngine(workspace);
      const all = [1, 2, 3].map((i) => ({ run: runOf(workspace, i), epochs: 3, ms: 5000 }));
      const jobs = await submit(engine, all, { simultaneous: 1 });
      await expect.poll(() => states(engine)).toContain('running');
      expect((await states(engine)).filter((state) => state === 'queued')).toHaveLength(2);
      await Promise.all(jobs.map(({ id }) => engine.call('jobs.cancel', { jobId: id })));
      expect(await states(engine)).toEqual(Array(3).fill('cancelled'));
      await expect.poll(() => slurm.ask('squeue', ['-h', '-r'])).toBe('');
      await engine.call('jobs.retry', { jobId: jobs[2]!.id });
      expect((await engine.wait(jobs[2]!.id)).state).toBe('done');
      expect(weightsIn(runOf(workspace, 3), 3)).toBe(expectedWeights(3));
      expect(existsSync(join(runOf(workspace, 2), 'config.yaml'))).toBe(false);
    },
  );

  test('what Slurm refuses is an error in its own words, and leaves nothing', long, async () => {
    const workspace = newFolder();
    const engine = await testEngine(workspace);
    const asked = submit(engine, [{ run: runOf(workspace, 1) }], { partition: 'nowhere' });
    expect(await refusal(asked)).toMatch(/sbatch: .*invalid partition/i);
    expect(await engine.call('jobs.list', {})).toEqual([]);
    expect(arrays(workspace)).toEqual([]);
    const questions = [{ kind: 'import', params: { paths: [workspace] } }];
    const catalog = engine.call('jobs.submitOnSlurm', { jobs: questions, settings: settings() });
    expect(await refusal(catalog)).toContain('import is not computed on a cluster');
  });

  test(
    'a result with matrices is kept as any other, and the same question is not computed again',
    long,
    async () => {
      const workspace = newFolder();
      const engine = await testEngine(workspace);
      const question = { kind: 'table', params: { n: 4 } };
      const ask = () =>
        engine.call('jobs.submitOnSlurm', { jobs: [question, question], settings: settings() });
      const [first, second] = await ask();
      expect(second!.id).toBe(first!.id);
      const { state, resultId } = await engine.wait(first!.id);
      expect(state).toBe('done');
      const matrix = await engine.call('results.matrix', { resultId: resultId!, name: 'layers.0.products' });
      expect(Array.from(matrix.data).slice(4, 8)).toEqual([2, 4, 6, 8]);
      expect((await ask())[0]).toMatchObject({ state: 'done', cached: true, resultId });
    },
  );

  test(
    'kill -9 of the engine in the middle of a sweep: the next engine resumes it, nothing twice',
    long,
    async () => {
      const workspace = newFolder();
      writeFileSync(join(workspace, 'basin.yaml'), 'slurm:\n  cpus: 1\n  poll: 0.3\n');
      const small = ['training.num_epochs=2', 'model.hidden_dim=8', '--grid', 'seed=1-3', '--seeds', '2'];
      const asked = [
        'sweep',
        'standard-small',
        ...small,
        '--then',
        'interpolate',
        '--name',
        's',
        '--on',
        'slurm',
      ];
      const own = ['--workspace', workspace];
      const killed = await basin([...asked, ...own], {
        timeoutMs: 200_000,
        started: (kill) => {
          const watch = setInterval(() => {
            if (!existsSync(join(workspace, 'runs', 's', 'seed=1', 'config.yaml'))) return;
            clearInterval(watch);
            kill('SIGKILL');
          }, 20);
        },
      });
      expect(killed.code).toBe(137);
      const jobs = await basinJson<Job[]>(['jobs', ...own]);
      expect(jobs.map(({ kind }) => kind)).toEqual(Array(3).fill('train'));

      // Nobody asks for it: whatever opens the workspace finds that it was at work.
      const next = await testEngine(workspace, { kinds: [], worker: { entry: workerEntry } });
      const sweep = () => next.call('sweeps.get', { name: 's' });
      await expect.poll(async () => (await sweep()).active, { timeout: 200_000, interval: 500 }).toBe(false);
      expect(await sweep()).toMatchObject({ trained: 3, complete: 3, failed: 0 });
      await next.close();

      const done = await basin([...asked, ...own], { timeoutMs: 200_000 });
      expect(done.stderr).toContain('Drawn by');
      expect(done.stdout.match(/ trained$/gm)).toHaveLength(3);
      const results = await basinJson<{ kind: string; jobId: string }[]>(['results', ...own]);
      expect(results.map(({ kind }) => kind).sort()).toEqual([
        ...Array(3).fill('interpolate'),
        ...Array(3).fill('train'),
      ]);
      const trained = results.filter(({ kind }) => kind === 'train').map(({ jobId }) => jobId);
      expect(trained.sort()).toEqual(jobs.map(({ id }) => id).sort());
      // The command found nothing to do.
      const all = await basinJson<Job[]>(['jobs', ...own]);
      // Whether there was something left to hash in the background depends on who was faster.
      expect(all.filter(({ kind }) => kind !== 'hash').map(({ attempt }) => attempt)).toEqual(
        Array(6).fill(1),
      );
      expect(arrays(workspace)).toEqual([]);
    },
  );

  test(
    'train and run from the command line; --detach leaves the job to whoever looks next',
    long,
    async () => {
      const workspace = newFolder();
      writeFileSync(join(workspace, 'basin.yaml'), 'slurm:\n  poll: 0.3\n');
      const own = ['--on', 'slurm', '--workspace', workspace];
      const tiny = ['--starts', '8', '--samples', '20'];
      const result = await basinJson<{ seed: number }>([
        'run',
        'skip-connections',
        '--seed',
        '5',
        ...tiny,
        ...own,
      ]);
      expect(result.seed).toBe(5);

      const run = join(workspace, 'runs', 'r');
      const train = ['train', 'standard-small', 'training.num_epochs=1', 'model.hidden_dim=8', '--out', run];
      const { jobs } = await basinJson<{ jobs: Job[] }>([...train, '--detach', ...own]);
      expect(jobs).toHaveLength(1);
      const engine = await testEngine(workspace, { kinds: [], worker: { entry: workerEntry } });
      expect(await engine.wait(jobs[0]!.id)).toMatchObject({ kind: 'train', state: 'done' });
      expect((await engine.call('runs.list', {})).map(({ path }) => path)).toEqual([realpathSync(run)]);
    },
  );
});
