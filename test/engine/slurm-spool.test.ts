/** What an engine that was killed left in the spool: nothing is lost, nothing is there twice. No cluster is needed. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { Spool, taskFolder, type SlurmJob } from '../../src-main/engine/slurm/spool.ts';
import { slurmSettingsSchema } from '../../src-shared/slurm.ts';
import { newFolder, testEngine } from './support/workspace.ts';

const job: SlurmJob = {
  ...{ id: 'act-1', kind: 'act', version: 1, title: 'Act', lane: 'main', cacheKey: null, runPath: null },
  params: { what: 'talk', ms: 20, tag: '' },
};

/** An array that Slurm has taken, of one task that has its result. */
function leave(workspace: string): Spool {
  const spool = new Spool(workspace);
  const settings = slurmSettingsSchema.parse({ poll: 600 });
  const batch = spool.create([job], settings, ({ kind, params }, claim) => ({ kind, params, claim }));
  spool.submitted(batch, '1');
  const result = { result: { said: 'talked' }, backend: null };
  writeFileSync(join(taskFolder(batch, 0), 'result.json'), JSON.stringify(result));
  return spool;
}

test('killed before the catalog had the job: it is taken in, with its result', async () => {
  const workspace = newFolder();
  const spool = leave(workspace);
  const engine = await testEngine(workspace);
  const [found] = await engine.call('jobs.list', {});
  expect(found).toMatchObject({ id: job.id, state: 'done', params: job.params });
  const { data } = await engine.call('results.get', { resultId: found!.resultId! });
  expect(data).toEqual({ said: 'talked' });
  expect(spool.read().batches).toEqual([]);
});

test('killed between the result and the word that the job is done: there is one result', async () => {
  const workspace = newFolder();
  leave(workspace);
  const engine = await testEngine(workspace);
  const [first] = await engine.call('results.list', { kind: 'act' });
  const resultId = first!.id;
  await engine.close();
  const spool = leave(workspace);
  const db = new Database(join(workspace, 'basin.db'));
  const columns = 'id, kind, version, title, params, lane, position, created_at';
  db.exec(`CREATE TEMP TABLE kept AS SELECT ${columns} FROM jobs; DELETE FROM jobs;
    INSERT INTO jobs (${columns}, state) SELECT ${columns}, 'queued' FROM kept;
    UPDATE jobs SET state = 'running', started_at = 1, attempt = 1`);
  db.close();
  const next = await testEngine(workspace);
  expect(await next.call('jobs.list', {})).toMatchObject([{ id: job.id, state: 'done', resultId }]);
  expect(await next.call('results.list', { kind: 'act' })).toHaveLength(1);
  expect(spool.read().batches).toEqual([]);
});
