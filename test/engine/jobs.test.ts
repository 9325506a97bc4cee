import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { EngineEvent } from '../../src-shared/api.ts';
import { newFolder, refusal, runJob, testEngine, whenRunning } from './support/workspace.ts';

describe('results', () => {
  it('keeps matrices beside result.json and loads them when asked for', async () => {
    const engine = await testEngine();
    const job = await runJob(engine, 'table', { n: 3 });
    expect(job).toMatchObject({ state: 'done', cached: false, attempt: 1 });
    const { row, data, params, provenance } = await engine.call('results.get', { resultId: job.resultId! });
    expect(data).toMatchObject({
      layers: [{ name: 'P_0', products: { $matrix: 'layers.0.products', rows: 3, columns: 3 } }],
    });
    expect(params).toMatchObject({ n: 3 });
    expect(provenance).toMatchObject({ kind: 'table', jobVersion: 1, basinVersion: '0.1.0' });
    expect(JSON.parse(readFileSync(join(row.path, 'result.json'), 'utf8'))).toMatchObject({
      id: row.id,
      data,
    });
    expect(existsSync(join(row.path, 'matrices', 'layers.0.products.npy'))).toBe(true);
    const m = await engine.call('results.matrix', { resultId: row.id, name: 'layers.0.products' });
    expect([...m.data]).toEqual([1, 2, 3, 2, 4, 6, 3, 6, 9]);
    await expect(
      engine.call('results.matrix', { resultId: row.id, name: '../../../etc/passwd' }),
    ).rejects.toThrow('not the name of a matrix');
  });

  it('has the result of the same question at once and says so, in the same engine and in the next', async () => {
    const workspace = newFolder();
    const engine = await testEngine(workspace);
    const first = await runJob(engine, 'table', { n: 4, ms: 60 });
    const again = await engine.call('jobs.submit', { kind: 'table', params: { ms: 60, n: 4 } });
    expect(again).toMatchObject({ state: 'done', cached: true, resultId: first.resultId });
    const other = await runJob(engine, 'table', { n: 5 });
    expect(other.cached).toBe(false);
    await engine.close();
    const next = await testEngine(workspace);
    expect(await runJob(next, 'table', { n: 4, ms: 60 })).toMatchObject({
      cached: true,
      resultId: first.resultId,
    });
    await next.call('results.remove', { resultId: first.resultId! });
    expect((await runJob(next, 'table', { n: 4, ms: 60 })).cached).toBe(false);
  });

  it('computes a question that is asked twice at the same time once', async () => {
    const engine = await testEngine();
    const [a, b] = await Promise.all([
      engine.call('jobs.submit', { kind: 'table', params: { n: 6, ms: 40 } }),
      engine.call('jobs.submit', { kind: 'table', params: { n: 6, ms: 40 } }),
    ]);
    expect(a.id).toBe(b.id);
  });

  it('writes json, csv, parquet and npy', async () => {
    const engine = await testEngine();
    const { resultId } = await runJob(engine, 'table', { n: 2 });
    const file = async (format: 'json' | 'csv' | 'parquet' | 'npy'): Promise<Buffer> =>
      Buffer.from((await engine.call('results.export', { resultId: resultId!, format })).bytes);
    expect(JSON.parse((await file('json')).toString())).toMatchObject({
      data: {
        layers: [
          {
            products: [
              [1, 2],
              [2, 4],
            ],
          },
        ],
      },
    });
    expect((await file('csv')).toString().split('\n')[1]).toContain('P_0');
    expect((await file('parquet')).toString('latin1', 0, 4)).toBe('PAR1');
    expect((await file('npy')).toString('latin1', 1, 6)).toBe('NUMPY');
  });
});

describe('the end of a job', () => {
  it('passes on what a job refuses, with the hint', async () => {
    const engine = await testEngine();
    const job = await runJob(engine, 'act', { what: 'refuse' });
    expect(job).toMatchObject({
      state: 'failed',
      error: 'params.tag: expected a colour.',
      hint: 'Write blue.',
    });
  });

  it('keeps the stack of a defect in the log, not in the message', async () => {
    const engine = await testEngine();
    const job = await runJob(engine, 'act', { what: 'throw' });
    expect(job).toMatchObject({ state: 'failed', error: 'undefined is not a number' });
    const log = await engine.call('jobs.log', { jobId: job.id });
    expect(log.join('\n')).toContain('worker.ts');
  });

  it('tells crash, exit and both kinds of memory apart, and runs the next job', async () => {
    const megabytes = 2 ** 20;
    const engine = await testEngine(newFolder(), { pool: { memoryLimit: 320 * megabytes } });
    const said = async (what: string): Promise<string> => {
      const job = await runJob(engine, 'act', { what });
      expect(job.state).toBe('failed');
      return job.error!;
    };
    expect(await said('segfault')).toContain('crashed in native code (SIGSEGV)');
    expect(await said('exit')).toContain('exit code 3). Its output: Error: the pretended library gave up');
    expect(await said('eat')).toMatch(/used more memory than a worker may have: \d+ MB, the limit is 320 MB/);
    expect(await said('heap')).toMatch(/ran out of memory|used more memory/);
    expect(await runJob(engine, 'act', { what: 'sleep' })).toMatchObject({ state: 'done' });
  });

  it('says why when the worker cannot even start', async () => {
    const engine = await testEngine(newFolder(), { worker: { entry: '/nowhere/worker.ts' } });
    const job = await runJob(engine, 'act', { what: 'sleep' });
    expect(job.error).toContain('could not start');
    expect(job.hint).toContain('basin doctor');
  });

  it('refuses params that break the schema before anything is queued', async () => {
    const engine = await testEngine();
    expect(await refusal(runJob(engine, 'act', { what: 'dance' }))).toMatch(/^act: what: /);
    expect(await refusal(runJob(engine, 'tabel', {}))).toContain('no kind of job "tabel"');
    expect(await engine.call('jobs.list', {})).toEqual([]);
  });
});

