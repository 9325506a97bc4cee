/**
 * The catalog at the size of years of work: 10,000 checkpoints over 1,000 runs, generated.
 * `node test/bench/catalog.ts [--json]` prints what each figure is and whether it is within its limit.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { importJob } from '../../src-shared/jobs/import.ts';
import { openEngine } from '../../src-main/engine/index.ts';
import { makeManyRuns } from '../engine/support/make-runs.ts';

interface Measured {
  what: string;
  value: number;
  unit: string;
  limit: number;
}

const cli = fileURLToPath(new URL('../../src-main/cli/basin.mjs', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'basin-bench-'));
const workspace = join(root, 'workspace');
const folder = join(root, 'runs');
const measured: Measured[] = [];
const note = (what: string, value: number, unit: string, limit: number): void => {
  measured.push({ what, value: Math.round(value * 1000) / 1000, unit, limit });
};
const seconds = async (work: () => Promise<unknown> | unknown): Promise<number> => {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
};

try {
  makeManyRuns(folder, 1000, 2, [0, 1, 2, 5, 10]);
  const engine = await openEngine({ workspace, queue: 'own' });
  const importAll = async (): Promise<void> => {
    const job = await engine.call('jobs.submit', { kind: 'import', params: { paths: [folder] } });
    const ended = await engine.wait(job.id);
    if (ended.resultId === null) throw new Error(ended.error ?? 'the import gave no result');
    const { data } = await engine.call('results.get', { resultId: ended.resultId });
    const { runs, checkpoints } = importJob.result.parse(data);
    if (runs !== 1000 || checkpoints !== 10_000)
      throw new Error(`found ${runs} runs, ${checkpoints} checkpoints`);
  };
  note('first import of the folder', await seconds(importAll), 's', 30);
  note('second import, nothing changed', await seconds(importAll), 's', 30);
  const runs = await engine.call('runs.list', {});
  note('runs.list within the engine', await seconds(() => engine.call('runs.list', {})), 's', 0.3);
  const members = runs.map((run) => ({ runId: run.id }));
  const create = { type: 'create' as const, architecture: 'mlp', key: 'all', members };
  note('a group of 1,000 runs', await seconds(() => engine.call('groups.edit', { edit: create })), 's', 0.3);
  note('undo of it', await seconds(() => engine.call('groups.undo', {})), 's', 0.3);
  await engine.close();
  note('catalog file', statSync(join(workspace, 'basin.db')).size / 2 ** 20, 'MB', 50);
  const list = (): Buffer =>
    execFileSync(process.execPath, [cli, 'runs', '--json', '--workspace', workspace], { maxBuffer: 2 ** 28 });
  const times: number[] = [];
  for (let i = 0; i < 5; i++) times.push(await seconds(list));
  times.sort((a, b) => a - b);
  note('basin runs --json, whole process (median of 5)', times[2]!, 's', 0.6);
  note('basin runs --json, fastest', times[0]!, 's', 0.6);
  note('its output', list().length / 2 ** 20, 'MB', 20);
} finally {
  rmSync(root, { recursive: true, force: true });
}

if (process.argv.includes('--json')) console.log(JSON.stringify(measured));
else {
  for (const { what, value, unit, limit } of measured) {
    console.log(`${value <= limit ? 'ok  ' : 'OVER'} ${what}: ${value} ${unit} (limit ${limit} ${unit})`);
  }
}
process.exitCode = measured.some(({ value, limit }) => value > limit) ? 1 : 0;
