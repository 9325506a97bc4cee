/**
 * kill -9 of workers and engine while real networks train and real measures run: as `kill.test.ts`, and the weights at
 * the end are those of a training that nothing disturbed, byte by byte. BASIN_KILLS asks for more kills than the few
 * that every run of the tests can afford.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { hasBinding } from '../../src-main/compute/backend/native.ts';
import {
  anyMoment,
  childrenOf,
  expectWhole,
  killOneOf,
  nothingYet,
  random,
  startHost,
  until,
} from './support/kills.ts';
import { makeRun } from './support/make-runs.ts';
import { newFolder } from './support/workspace.ts';

const host = fileURLToPath(new URL('support/real-host.ts', import.meta.url));
const kills = Number(process.env['BASIN_KILLS'] ?? 8);

/** SHA-256 of every checkpoint by name. */
function weightsOf(workspace: string, run: string): Record<string, string> {
  const folder = join(workspace, 'runs', run);
  const names = readdirSync(folder).filter((name) => name.startsWith('checkpoint_'));
  return Object.fromEntries(
    names.map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(folder, name)))
        .digest('hex'),
    ]),
  );
}

/** Checkpoints of all runs that are being trained. */
function checkpoints(workspace: string): number {
  const runs = join(workspace, 'runs');
  return readdirSync(runs).reduce((sum, run) => sum + readdirSync(join(runs, run)).length, 0);
}

it.skipIf(process.platform !== 'linux' || !hasBinding())(
  `real training and measures survive ${kills} kills`,
  { timeout: 240_000 + kills * 60_000 },
  async () => {
    const folder = newFolder();
    for (let i = 0; i < 5; i++) makeRun(folder, { name: `r${i}` });
    const [calm, workspace] = [newFolder(), newFolder()];
    const measured = join(calm, 'runs', 'trained-0');
    const undisturbed = startHost(host, [calm, folder, measured, 'finish'], nothingYet());
    const expected = await Promise.race([undisturbed.finished, undisturbed.ended]);
    expect(undisturbed.stderr()).toBe('');
    undisturbed.child.kill('SIGKILL');
    await undisturbed.ended;
    const weights = weightsOf(calm, 'trained-0');
    expect(Object.keys(weights).length).toBeGreaterThanOrEqual(12);

    const seen = nothingYet();
    const next = random(20261123);
    const start = (mode: string) => startHost(host, [workspace, folder, measured, mode], seen);
    let running = start('work');
    for (let done = 0; done < kills; done++) {
      await Promise.race([running.opened, running.ended]);
      const before = checkpoints(workspace);
      // Mostly in the middle of training, at times as soon as there is a worker, which is then still starting.
      const early = next() < 0.25;
      await until(running, () =>
        early ? childrenOf(running.child.pid!).length > 0 : checkpoints(workspace) > before,
      );
      await anyMoment(next);
      // A worker twice out of three times, else the engine.
      if (next() >= 2 / 3 || !killOneOf(childrenOf(running.child.pid!), next)) {
        running.child.kill('SIGKILL');
        await running.ended;
        expect(running.stderr()).toBe('');
        running = start('work');
      }
      expectWhole(workspace, seen);
    }
    running.child.kill('SIGKILL');
    await running.ended;
    expectWhole(workspace, seen);
    const last = start('finish');
    const found = await Promise.race([last.finished, last.ended]);
    expect(last.stderr()).toBe('');
    last.child.kill('SIGKILL');
    await last.ended;
    expectWhole(workspace, seen);
    expect(found).toMatchObject({ results: (expected as { results: string[] }).results });
    const { attempts } = found as { attempts: number[] };
    expect(Math.max(...attempts)).toBeGreaterThan(1);
    const trained = readdirSync(join(workspace, 'runs'));
    expect(trained).toHaveLength(attempts.length);
    for (const run of trained) expect(weightsOf(workspace, run)).toEqual(weights);
    expect(seen.runs.size).toBeGreaterThanOrEqual(5);
  },
);
