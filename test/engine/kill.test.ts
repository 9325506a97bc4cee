/** kill -9 at (seeded) random moments of training, import and analysis: nothing acknowledged is lost, nothing is half. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
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
import { expectedWeights, weightsIn } from './support/pretend-train.ts';
import { newFolder, testWorker } from './support/workspace.ts';

const host = fileURLToPath(new URL('support/host.ts', import.meta.url));
const kills = 30;

it.skipIf(process.platform !== 'linux')(`survives ${kills} kills`, { timeout: 1_200_000 }, async () => {
  const workspace = newFolder();
  const folder = newFolder();
  for (let i = 0; i < 40; i++) makeRun(folder, { name: `r${i}`, symmetry: i % 2 === 0 ? 0 : 1 });
  const seen = nothingYet();
  const start = () => startHost(host, [workspace, folder, testWorker], seen);
  const next = random(20261122);
  let done = 0;
  while (done < kills) {
    const running = start();
    await Promise.race([running.opened, running.ended]);
    expect(running.stderr()).toBe('');
    // Two workers, then the engine itself, as long as there are kills left.
    for (let worker = 0; worker < 2 && done < kills - 1; worker++) {
      await anyMoment(next);
      await until(running, () => killOneOf(childrenOf(running.child.pid!), next));
      done++;
    }
    await anyMoment(next);
    running.child.kill('SIGKILL');
    await running.ended;
    done++;
    expectWhole(workspace, seen);
  }
  const last = start();
  await Promise.race([last.trained, last.ended]);
  // What has been said of other work may lag behind: both trained runs are listed only in its next round.
  await until(last, () => seen.results.size >= 8 && seen.runs.size >= 42);
  expect(last.stderr()).toBe('');
  last.child.kill('SIGKILL');
  await last.ended;
  expectWhole(workspace, seen);
  for (const index of [0, 1]) {
    expect(weightsIn(join(workspace, 'runs', `trained-${index}`), 40)).toBe(expectedWeights(40));
  }
  expect(seen.results.size).toBeGreaterThanOrEqual(8);
  expect(seen.runs.size).toBeGreaterThanOrEqual(42);
});
