/**
 * An engine with the real worker in a process of its own, to be killed: `node real-host.ts WORKSPACE FOLDER RUN MODE`.
 * Trains runs one after the other, imports FOLDER and measures RUN again and again. With MODE `finish` it ends what was
 * begun (or trains one run, where none was) and says what the two fixed questions about RUN come to.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Job } from '../../../src-shared/api.ts';
import { openEngine } from '../../../src-main/engine/index.ts';
import { loadTrainingConfig } from '../../../src-main/formats/presets.ts';

const [workspace, folder, measured, mode] = process.argv.slice(2) as [string, string, string, string];
const epochs = 6;

const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

const engine = await openEngine({ workspace, pool: { workers: 2, threads: 1 } });
say({ open: process.pid });

/** Until there is a result; a worker that was killed is no reason to give up. */
async function untilDone(id: string): Promise<Job> {
  for (;;) {
    const job = await engine.wait(id);
    if (job.state === 'done') {
      say({ done: job.id, resultId: job.resultId });
      return job;
    }
    if (job.state !== 'failed' && job.state !== 'interrupted') throw new Error(`${job.kind}: ${job.state}`);
    // What is wrong with the question, and not with the worker, would be wrong for ever.
    if (job.error !== null && !/worker|killed|ended|stopped/i.test(job.error)) throw new Error(job.error);
    await engine.call('jobs.retry', { jobId: id });
  }
}

async function insist(kind: string, params: unknown): Promise<Job> {
  const job = await engine.call('jobs.submit', { kind, params });
  say({ submitted: job.id });
  return untilDone(job.id);
}

const runAt = (index: number): string => join(workspace, 'runs', `trained-${index}`);

function config() {
  return loadTrainingConfig('w-asymmetric-small', [
    ...['num_models=2', `training.num_epochs=${epochs}`, 'training.save_every=1', 'seed=7'],
    ...['model.hidden_dim=20', 'model.mask_params.linear_mask_params_3.num_fixed=10'],
  ]);
}

async function jobFor(index: number): Promise<Job | undefined> {
  const jobs = await engine.call('jobs.list', {});
  return jobs.find((job) => job.kind === 'train' && (job.params as { run: string }).run === runAt(index));
}

async function train(index: number): Promise<void> {
  const mine = await jobFor(index);
  if (mine) await untilDone(mine.id);
  else await insist('train', { run: runAt(index), config: config() });
}

/** Question `i` about the measured run: costs of its checkpoints, or a curve between its models. */
function question(i: number): [kind: string, params: object] {
  const selection = { run: measured, models: [1, 2] };
  if (i % 2 === 0) {
    const explainedVariance = 0.6 + (i % 60) / 200;
    return ['realization-cost', { ...selection, epoch: [1, 2, 3, 4, 5, 6], explainedVariance }];
  }
  return ['interpolate', { ...selection, epoch: epochs, steps: 10 + (i % 60), align: 'activation' }];
}

async function others(): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    await insist('import', { paths: [folder] });
    const runs = await engine.call('runs.list', {});
    say({ runs: runs.map((run) => run.id) });
    await insist(...question((process.pid + i) % 60));
  }
}

/** A fingerprint of a result, its matrices included. */
async function resultOf(i: number): Promise<string> {
  const { resultId } = await insist(...question(i));
  const { data } = await engine.call('results.get', { resultId: resultId! });
  const hash = createHash('sha256').update(JSON.stringify(data));
  for (const [, name] of JSON.stringify(data).matchAll(/"\$matrix":"([^"]+)"/g)) {
    const { rows, columns, data } = await engine.call('results.matrix', { resultId: resultId!, name: name! });
    hash.update(`${rows} ${columns}`).update(Float64Array.from(data));
  }
  return hash.digest('hex');
}

if (mode === 'finish') {
  const attempts: number[] = [];
  do {
    await train(attempts.length);
    attempts.push((await jobFor(attempts.length))!.attempt);
  } while (await jobFor(attempts.length));
  say({ finished: { results: [await resultOf(0), await resultOf(1)], attempts } });
} else {
  void others();
  for (let index = 0; ; index++) await train(index);
}
