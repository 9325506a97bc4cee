/** kill -9 of the engine in the middle of a sweep: the next one goes on by itself; nothing is lost, nothing is done twice. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { random, nothingYet, startHost, until } from './support/kills.ts';
import { expectedWeights, weightsIn } from './support/pretend-train.ts';
import { newFolder, testEngine, testWorker } from './support/workspace.ts';

const host = fileURLToPath(new URL('support/sweep-host.ts', import.meta.url));
const runs = 30;
const kills = 6;
const draft = {
  ...{ source: 'standard-small', settings: [], seeds: null, then: ['interpolate'], name: 'many' },
  grid: [{ key: 'seed', values: Array.from({ length: runs }, (_, i) => String(i)) }],
};

it.skipIf(process.platform !== 'linux')(
  `a sweep survives ${kills} kills of the engine`,
  { timeout: 600_000 },
  async () => {
    const workspace = newFolder();
    const seen = nothingYet();
    const next = random(20261129);
    const start = () => startHost(host, [workspace, testWorker, JSON.stringify(draft)], seen);
    for (let kill = 0; kill < kills; kill++) {
      const running = start();
      await Promise.race([running.opened, running.ended]);
      const before = seen.results.size;
      await until(running, () => seen.results.size >= before + 2 + Math.floor(next() * 6));
      running.child.kill('SIGKILL');
      await running.ended;
      expect(running.stderr()).toBe('');
    }
    expect(seen.results.size).toBeLessThan(2 * runs);
    const last = start();
    expect(await Promise.race([last.finished, last.ended])).toEqual({ complete: runs, runs });
    last.child.kill('SIGKILL');
    await last.ended;

    const engine = await testEngine(workspace, { queue: 'own' });
    const { cells } = await engine.call('sweeps.get', { name: 'many' });
    expect(cells.map(({ state, unmeasured, failures }) => ({ state, unmeasured, failures }))).toEqual(
      Array(runs).fill({ state: 'trained', unmeasured: [], failures: [] }),
    );
    for (const kind of ['train', 'interpolate']) {
      const results = await engine.call('results.list', { kind });
      expect(results.map(({ runIds }) => runIds[0]).sort()).toEqual(cells.map(({ runId }) => runId).sort());
      // Whatever an engine has told of before it was killed is there.
      const mine = [...seen.results].filter((id) => id.startsWith(`${kind}-`));
      expect(mine.filter((id) => !results.some((result) => result.id === id))).toEqual([]);
    }
    const jobs = await engine.call('jobs.list', {});
    // A measure that ended while it was asked for again is a job of its own, which computed nothing.
    const computed = jobs.filter(({ kind, state, cached }) => kind !== 'hash' && state === 'done' && !cached);
    expect(computed).toHaveLength(2 * runs);
    for (const { path } of cells) expect(weightsIn(path, 2)).toBe(expectedWeights(2));
    expect(JSON.parse(readFileSync(join(workspace, 'sweeps.json'), 'utf8'))).toEqual({ active: [] });
  },
);
