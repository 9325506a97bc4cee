/**
 * An engine in a process of its own, to be killed: `node host.ts WORKSPACE FOLDER`. It works through a mixture of
 * training, imports, analyses and group edits, and prints one JSON line for whatever it has acknowledged.
 */
import { join } from 'node:path';
import type { Job } from '../../../src-shared/api.ts';
import { openEngine } from '../../../src-main/engine/index.ts';
import { testKinds } from './kinds.ts';

const [workspace, folder, entry] = process.argv.slice(2) as [string, string, string];

const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

const engine = await openEngine({
  workspace,
  kinds: testKinds,
  worker: { entry },
  pool: { workers: 2, threads: 1 },
});
say({ open: process.pid });

/** Submits until there is a result; a worker that was killed is no reason to give up. */
async function insist(kind: string, params: unknown): Promise<void> {
  let job: Job = await engine.call('jobs.submit', { kind, params });
  say({ submitted: job.id });
  for (;;) {
    job = await engine.wait(job.id);
    if (job.state === 'done') return say({ done: job.id, resultId: job.resultId, cached: job.cached });
    say({ ended: job.state, error: job.error });
    if (job.state !== 'failed' && job.state !== 'interrupted') return;
    await engine.call('jobs.retry', { jobId: job.id });
  }
}

async function train(index: number): Promise<void> {
  const run = join(workspace, 'runs', `trained-${index}`);
  const jobs = await engine.call('jobs.list', {});
  const mine = jobs.find((job) => job.kind === 'train' && (job.params as { run: string }).run === run);
  if (!mine) return insist('train', { run, epochs: 40, ms: 40 });
  const ended = await engine.wait(mine.id);
  if (ended.state === 'done') return say({ done: mine.id, resultId: ended.resultId });
  await engine.call('jobs.retry', { jobId: mine.id });
  await engine.wait(mine.id);
}

async function others(): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    await insist('import', { paths: [folder] });
    const runs = await engine.call('runs.list', {});
    say({ runs: runs.map((run) => run.id) });
    const key = `g${process.pid}-${i}`;
    const members = runs.slice(0, 3).map((run) => ({ runId: run.id }));
    await engine.call('groups.edit', { edit: { type: 'create', architecture: 'mlp', key, members } });
    say({ group: key });
    const run = runs.find((candidate) => candidate.path.startsWith(folder));
    const about = run ? { run: run.path, models: [1], epoch: run.epochs[0] } : {};
    await insist('table', { n: 20 + ((process.pid + i) % 50), ms: 20, ...about });
  }
}

void others();
await Promise.all([train(0), train(1)]);
say({ trained: true });