describe('cancel', () => {
  it('ends queued, cooperative and deaf jobs, which would run for an hour', async () => {
    const engine = await testEngine(newFolder(), { pool: { workers: 1 } });
    const submit = (what: string) =>
      engine.call('jobs.submit', { kind: 'act', params: { what, ms: 3_600_000 } });
    for (const what of ['stubborn', 'sleep', 'sleep', 'stubborn', 'sleep']) {
      const { id: jobId } = await submit(what);
      const queued = await submit('sleep');
      await whenRunning(engine, jobId);
      expect(await engine.call('jobs.cancel', { jobId: queued.id })).toMatchObject({ state: 'cancelled' });
      expect(await engine.call('jobs.cancel', { jobId })).toMatchObject({ state: 'cancelled', error: null });
      // The place is free again.
      expect(await runJob(engine, 'act', { what: 'sleep' })).toMatchObject({ state: 'done' });
    }
  });

  it('has nothing to cancel in a job that has ended', async () => {
    const engine = await testEngine();
    const job = await runJob(engine, 'act', { what: 'sleep' });
    expect(await refusal(engine.call('jobs.cancel', { jobId: job.id }))).toContain('is done');
  });
});

describe('the queue', () => {
  it('works in order, lets a job be moved to the front, retries and removes', async () => {
    const engine = await testEngine(newFolder(), { pool: { workers: 1 } });
    const ended: string[] = [];
    engine.subscribe((event: EngineEvent) => {
      if (event.type === 'job-changed' && event.job.state === 'done') ended.push(event.job.id);
    });
    const submit = async (tag: string, ms = 1) =>
      (await engine.call('jobs.submit', { kind: 'act', params: { what: 'sleep', tag, ms } })).id;
    // The only place is taken until all of them stand in the queue.
    const first = await submit('first', 3_600_000);
    await whenRunning(engine, first);
    const [a, b, c] = [await submit('a'), await submit('b'), await submit('c')];
    const order = await engine.call('jobs.move', { jobId: c, position: 0 });
    expect(order.filter((job) => job.state === 'queued').map((job) => job.id)).toEqual([c, a, b]);
    await engine.call('jobs.cancel', { jobId: first });
    await engine.wait(b);
    expect(ended).toEqual([c, a, b]);
    const failed = await runJob(engine, 'act', { what: 'refuse' });
    await engine.call('jobs.retry', { jobId: failed.id });
    expect(await engine.wait(failed.id)).toMatchObject({ state: 'failed', attempt: 2 });
    expect(await refusal(engine.call('jobs.retry', { jobId: a }))).toContain('is done');
    await engine.call('jobs.remove', { jobId: failed.id });
    expect(await refusal(engine.call('jobs.get', { jobId: failed.id }))).toContain('There is no job');
  });

  it('keeps waiting jobs over a restart and runs them then', async () => {
    const workspace = newFolder();
    const engine = await testEngine(workspace, { pool: { workers: 1 } });
    const running = await engine.call('jobs.submit', { kind: 'act', params: { what: 'sleep', ms: 30_000 } });
    const waiting = await engine.call('jobs.submit', { kind: 'act', params: { what: 'sleep' } });
    // At work in its process, which stops at once if told to: not only begun.
    const log = () => engine.call('jobs.log', { jobId: running.id });
    await expect.poll(log, { timeout: 60_000 }).toEqual(['asleep']);
    await engine.close();
    const next = await testEngine(workspace);
    expect(await next.call('jobs.get', { jobId: running.id })).toMatchObject({
      state: 'interrupted',
      error: 'Basin was closed while this job was running.',
    });
    expect(await next.wait(waiting.id)).toMatchObject({ state: 'done' });
  });

  it('passes on log lines as they come and keeps them', async () => {
    const engine = await testEngine();
    const heard: string[] = [];
    engine.subscribe((event) => event.type === 'job-log' && heard.push(event.line));
    const job = await runJob(engine, 'act', { what: 'talk' });
    expect(heard).toEqual(['line 1', 'line 2', 'line 3']);
    expect(await engine.call('jobs.log', { jobId: job.id })).toEqual(heard);
  });

  it('runs fifty jobs with one worker and flat memory', async () => {
    const engine = await testEngine(newFolder(), { pool: { workers: 1 } });
    const pids = new Set<unknown>();
    const memory: number[] = [];
    for (let i = 0; i < 50; i++) {
      const job = await runJob(engine, 'table', { n: 200 + i });
      const { data } = await engine.call('results.get', { resultId: job.resultId! });
      pids.add((data as { pid: number }).pid);
      globalThis.gc?.();
      memory.push(process.memoryUsage().heapUsed);
    }
    expect(pids.size).toBe(1);
    const early = Math.max(...memory.slice(10, 20));
    const late = Math.min(...memory.slice(40));
    expect(late - early).toBeLessThan(20 * 2 ** 20);
  });
});
