/** Tracking through the engine: told live, kept with the job and with the run, and whole after a kill of the worker. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import type { EpochMetrics } from '../../src-shared/progress.ts';
import { trackingFileSchema } from '../../src-shared/tracking.ts';
import { openEngine, type Engine } from '../../src-main/engine/index.ts';
import { loadTrainingConfig } from '../../src-main/formats/presets.ts';
import { newFolder } from './support/workspace.ts';

const overrides = [
  ...['dataset.val_split=0.95', 'model.hidden_dim=8', 'num_models=2', 'seed=7'],
  ...['training.num_epochs=4', 'interpolation=grid', 'interpolation.steps=2', 'interpolation.save_every=1'],
  'training.cosine_similarity={enabled: true, save_every: 1}',
  'training.functional_similarity={enabled: true, save_every: 2}',
  'training.ntk_tracking={enabled: true, save_every: 2, num_samples: 10, compute_ntk_stats: true, compute_linearization: true}',
];
const params = (run: string) => ({ run, config: loadTrainingConfig('standard-small', overrides) });

const trackedIn = (run: string): unknown => {
  const file = trackingFileSchema.parse(JSON.parse(readFileSync(join(run, 'tracking.json'), 'utf8')));
  return JSON.parse(JSON.stringify({ ...file, seconds: 0 }).replaceAll(run, 'RUN'));
};

async function killAfterEpochOne(engine: Engine, run: string, jobId: string): Promise<void> {
  while (!existsSync(join(run, 'checkpoint_epoch_1_model_2.safetensors'))) {
    const { state, error } = await engine.call('jobs.get', { jobId });
    if (state !== 'running' && state !== 'queued')
      throw new Error(`training ended too early: ${state} ${error ?? ''}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const db = new Database(join(engine.workspace.root, 'basin.db'), { readonly: true });
  const pid = db.prepare('SELECT worker_pid FROM jobs WHERE id = ?').pluck().get(jobId) as number | null;
  db.close();
  if (pid !== null) process.kill(pid, 'SIGKILL');
}

it('is told live, kept, and whole after a kill -9 of its worker', { timeout: 240_000 }, async () => {
  const workspace = newFolder();
  const engine = await openEngine({ workspace });
  const told = new Map<string, EpochMetrics[]>();
  engine.subscribe((event) => {
    if (event.type === 'job-epoch') told.set(event.jobId, [...(told.get(event.jobId) ?? []), event.metrics]);
  });
  try {
    const [straight, broken] = [join(workspace, 'runs', 'straight'), join(workspace, 'runs', 'broken')];
    const first = await engine.call('jobs.submit', { kind: 'train', params: params(straight) });
    expect(await engine.wait(first.id)).toMatchObject({ state: 'done', error: null });
    const metrics = await engine.call('jobs.metrics', { jobId: first.id });
    expect(metrics.map(({ tracked }) => Object.keys(tracked!).length)).toEqual([5, 4, 10, 4, 10]);
    expect(told.get(first.id)).toEqual(metrics);

    const second = await engine.call('jobs.submit', { kind: 'train', params: params(broken) });
    await killAfterEpochOne(engine, broken, second.id);
    expect(await engine.wait(second.id)).toMatchObject({ state: 'done', attempt: 2 });
    expect(trackedIn(broken)).toEqual(trackedIn(straight));
    expect(await engine.call('jobs.metrics', { jobId: second.id })).toEqual(metrics);

    const runs = await engine.call('runs.list', {});
    for (const { id } of runs)
      expect((await engine.call('runs.get', { runId: id })).metrics).toEqual(metrics);
  } finally {
    await engine.close();
  }
});
