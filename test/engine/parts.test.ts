/** Questions in parts: what was measured before a job was stopped is not measured again, and the result is the same. */
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Job } from '../../src-shared/api.ts';
import type { Engine } from '../../src-main/engine/index.ts';
import { makeCheckpoint, makeRun } from './support/make-runs.ts';
import { newFolder, runJob, testEngine } from './support/workspace.ts';

interface Setting {
  engine: Engine;
  workspace: string;
  params: { run: string; epochs: number[]; diary: string; [more: string]: unknown };
  /** Epochs that were computed, in order, over all jobs. */
  computed: () => number[];
}

async function setting(more: object = {}): Promise<Setting> {
  const workspace = newFolder();
  const epochs = [0, 1, 2, 3, 4, 5];
  const run = makeRun(newFolder(), { name: 'r', models: 1, epochs });
  const diary = join(newFolder(), 'diary');
  writeFileSync(diary, '');
  return {
    engine: await testEngine(workspace),
    workspace,
    params: { run, epochs, diary: `@${diary}`, ...more },
    computed: () => readFileSync(diary, 'utf8').split(' ').filter(Boolean).map(Number),
  };
}

/** The result with every matrix in place, as text. */
async function wholeOf(engine: Engine, job: Job): Promise<string> {
  expect(job).toMatchObject({ state: 'done' });
  const { data } = await engine.call('results.get', { resultId: job.resultId! });
  const rows = data as { epoch: number; squares: { $matrix: string } }[];
  const whole = [];
  for (const { epoch, squares } of rows) {
    const m = await engine.call('results.matrix', { resultId: job.resultId!, name: squares.$matrix });
    whole.push({ epoch, rows: m.rows, columns: m.columns, data: [...m.data] });
  }
  return JSON.stringify(whole);
}

async function provenanceOf(engine: Engine, job: Job): Promise<{ parts: { total: number; known: number } }> {
  return (await engine.call('results.get', { resultId: job.resultId! })).provenance as never;
}

/** What the same question gives in a workspace of its own, without interruption. */
async function undisturbed({ params }: Setting): Promise<string> {
  const { engine, params: fresh } = await setting();
  return wholeOf(engine, await runJob(engine, 'squares', { ...params, diary: fresh.diary }));
}

it('goes on after its worker was killed, by itself, without computing a part twice', async () => {
  const trap = join(newFolder(), 'trap');
  writeFileSync(trap, '');
  const here = await setting({ dieAt: 3, trap: `@${trap}` });
  const job = await runJob(here.engine, 'squares', here.params);
  expect(job).toMatchObject({ state: 'done', attempt: 2 });
  expect(here.computed()).toEqual([0, 1, 2, 3, 4, 5]);
  expect(await wholeOf(here.engine, job)).toBe(await undisturbed(here));
  expect(await provenanceOf(here.engine, job)).toMatchObject({
    parts: { unit: 'epochs', total: 6, known: 3 },
  });
  const log = await here.engine.call('jobs.log', { jobId: job.id });
  expect(log.join('\n')).toContain('3 of 6 epochs were already measured.');
});

it('goes on after a cancel, and another question takes over what it asks for too', async () => {
  const here = await setting({ ms: 700 });
  const { engine, params, computed } = here;
  const job = await engine.call('jobs.submit', { kind: 'squares', params });
  await expect.poll(() => computed().length).toBeGreaterThanOrEqual(2);
  const cancelled = await engine.call('jobs.cancel', { jobId: job.id });
  expect(cancelled).toMatchObject({ state: 'cancelled', resumable: true });
  const before = computed();
  await engine.call('jobs.retry', { jobId: job.id });
  const ended = await engine.wait(job.id);
  // A part that was cut off in the middle is computed anew; those that were kept are not.
  expect(computed().slice(0, 2)).toEqual([0, 1]);
  expect(new Set(computed())).toEqual(new Set(params.epochs));
  expect(computed().length).toBeLessThanOrEqual(params.epochs.length + 1);
  expect((await provenanceOf(engine, ended)).parts.known).toBeGreaterThanOrEqual(before.length - 1);
  expect(await wholeOf(engine, ended)).toBe(await undisturbed(here));
  const count = computed().length;
  const some = await runJob(engine, 'squares', { ...params, epochs: [4, 2] });
  expect(some).toMatchObject({ state: 'done', cached: false });
  expect(computed()).toHaveLength(count);
  expect(JSON.parse(await wholeOf(engine, some))).toMatchObject([{ epoch: 4 }, { epoch: 2 }]);
});

