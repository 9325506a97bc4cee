/**
 * A workspace with a sweep of many runs in it, as cheap as it can be made: a few runs are trained and measured by a real
 * sweep; the others are copies of these under other settings, with results and jobs of their own.
 */
import { cpSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { openEngine, type Engine } from '../../../src-main/engine/index.ts';
import { ResultStore, type ResultFile } from '../../../src-main/engine/results.ts';
import { openDatabase } from '../../../src-main/engine/store/database.ts';
import { createWorkspace } from '../../../src-main/engine/store/workspace.ts';
import { sweepFileName, cellsOf, type Sweep } from '../../../src-shared/sweep.ts';
import type { SweepDraft } from '../../../src-shared/sweep-requests.ts';

const sweepName = 'rates';
/** Trained in earnest. */
const trained = 4;

const draftOf = (rates: readonly string[], seeds: number): SweepDraft => ({
  ...{ source: 'standard-small', settings: ['training.num_epochs=1', 'model.hidden_dim=8'], seeds: 2 },
  grid: [
    { key: 'optimizer.lr', values: [...rates] },
    { key: 'seed', values: Array.from({ length: seeds }, (_, i) => String(i + 1)) },
  ],
  ...{ then: ['interpolate'], name: sweepName },
});

async function through(engine: Engine): Promise<void> {
  while ((await engine.call('sweeps.get', { name: sweepName })).active)
    await new Promise((resolve) => setTimeout(resolve, 200));
}

/** @param runs a multiple of 16: sixteen rates, each with so many seeds */
export async function fillSweep(workspace: string, runs: number): Promise<void> {
  const rates = Array.from({ length: 16 }, (_, i) => (1e-4 * 1.4 ** i).toPrecision(2));
  const pattern = await openEngine({ workspace, queue: 'own' });
  await pattern.call('sweeps.start', { draft: draftOf(rates.slice(0, 1), trained) });
  await through(pattern);
  await pattern.close();

  const folder = join(workspace, 'runs', sweepName);
  const before = JSON.parse(readFileSync(join(folder, sweepFileName), 'utf8')) as Sweep;
  const sweep: Sweep = { ...before, grid: draftOf(rates, runs / rates.length).grid };
  const patterns = cellsOf(before).map(({ name }) => join(folder, name));
  const copies = cellsOf(sweep).filter((_, i) => !patterns.includes(join(folder, cellsOf(sweep)[i]!.name)));
  copyRuns(folder, patterns, copies);
  writeFileSync(join(folder, sweepFileName), JSON.stringify(sweep));
  await importRuns(workspace, folder);
  copyResults(workspace, folder, patterns, copies);
  await hashAll(workspace);
}

/** A sweep's checkpoints are hashed as they come. */
async function hashAll(workspace: string): Promise<void> {
  const engine = await openEngine({ workspace });
  for (const { id } of await engine.call('jobs.list', {})) await engine.wait(id);
  await engine.close();
}

type Copies = ReturnType<typeof cellsOf>;

/** Checkpoints are links to the same files; the config says what was varied. */
function copyRuns(folder: string, patterns: readonly string[], copies: Copies): void {
  for (const [i, { name, values }] of copies.entries()) {
    const from = patterns[i % patterns.length]!;
    const to = join(folder, name);
    mkdirSync(to, { recursive: true });
    for (const file of readdirSync(from)) {
      if (file.startsWith('checkpoint_')) linkSync(join(from, file), join(to, file));
      else if (file !== 'config.yaml') cpSync(join(from, file), join(to, file), { recursive: true });
    }
    const config = parse(readFileSync(join(from, 'config.yaml'), 'utf8')) as Record<string, unknown>;
    const optimizer = { ...(config['optimizer'] as object), lr: Number(values['optimizer.lr']) };
    writeFileSync(join(to, 'config.yaml'), stringify({ ...config, optimizer, seed: Number(values['seed']) }));
  }
}

async function importRuns(workspace: string, folder: string): Promise<void> {
  const engine = await openEngine({ workspace, queue: 'own' });
  const job = await engine.call('jobs.submit', { kind: 'import', params: { paths: [folder] } });
  const ended = await engine.wait(job.id);
  if (ended.resultId === null) throw new Error(ended.error ?? 'the import gave no result');
  for (const other of await engine.call('jobs.list', {})) await engine.wait(other.id);
  await engine.close();
}

/** What the sweep would have left: two results and two jobs for each run. */
function copyResults(workspace: string, folder: string, patterns: readonly string[], copies: Copies): void {
  const place = createWorkspace(workspace);
  const db = openDatabase(place.database);
  const store = new ResultStore(db, place);
  const idOf = new Map(db.prepare('SELECT path, id FROM runs').raw().all() as [string, string][]);
  const files = ['train', 'interpolate'].flatMap((kind) => store.list(kind).map(({ id }) => store.read(id)));
  const filesOf = (run: string): ResultFile[] =>
    files.filter(({ runIds }) => runIds.includes(idOf.get(run) ?? ''));
  const jobs = db.prepare('SELECT * FROM jobs WHERE id = ?');
  const columns = db.prepare('SELECT name FROM pragma_table_info(?)').pluck().all('jobs') as string[];
  const addJob = db.prepare(
    `INSERT INTO jobs (${columns.join(', ')}) VALUES (${columns.map((name) => `@${name}`).join(', ')})`,
  );
  // A job's state may only change in order; these are copies of jobs that were done.
  const guards = db.prepare("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").all() as {
    name: string;
    sql: string;
  }[];
  for (const { name } of guards) db.exec(`DROP TRIGGER ${name}`);
  db.transaction(() => {
    db.prepare("UPDATE runs SET origin = 'trained'").run();
    for (const [i, { name }] of copies.entries()) {
      const run = join(folder, name);
      const runId = idOf.get(run)!;
      const from = patterns[i % patterns.length]!;
      for (const file of filesOf(from)) {
        const text = JSON.stringify({ ...file, cacheKey: null, runIds: [runId] }).replaceAll(from, run);
        const jobId = `${file.kind}-copy${i}`;
        const { parts: _parts, inputs: _inputs, ...copy } = JSON.parse(text) as ResultFile;
        const { id } = store.register(store.write({ ...copy, jobId }));
        const job = jobs.get(file.jobId) as Record<string, unknown>;
        const params = String(job['params']).replaceAll(from, run);
        const place = Number(job['position']) + 10 * (i + 1);
        const title = String(job['title']).replace(/[^/]*$/, name);
        const own = { id: jobId, result_id: id, run_path: run, cache_key: null, position: place };
        addJob.run({ ...job, ...own, params, title });
      }
    }
  })();
  for (const { sql } of guards) db.exec(sql);
  db.close();
  rmSync(join(workspace, 'engine.lock'), { force: true });
}
