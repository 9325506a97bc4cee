/** A workspace of its own for each test, gone afterwards; engines whose workers are the tests' own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';
import type { Job } from '../../../src-shared/api.ts';
import { openEngine, type Engine, type EngineOptions } from '../../../src-main/engine/index.ts';
import { testKinds } from './kinds.ts';

export const testWorker = fileURLToPath(new URL('worker.ts', import.meta.url));

const folders: string[] = [];
const engines = new Set<Engine>();

afterEach(async () => {
  for (const engine of engines) await engine.close().catch(() => undefined);
  engines.clear();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'basin-test-'));
  folders.push(folder);
  return folder;
}

export function testOptions(workspace: string, more: EngineOptions = {}): EngineOptions {
  return { workspace, kinds: testKinds, ...more, worker: { entry: testWorker, ...more.worker } };
}

/** Closed by itself at the end of the test. */
export async function testEngine(workspace = newFolder(), more: EngineOptions = {}): Promise<Engine> {
  const engine = await openEngine(testOptions(workspace, more));
  engines.add(engine);
  return engine;
}

export async function runJob(engine: Engine, kind: string, params: unknown): Promise<Job> {
  const job = await engine.call('jobs.submit', { kind, params });
  return engine.wait(job.id);
}

/** Resolves when the job is at work. */
export async function whenRunning(engine: Engine, jobId: string): Promise<void> {
  while ((await engine.call('jobs.get', { jobId })).state !== 'running') {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** What a call that must fail says; an Error if it did not. */
export async function refusal(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  throw new Error('expected a refusal');
}
