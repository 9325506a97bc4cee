/** Real small and read-only disks. Mounting one takes rights that not every machine gives; it is said when it does not. */
import { execFileSync } from 'node:child_process';
import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openEngine } from '../../src-main/engine/index.ts';
import { makeRun } from './support/make-runs.ts';
import { newFolder, refusal, runJob, testEngine, whenRunning } from './support/workspace.ts';

const mounted: string[] = [];

/** A disk of its own in memory; undefined where this machine lets us make none. */
function smallDisk(kilobytes: number): string | undefined {
  const folder = newFolder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'tmpfs', folder], { stdio: 'ignore' });
    mounted.push(folder);
    return folder;
  } catch {
    return undefined;
  }
}

afterEach(() => {
  for (const folder of mounted.splice(0)) execFileSync('umount', ['--lazy', folder], { stdio: 'ignore' });
});

const canMount = smallDisk(64) !== undefined;
if (!canMount) console.warn('full-disk.test.ts: this machine lets us mount no disk; the tests are skipped.');

/** Takes all room that is left. */
function fill(disk: string): string {
  const { bavail, bsize } = statfsSync(disk);
  const filler = join(disk, 'filler');
  writeFileSync(filler, Buffer.alloc(bavail * bsize));
  return filler;
}

describe.skipIf(!canMount)('a full disk', () => {
  it('fails changes and jobs with one sentence; the engine lives, and works again when there is room', async () => {
    const disk = smallDisk(3000)!;
    const engine = await testEngine(join(disk, 'workspace'));
    const folder = newFolder();
    for (let i = 0; i < 60; i++) makeRun(folder, { name: `r${i}` });
    await runJob(engine, 'table', { n: 2 });
    const filler = fill(disk);
    const job = await engine
      .call('jobs.submit', { kind: 'import', params: { paths: [folder] } })
      .catch((error: Error) => error);
    if (job instanceof Error) expect(job.message).toContain('is full');
    else
      expect(await engine.wait(job.id)).toMatchObject({
        state: 'failed',
        error: expect.stringContaining('is full'),
      });
    const notes = 'n'.repeat(90_000);
    const create = { type: 'create' as const, architecture: 'mlp', key: 'k', members: [], notes };
    const change = () => engine.call('groups.edit', { edit: create });
    const said = await refusal(
      (async () => {
        for (;;) {
          await change();
          await engine.call('groups.undo', {});
        }
      })(),
    );
    expect(said).toMatch(/^The disk that holds the catalog .* is full; the change was not saved\.$/);
    expect((await engine.call('groups.get', {})).groups).toEqual([]);
    rmSync(filler);
    expect((await change()).groups.length).toBe(1);
    expect(await runJob(engine, 'import', { paths: [folder] })).toMatchObject({ state: 'done' });
    expect((await engine.call('runs.list', {})).length).toBe(60);
    await engine.close();
  });

  it('ends a sweep, but not the engine that works on it', async () => {
    const disk = smallDisk(3000)!;
    const engine = await testEngine(join(disk, 'workspace'));
    const grid = [{ key: 'seed', values: ['1'] }];
    const draft = { source: 'standard-small', settings: [], seeds: null, then: [], name: 's', grid };
    const filled = new Promise<string>((resolve) => {
      const stop = engine.subscribe((event) => {
        if (event.type !== 'job-changed' || event.job.state !== 'running') return;
        stop();
        resolve(fill(disk));
      });
    });
    await engine.call('sweeps.start', { draft });
    const filler = await filled;
    const standing = () => engine.call('sweeps.get', { name: 's' });
    await expect.poll(async () => (await standing()).active).toBe(false);
    expect(await standing()).toMatchObject({ trained: 0 });
    rmSync(filler);
    // The failure is written down now, so that the run is not taken for one that is being trained.
    await engine.call('sweeps.resume', { name: 's' });
    await expect.poll(async () => (await standing()).active).toBe(false);
    expect(await standing()).toMatchObject({ trained: 1, failed: 0 });
    await engine.close();
  });

  it('keeps jobs waiting, and starts them by itself when there is room', async () => {
    const disk = smallDisk(3000)!;
    const engine = await testEngine(join(disk, 'workspace'), { pool: { workers: 1 } });
    const folder = newFolder();
    const train = (name: string) => ({
      kind: 'train',
      params: { run: join(folder, name), epochs: 5, ms: 200 },
    });
    const first = await engine.call('jobs.submit', train('first'));
    const second = await engine.call('jobs.submit', train('second'));
    await whenRunning(engine, first.id);
    const filler = fill(disk);
    expect(await engine.wait(first.id)).toMatchObject({
      state: 'failed',
      error: expect.stringContaining('is full'),
    });
    expect(await engine.call('jobs.get', { jobId: second.id })).toMatchObject({ state: 'queued' });
    rmSync(filler);
    expect(await engine.wait(second.id)).toMatchObject({ state: 'done' });
    await engine.close();
  });

  it('leaves no result that is not whole', async () => {
    const disk = smallDisk(2000)!;
    const engine = await testEngine(join(disk, 'workspace'));
    const large = await runJob(engine, 'table', { n: 900 });
    expect(large).toMatchObject({ state: 'failed', error: expect.stringMatching(/full|space/) });
    expect(await engine.call('results.list', {})).toEqual([]);
    expect(await runJob(engine, 'table', { n: 3 })).toMatchObject({ state: 'done' });
    await engine.close();
  });
});

describe.skipIf(!canMount)('a read-only disk', () => {
  it('is refused with one sentence and a way out', async () => {
    const disk = smallDisk(2000)!;
    const workspace = join(disk, 'workspace');
    await (await testEngine(workspace)).close();
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    const error = (await openEngine({ workspace }).catch((thrown: unknown) => thrown)) as Error & {
      hint: string;
    };
    expect(error.message).toMatch(/read-only/);
    expect(error.hint).toContain('--workspace DIR');
    expect(await refusal(openEngine({ workspace: join(disk, 'another') }))).toMatch(/read-only/);
  });
});
