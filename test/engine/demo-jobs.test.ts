/** The demo as jobs, and training as the catalog sees it; with workers that only pretend to compute. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Engine } from '../../src-main/engine/index.ts';
import { makeRun } from './support/make-runs.ts';
import { newFolder, refusal, runJob, testEngine, whenRunning } from './support/workspace.ts';

/** Resolves when no job waits or runs and `count` of this kind have ended. */
async function settled(engine: Engine, kind: string, count: number): Promise<void> {
  for (;;) {
    const jobs = await engine.call('jobs.list', {});
    const busy = jobs.some((job) => job.state === 'queued' || job.state === 'running');
    if (!busy && jobs.filter((job) => job.kind === kind).length >= count) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('demo.start', () => {
  it('trains, groups and measures four families, once', async () => {
    const engine = await testEngine();
    const first = await engine.call('demo.start', {});
    expect(first.jobIds.length).toBe(4);
    expect(await engine.call('demo.start', {})).toEqual(first);
    await settled(engine, 'interpolate', 12);
    const jobs = await engine.call('jobs.list', {});
    expect(jobs.filter((job) => job.kind === 'train').length).toBe(4);
    expect(jobs.filter((job) => job.kind === 'interpolate').length).toBe(12);
    expect(jobs.every((job) => job.state === 'done')).toBe(true);
    // Whoever reads the list of jobs can tell them apart.
    expect(new Set(jobs.map((job) => job.title)).size).toBe(jobs.length);
    expect(jobs.map((job) => job.title)).toEqual(
      expect.arrayContaining([
        'Interpolate, unaligned: demo-standard-small',
        'Interpolate, aligned by activations: demo-standard-small',
        'Interpolate, aligned by weights: demo-standard-small',
      ]),
    );
    const { groups } = await engine.call('groups.get', {});
    expect(groups.map((group) => [group.key, group.members.length])).toEqual([
      ['standard', 1],
      ['W-asymmetric σ_F=0', 1],
      ['W-asymmetric σ_F=1', 1],
      ['SYRE σ_F=1', 1],
    ]);
    expect((await engine.call('results.list', { kind: 'interpolate' })).length).toBe(12);
    // Once more: the runs are there, the results too.
    expect((await engine.call('demo.start', {})).jobIds).toEqual([]);
    await settled(engine, 'interpolate', 24);
    const again = (await engine.call('jobs.list', {})).filter((job) => job.kind === 'interpolate');
    expect(again.filter((job) => job.cached).length).toBe(12);
    expect((await engine.call('groups.get', {})).groups).toEqual(groups);
  });
});

describe('training', () => {
  const params = (workspace: string, more: object = {}) => ({
    run: join(workspace, 'runs', 'new'),
    epochs: 4,
    ...more,
  });

  it('appears in the catalog while it grows, and is interrupted when cancelled, then resumed', async () => {
    const workspace = newFolder();
    const engine = await testEngine(workspace);
    const job = await engine.call('jobs.submit', {
      kind: 'train',
      params: params(workspace, { epochs: 30, ms: 150 }),
    });
    await whenRunning(engine, job.id);
    while ((await engine.call('runs.list', {})).length === 0)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect((await engine.call('runs.list', {}))[0]).toMatchObject({
      name: 'new',
      state: 'training',
      origin: 'trained',
    });
    const cancelled = await engine.call('jobs.cancel', { jobId: job.id });
    expect(cancelled).toMatchObject({ state: 'cancelled', resumable: true });
    expect((await engine.call('runs.list', {}))[0]).toMatchObject({ state: 'interrupted' });
    await engine.call('jobs.retry', { jobId: job.id });
    const ended = await engine.wait(job.id);
    expect(ended).toMatchObject({ state: 'done', attempt: 2 });
    const { data } = await engine.call('results.get', { resultId: ended.resultId! });
    expect((data as { resumed_from: number }).resumed_from).toBeGreaterThan(0);
    expect((await engine.call('runs.list', {}))[0]).toMatchObject({ state: 'ready', checkpoints: 30 });
    expect((await engine.call('jobs.metrics', { jobId: job.id })).map((metrics) => metrics.epoch)).toEqual(
      Array.from({ length: 30 }, (_, i) => i + 1),
    );
  });

  it('goes on by itself when its worker is killed, and when the engine was', async () => {
    const workspace = newFolder();
    const engine = await testEngine(workspace);
    const job = await runJob(engine, 'train', params(workspace, { dieAfter: 2 }));
    expect(job).toMatchObject({ state: 'done', attempt: 2, error: null });
    const log = await engine.call('jobs.log', { jobId: job.id });
    expect(log.join('\n')).toContain('killed by another process (SIGKILL)');
  });

  it('never writes one folder twice at a time, nor goes on with a run that it did not begin', async () => {
    const workspace = newFolder();
    const engine = await testEngine(workspace);
    const first = await engine.call('jobs.submit', { kind: 'train', params: params(workspace, { ms: 100 }) });
    const second = engine.call('jobs.submit', { kind: 'train', params: params(workspace, { epochs: 5 }) });
    expect(await refusal(second)).toContain(`Job ${first.id} is already training into`);
    await engine.wait(first.id);
    const theirs = makeRun(join(workspace, 'runs'), { name: 'theirs' });
    const other = await runJob(engine, 'train', { run: theirs, epochs: 50 });
    expect(other).toMatchObject({
      state: 'failed',
      error: expect.stringContaining('already holds a run'),
      resumable: false,
    });
    await engine.call('jobs.retry', { jobId: other.id });
    expect(await engine.wait(other.id)).toMatchObject({ state: 'failed', attempt: 2, resumable: false });
    expect(readdirSync(theirs).length).toBe(5);
  });
});
