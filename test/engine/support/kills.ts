/** What tests that kill an engine and its workers share: an engine in a process of its own, and what must hold after. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import Database from 'better-sqlite3';
import { expect } from 'vitest';
import { ResultStore } from '../../../src-main/engine/results.ts';
import { integrityProblems } from '../../../src-main/engine/store/database.ts';
import { workspaceAt } from '../../../src-main/engine/store/workspace.ts';
import { readNpy } from '../../../src-main/formats/npy.ts';
import { checkpointHeader } from '../../../src-main/formats/run-directory.ts';

/** What a host said that the engine has acknowledged: none of it may ever be lost. */
export interface Acknowledged {
  jobs: Set<string>;
  results: Set<string>;
  runs: Set<string>;
  groups: Set<string>;
}

export const nothingYet = (): Acknowledged => ({
  jobs: new Set(),
  results: new Set(),
  runs: new Set(),
  groups: new Set(),
});

/** Small and always the same: mulberry32. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Host {
  child: ChildProcess;
  opened: Promise<boolean>;
  trained: Promise<boolean>;
  /** Everything that was to be done is done; what the host found. */
  finished: Promise<Record<string, unknown>>;
  ended: Promise<void>;
  stderr: () => string;
}

/** Starts `node script ...args`, an engine that prints a JSON line for whatever it has acknowledged. */
export function startHost(script: string, args: readonly string[], seen: Acknowledged): Host {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [opened, trained] = [Promise.withResolvers<boolean>(), Promise.withResolvers<boolean>()];
  const finished = Promise.withResolvers<Record<string, unknown>>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    const said = JSON.parse(line) as Record<string, unknown>;
    if ('open' in said) opened.resolve(true);
    if ('trained' in said) trained.resolve(true);
    if ('finished' in said) finished.resolve(said['finished'] as Record<string, unknown>);
    if (typeof said['submitted'] === 'string') seen.jobs.add(said['submitted']);
    if (typeof said['resultId'] === 'string') seen.results.add(said['resultId']);
    if (typeof said['group'] === 'string') seen.groups.add(said['group']);
    if (Array.isArray(said['runs'])) for (const id of said['runs']) seen.runs.add(id as string);
  });
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  return {
    child,
    opened: opened.promise,
    trained: trained.promise,
    finished: finished.promise,
    ended,
    stderr: () => stderr,
  };
}

/** The catalog is whole and has all that was acknowledged; every file under a final name is whole. */
export function expectWhole(workspace: string, seen: Acknowledged): void {
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
    if (existsSync(matrices)) for (const name of readdirSync(matrices)) readNpy(join(matrices, name));
  }
}

/** Looks again and again until something is so. Throws if the engine ends before it is. */
export async function until(running: Host, reached: () => boolean): Promise<void> {
  while (!reached()) {
    if (running.child.exitCode !== null || running.child.signalCode !== null)
      throw new Error(`the engine ended by itself: ${running.stderr()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Waits for nothing: spreads what follows over all moments of the work, up to a second. */
export const anyMoment = (next: () => number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, next() * 1000));

/** SIGKILL for one of them. False if there is none, or if it ended by itself in that very moment. */
export function killOneOf(workers: readonly number[], next: () => number): boolean {
  const victim = workers[Math.floor(next() * workers.length)];
  if (victim === undefined) return false;
  try {
    return process.kill(victim, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** Processes that this one started: its workers. */
export function childrenOf(pid: number): number[] {
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
