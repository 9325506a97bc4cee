/** Fifty real interpolations in one engine: one worker, its memory flat, every tensor given back. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { openEngine } from '../../src-main/engine/index.ts';
import { fixtureRun } from '../support/fixtures.ts';
import { newFolder } from './support/workspace.ts';

const megabytes = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;

it.skipIf(process.platform !== 'linux')(
  'keeps memory flat over fifty jobs',
  { timeout: 240_000 },
  async () => {
    const workspace = newFolder();
    const engine = await openEngine({ workspace });
    const db = new Database(join(workspace, 'basin.db'), { readonly: true });
    const pidOf = db.prepare('SELECT worker_pid FROM jobs WHERE id = ?').pluck();
    const run = fixtureRun('sym0');
    const pids = new Set<unknown>();
    const memory: number[] = [];
    try {
      for (let i = 0; i < 50; i++) {
        const params = {
          run,
          epoch: 5,
          models: [1, 2],
          splits: ['test'],
          steps: 2,
          matchingSeed: i,
          data: { name: 'mnist-10k' },
        };
        const job = await engine.call('jobs.submit', { kind: 'interpolate', params });
        const pid = pidOf.get(job.id);
        // A worker that still holds a tensor after its job fails that job, by name.
        expect(await engine.wait(job.id)).toMatchObject({ state: 'done', error: null, cached: false });
        pids.add(pid);
        memory.push(megabytes(pid as number));
      }
    } finally {
      db.close();
      await engine.close();
    }
    expect(pids.size).toBe(1);
    const early = Math.max(...memory.slice(10, 20));
    const late = Math.min(...memory.slice(40));
    console.info(
      `worker: ${memory[0]!.toFixed(0)} MB after 1 job, ${early.toFixed(0)} after 20, ${memory.at(-1)!.toFixed(0)} after 50`,
    );
    expect(late - early).toBeLessThan(80);
  },
);
