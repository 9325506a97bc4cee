/** What an engine that was killed left in the spool: nothing is lost, nothing is there twice. No cluster is needed. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { Spool, taskFolder, type Batch, type SlurmJob } from '../../src-main/engine/slurm/spool.ts';
import { slurmSettingsSchema } from '../../src-shared/slurm.ts';
import { fakeSlurm, slurmForEach } from './support/fake-slurm.ts';
import { newFolder, refusal, testEngine } from './support/workspace.ts';

const job: SlurmJob = {
  ...{ id: 'act-1', kind: 'act', version: 1, title: 'Act', lane: 'main', cacheKey: null, runPath: null },
  params: { what: 'talk', ms: 20, tag: '' },
};

const slurm = slurmForEach(() => fakeSlurm());
const { use } = slurm;

const settings = slurmSettingsSchema.parse({ poll: 600 });
const create = (spool: Spool, jobs = [job]): Batch =>
  spool.create(jobs, settings, ({ kind, params }, claim) => ({ kind, params, claim }));
const finish = (batch: Batch, index = 0): void => {
  const result = { result: { said: 'talked' }, backend: null };
  writeFileSync(join(taskFolder(batch, index), 'result.json'), JSON.stringify(result));
};

/** An array that Slurm has taken, of one task that has its result. */
function leave(workspace: string): Spool {
  const spool = new Spool(workspace);
  const batch = create(spool);
  spool.submitted(batch, '1');
  finish(batch);
  return spool;
}

/** A workspace with a job that failed on the cluster. */
async function failed(): Promise<{ workspace: string; spool: Spool }> {
  const workspace = newFolder();
  const spool = new Spool(workspace);
  const batch = create(spool);
  spool.submitted(batch, '1');
  const failure = { kind: 'user', message: 'no' };
  writeFileSync(join(taskFolder(batch, 0), 'failure.json'), JSON.stringify(failure));
  const engine = await testEngine(workspace);
  expect(await engine.call('jobs.list', {})).toMatchObject([{ id: job.id, state: 'failed', error: 'no' }]);
  await engine.close();
  return { workspace, spool };
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

test('a job that is tried again is submitted though the engine closes at once', async () => {
  const { workspace, spool } = await failed();
  const engine = await testEngine(workspace);
  await engine.call('jobs.retry', { jobId: job.id });
  await engine.close();
  const [batch] = spool.read().batches;
  expect(batch).toMatchObject({ slurmId: '7', jobs: [{ id: job.id }] });
  expect(slurm.calls('sbatch')).toHaveLength(1);
  // Before variables of whoever submits, and lines of the script.
  expect(slurm.calls('sbatch')[0]).toEqual(
    expect.arrayContaining([
      ...[`--job-name=${batch!.name}`, '--array=0-0'],
      `--output=${batch!.folder}/%a/slurm.out`,
    ]),
  );
});

test('killed before sbatch took a job that was tried again: it is submitted once more', async () => {
  const { workspace, spool } = await failed();
  create(spool);
  const db = new Database(join(workspace, 'basin.db'));
  db.exec(`CREATE TEMP TABLE kept AS SELECT * FROM jobs; DELETE FROM jobs;
    UPDATE kept SET state = 'queued', error = NULL, hint = NULL, started_at = NULL, finished_at = NULL;
    INSERT INTO jobs SELECT * FROM kept`);
  db.close();
  const engine = await testEngine(workspace);
  await expect.poll(() => spool.read().batches).toMatchObject([{ slurmId: '7', jobs: [{ id: job.id }] }]);
  expect(await engine.call('jobs.list', {})).toMatchObject([{ state: 'queued' }]);
  expect(slurm.calls('sbatch')).toHaveLength(1);
});

test('killed before sbatch answered, and Slurm has forgotten the task: its own word counts', async () => {
  const workspace = newFolder();
  const spool = new Spool(workspace);
  const batch = create(spool);
  writeFileSync(join(batch.folder, 'slurm-id'), '');
  finish(batch);
  expect(spool.read().batches).toMatchObject([{ slurmId: undefined }]);
  use(fakeSlurm({ squeue: `echo 5 > '${batch.folder}/slurm-id'` }));
  const engine = await testEngine(workspace);
  await expect.poll(() => engine.call('jobs.list', {})).toMatchObject([{ id: job.id, state: 'done' }]);
});

test('what sbatch may have taken before it failed is cancelled', async () => {
  use(fakeSlurm({ sbatch: 'cat > /dev/null; echo timed out >&2; exit 1' }));
  const engine = await testEngine();
  const asked = engine.call('jobs.submitOnSlurm', { jobs: [{ kind: 'act', params: job.params }], settings });
  expect(await refusal(asked)).toContain('sbatch: timed out.');
  const name = slurm.calls('sbatch')[0]!.find((word) => word.startsWith('--job-name='))!;
  expect(slurm.calls('scancel')).toEqual([['--quiet', name.replace('--job-name', '--name')]]);
});

test('variables that would hide tasks are not passed on', async () => {
  const told = join(newFolder(), 'told');
  use(fakeSlurm({ squeue: `env | grep -c ^SQUEUE_ > ${told}.part; mv ${told}.part ${told}` }));
  process.env['SQUEUE_STATES'] = 'PENDING';
  try {
    const workspace = newFolder();
    const spool = new Spool(workspace);
    spool.submitted(create(spool), '1');
    await testEngine(workspace);
    await expect.poll(() => existsSync(told)).toBe(true);
  } finally {
    delete process.env['SQUEUE_STATES'];
  }
  expect(readFileSync(told, 'utf8').trim()).toBe('0');
});

test('a result that is damaged ends its own job only, and names the file', async () => {
  const workspace = newFolder();
  const spool = new Spool(workspace);
  const batch = create(spool, [job, { ...job, id: 'act-2' }]);
  spool.submitted(batch, '1');
  const file = join(taskFolder(batch, 0), 'result.json');
  writeFileSync(file, '{"result": ');
  finish(batch, 1);
  const engine = await testEngine(workspace);
  const jobs = await engine.call('jobs.list', {});
  const byId = Object.fromEntries(jobs.map(({ id, state, error }) => [id, { state, error }]));
  expect(byId['act-2']).toMatchObject({ state: 'done' });
  expect(byId['act-1']!.state).toBe('failed');
  expect(byId['act-1']!.error).toContain(`${file} is damaged`);
});
