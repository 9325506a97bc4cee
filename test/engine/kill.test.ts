/** kill -9 at (seeded) random moments of training, import and analysis: nothing acknowledged is lost, nothing is half. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { checkpointHeader } from '../../src-main/formats/run-directory.ts';
import { readNpy } from '../../src-main/formats/npy.ts';
import { ResultStore } from '../../src-main/engine/results.ts';
import { integrityProblems } from '../../src-main/engine/store/database.ts';
import { workspaceAt } from '../../src-main/engine/store/workspace.ts';
import { makeRun } from './support/make-runs.ts';
import { expectedWeights, weightsIn } from './support/pretend-train.ts';
import { newFolder, testWorker } from './support/workspace.ts';

const host = fileURLToPath(new URL('support/host.ts', import.meta.url));
const kills = 30;

interface Acknowledged {
  jobs: Set<string>;
  results: Set<string>;
  runs: Set<string>;
  groups: Set<string>;
}

/** Small and always the same: mulberry32. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Host {
  child: ChildProcess;
  opened: Promise<boolean>;
  trained: Promise<boolean>;
  ended: Promise<void>;
  stderr: () => string;
}

function start(workspace: string, folder: string, seen: Acknowledged): Host {
  const child = spawn(process.execPath, [host, workspace, folder, testWorker], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const signals = { opened: Promise.withResolvers<boolean>(), trained: Promise.withResolvers<boolean>() };
  createInterface({ input: child.stdout }).on('line', (line) => {
    const said = JSON.parse(line) as Record<string, unknown>;
    if ('open' in said) signals.opened.resolve(true);
    if ('trained' in said) signals.trained.resolve(true);
    if (typeof said['submitted'] === 'string') seen.jobs.add(said['submitted']);
    if (typeof said['resultId'] === 'string') seen.results.add(said['resultId']);
    if (typeof said['group'] === 'string') seen.groups.add(said['group']);
    if (Array.isArray(said['runs'])) for (const id of said['runs']) seen.runs.add(id as string);
  });
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  return {
    child,
    opened: signals.opened.promise,
    trained: signals.trained.promise,
    ended,
    stderr: () => stderr,
  };
}

function check(workspace: string, seen: Acknowledged): void {
  const db = new Database(join(workspace, 'basin.db'), { readonly: true });
  try {
    expect(integrityProblems(db)).toEqual([]);
    const column = (sql: string): Set<unknown> => new Set(db.prepare(sql).pluck().all());
    expect([...seen.jobs].filter((id) => !column('SELECT id FROM jobs').has(id))).toEqual([]);
    expect([...seen.results].filter((id) => !column('SELECT id FROM results').has(id))).toEqual([]);
    expect([...seen.runs].filter((id) => !column('SELECT id FROM runs').has(id))).toEqual([]);
    expect([...seen.groups].filter((key) => !column('SELECT key FROM groups').has(key))).toEqual([]);
    const results = new ResultStore(db, workspaceAt(workspace));
    for (const id of seen.results) results.read(id);
  } finally {
    db.close();
  }
  for (const run of readdirSync(join(workspace, 'runs'))) {
    for (const name of readdirSync(join(workspace, 'runs', run))) {
      if (name.startsWith('checkpoint_')) checkpointHeader(join(workspace, 'runs', run, name));
    }
  }
  for (const id of readdirSync(join(workspace, 'results')).filter((name) => !name.startsWith('.'))) {
    const matrices = join(workspace, 'results', id, 'matrices');
    expect(existsSync(join(workspace, 'results', id, 'result.json'))).toBe(true);
    for (const name of readdirSync(matrices)) readNpy(join(matrices, name));
  }
}

/** Processes that this one started: its workers. */
function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((candidate) => parentOf(candidate) === pid);
}

function parentOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return -1;
  }
}

it.skipIf(process.platform !== 'linux')(`survives ${kills} kills`, { timeout: 300_000 }, async () => {
  const workspace = newFolder();
  const folder = newFolder();
  for (let i = 0; i < 40; i++) makeRun(folder, { name: `r${i}`, symmetry: i % 2 === 0 ? 0 : 1 });
  const seen: Acknowledged = { jobs: new Set(), results: new Set(), runs: new Set(), groups: new Set() };
  const next = random(20261122);
  let done = 0;
  while (done < kills) {
    const running = start(workspace, folder, seen);
    await Promise.race([running.opened, running.ended]);
    expect(running.stderr()).toBe('');
    // Two workers, then the engine itself, as long as there are kills left.
    for (let worker = 0; worker < 2 && done < kills - 1; worker++) {
      await new Promise((resolve) => setTimeout(resolve, 100 + next() * 900));
      const workers = childrenOf(running.child.pid!);
      const victim = workers[Math.floor(next() * workers.length)];
      if (victim === undefined) continue;
      process.kill(victim, 'SIGKILL');
      done++;
    }
    await new Promise((resolve) => setTimeout(resolve, next() * 900));
    running.child.kill('SIGKILL');
    await running.ended;
    done++;
    check(workspace, seen);
  }
  const last = start(workspace, folder, seen);
  await Promise.race([last.trained, last.ended]);
  while (seen.results.size < 8 && last.child.exitCode === null)
    await new Promise((resolve) => setTimeout(resolve, 50));
  expect(last.stderr()).toBe('');
  last.child.kill('SIGKILL');
  await last.ended;
  check(workspace, seen);
  for (const index of [0, 1]) {
    expect(weightsIn(join(workspace, 'runs', `trained-${index}`), 40)).toBe(expectedWeights(40));
  }
  expect(seen.results.size).toBeGreaterThanOrEqual(8);
  expect(seen.runs.size).toBeGreaterThanOrEqual(42);
});
