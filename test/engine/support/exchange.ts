/** Engines with the real worker, and imports into them. */
import { expect } from 'vitest';
import type { Engine } from '../../../src-main/engine/index.ts';
import { importJob } from '../../../src-shared/jobs/import.ts';
import { workerEntry } from '../../../src-shared/worker-protocol.ts';
import { newFolder, runJob, testEngine } from './workspace.ts';

export const open = (workspace = newFolder()): Promise<Engine> =>
  testEngine(workspace, { kinds: [], worker: { entry: workerEntry } });

export async function importInto(engine: Engine, ...paths: string[]) {
  const job = await runJob(engine, 'import', { paths });
  expect(job.error).toBeNull();
  return importJob.result.parse((await engine.call('results.get', { resultId: job.resultId! })).data);
}

export async function only(
  engine: Engine,
  kind: string,
): Promise<{ id: string; data: Record<string, unknown> }> {
  const rows = await engine.call('results.list', { kind });
  expect(rows).toHaveLength(1);
  expect(rows[0]!.origin).toBe('imported');
  const { data } = await engine.call('results.get', { resultId: rows[0]!.id });
  return { id: rows[0]!.id, data: data as Record<string, unknown> };
}