it('goes on after the engine was killed', async () => {
  const here = await setting({ ms: 700 });
  const { workspace, params, computed } = here;
  await here.engine.close();
  const script = new URL('support/ask.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [script, workspace, 'squares', JSON.stringify(params)], {
    stdio: 'inherit',
  });
  await expect.poll(() => computed().length).toBeGreaterThanOrEqual(3);
  child.kill('SIGKILL');
  await new Promise((resolve) => child.on('close', resolve));
  const engine = await testEngine(workspace);
  const [job] = await engine.call('jobs.list', {});
  const ended = await engine.wait(job!.id);
  expect(ended).toMatchObject({ state: 'done', attempt: 2 });
  expect((await provenanceOf(engine, ended)).parts.known).toBeGreaterThanOrEqual(2);
  expect(await wholeOf(engine, ended)).toBe(await undisturbed(here));
});

it('computes a part anew when its checkpoint has changed, and only that', async () => {
  const { engine, params, computed } = await setting();
  await runJob(engine, 'squares', { ...params, epochs: [0, 1, 2] });
  makeCheckpoint(params.run, 1, 1, { size: 32 });
  await runJob(engine, 'squares', params);
  expect(computed()).toEqual([0, 1, 2, 1, 3, 4, 5]);
});

it('takes no room twice, and gives it back with the last result', async () => {
  const { engine, params, workspace, computed } = await setting({ size: 100 });
  const all = await runJob(engine, 'squares', params);
  const one = await runJob(engine, 'squares', { ...params, epochs: [5] });
  const folder = join(workspace, 'results');
  const matrices = join(folder, all.resultId!, 'matrices');
  expect(readdirSync(matrices)).toHaveLength(6);
  const links = readdirSync(matrices).map((name) => statSync(join(matrices, name)).nlink);
  expect(links.sort()).toEqual([2, 2, 2, 2, 2, 3]);
  const report = await engine.call('parts.report', {});
  expect(report).toMatchObject({ count: 6, unused: { count: 0 } });
  expect(report.bytes).toBeGreaterThan(6 * 80_000);
  await engine.call('results.remove', { resultId: all.resultId! });
  expect(await engine.call('parts.report', {})).toMatchObject({ count: 1 });
  await engine.call('results.remove', { resultId: one.resultId! });
  expect(await engine.call('parts.report', {})).toMatchObject({ count: 0 });
  await runJob(engine, 'squares', { ...params, epochs: [5] });
  expect(computed()).toEqual([0, 1, 2, 3, 4, 5, 5]);
});

it('keeps parts of a stopped job until they are cleared away or forgotten; the catalog may be lost', async () => {
  const { engine, params, workspace, computed } = await setting({ ms: 700 });
  const done = await runJob(engine, 'squares', { ...params, epochs: [0] });
  const job = await engine.call('jobs.submit', { kind: 'squares', params });
  const count = async () => (await engine.call('parts.report', {})).count;
  await expect.poll(count).toBeGreaterThanOrEqual(2);
  await engine.call('jobs.cancel', { jobId: job.id });
  await engine.close();
  for (const name of readdirSync(workspace).filter((file) => file.startsWith('basin.db'))) {
    writeFileSync(join(workspace, name), '');
  }
  const folder = join(workspace, 'results', '.parts');
  mkdirSync(join(folder, '.half.tmp'));
  const next = await testEngine(workspace);
  expect(existsSync(join(folder, '.half.tmp'))).toBe(false);
  expect(next.workspace.root).toBe(workspace);
  const report = await next.call('parts.report', {});
  expect(report.count).toBeGreaterThanOrEqual(2);
  expect(report.unused.count).toBe(report.count - 1);
  expect((await next.call('results.list', {})).map(({ id }) => id)).toEqual([done.resultId]);
  await next.close();
  const longAgo = new Date(Date.now() - 40 * 24 * 3600 * 1000);
  for (const name of readdirSync(folder)) utimesSync(join(folder, name), longAgo, longAgo);
  const last = await testEngine(workspace);
  expect(await last.call('parts.report', {})).toMatchObject({ count: 1, unused: { count: 0 } });
  expect(await last.call('parts.clear', {})).toMatchObject({ count: 0 });
  expect(computed()[0]).toBe(0);
});

it('computes a part anew that was damaged', async () => {
  const { engine, params, workspace, computed } = await setting();
  const first = await runJob(engine, 'squares', { ...params, epochs: [0, 1] });
  const folder = join(workspace, 'results', '.parts');
  const victim = readdirSync(folder)[0]!;
  writeFileSync(join(folder, victim, 'part.json'), '{ half');
  const failed = await runJob(engine, 'squares', { ...params, epochs: [0, 1, 2] });
  expect(failed).toMatchObject({ state: 'failed' });
  expect(failed.error).toContain('missing or damaged');
  await engine.call('jobs.retry', { jobId: failed.id });
  expect(await engine.wait(failed.id)).toMatchObject({ state: 'done' });
  expect(computed()).toHaveLength(4);
  expect(first.state).toBe('done');
});
