/** Real training through the engine, its worker killed: resumed by itself, the very same weights at the end. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { openEngine, type Engine } from '../../src-main/engine/index.ts';
import { loadTrainingConfig } from '../../src-main/formats/presets.ts';
import { newFolder } from './support/workspace.ts';

const epochs = 5;

function params(run: string) {
  const overrides = [
    'num_models=2',
    `training.num_epochs=${epochs}`,
    'training.save_every=1',
    'model.hidden_dim=16',
    'seed=7',
  ];
  return { run, config: loadTrainingConfig('standard-small', overrides) };
}

/** SHA-256 of every checkpoint by name. */
function weights(run: string): Record<string, string> {
  const names = readdirSync(run).filter((name) => name.startsWith('checkpoint_'));
  return Object.fromEntries(
    names.map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(run, name)))
        .digest('hex'),
    ]),
  );
}

async function killAfterFirstCheckpoint(engine: Engine, run: string, jobId: string): Promise<void> {
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

it('ends with the same weights after a kill -9 of its worker', { timeout: 240_000 }, async () => {
  const workspace = newFolder();
  const engine = await openEngine({ workspace });
  try {
    const [straight, broken] = [join(workspace, 'runs', 'straight'), join(workspace, 'runs', 'broken')];
    const first = await engine.call('jobs.submit', { kind: 'train', params: params(straight) });
    expect(await engine.wait(first.id)).toMatchObject({ state: 'done', error: null });
    const second = await engine.call('jobs.submit', { kind: 'train', params: params(broken) });
    await killAfterFirstCheckpoint(engine, broken, second.id);
    const ended = await engine.wait(second.id);
    expect(ended).toMatchObject({ state: 'done', attempt: 2 });
    expect(weights(broken)).toEqual(weights(straight));
    const log = await engine.call('jobs.log', { jobId: second.id });
    expect(log.join('\n')).toContain('Resuming from the finished parts.');
    const rows = await engine.call('runs.list', {});
    expect(
      rows
        .map(({ name, state, origin, models }) => ({ name, state, origin, models }))
        .toSorted((a, b) => a.name.localeCompare(b.name)),
    ).toEqual([
      { name: 'broken', state: 'ready', origin: 'trained', models: 2 },
      { name: 'straight', state: 'ready', origin: 'trained', models: 2 },
    ]);
    const detail = await engine.call('runs.get', { runId: rows[0]!.id });
    expect(detail.metrics.map((metrics) => metrics.epoch)).toContain(epochs);
    expect(rows[0]!.valAccuracy!.mean).toBeGreaterThan(50);
  } finally {
    await engine.close();
  }
});
