/** Sweeps in the engine: started, followed, stopped, resumed, renamed and removed, whoever asks. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { rebuildCatalog, type Engine } from '../../src-main/engine/index.ts';
import { newFolder, refusal, testEngine, testOptions } from './support/workspace.ts';

const draft = {
  ...{ source: 'standard-small', settings: ['training.num_epochs=1'], seeds: null, then: ['interpolate'] },
  ...{ name: 'rates', grid: [{ key: 'seed', values: ['1', '2', '3', '4'] }] },
};

/** Resolves when the engine is no longer at work on it. */
async function through(engine: Engine, name = 'rates') {
  for (;;) {
    const standing = await engine.call('sweeps.get', { name });
    if (!standing.active) return standing;
    await new Promise<void>((resolve) => {
      const stop = engine.subscribe((event) => {
        if (event.type !== 'sweeps-changed') return;
        stop();
        resolve();
      });
    });
  }
}

describe('a sweep in the engine', () => {
  it('trains and measures every run, and does nothing when asked again', async () => {
    const engine = await testEngine();
    const begun = await engine.call('sweeps.start', { draft });
    expect(begun).toMatchObject({ name: 'rates', active: true, runs: 4, trained: 0 });
    const done = await through(engine);
    expect(done).toMatchObject({ trained: 4, complete: 4, failed: 0 });
    expect(done.cells.map(({ name, state }) => `${name} ${state}`)).toEqual([
      ...['seed=1 trained', 'seed=2 trained', 'seed=3 trained', 'seed=4 trained'],
    ]);
    const jobs = await engine.call('jobs.list', {});
    await engine.call('sweeps.start', { draft });
    await through(engine);
    expect(await engine.call('jobs.list', {})).toEqual(jobs);
  });

  it('can be stopped, and then does only what is missing', async () => {
    const engine = await testEngine();
    await engine.call('sweeps.start', { draft });
    const first = await new Promise<string>((resolve) => {
      engine.subscribe((event) => {
        if (event.type === 'job-changed' && event.job.state === 'done') resolve(event.job.id);
      });
    });
    const stopped = await engine.call('sweeps.cancel', { name: 'rates' });
    expect(stopped.active).toBe(false);
    expect(stopped.complete).toBeLessThan(4);
    const quiet = await engine.call('jobs.list', {});
    expect(quiet.filter(({ state }) => state === 'queued' || state === 'running')).toEqual([]);
    await engine.call('sweeps.resume', { name: 'rates' });
    expect(await through(engine)).toMatchObject({ complete: 4, failed: 0 });
    const trainings = await engine.call('results.list', { kind: 'train' });
    expect(trainings).toHaveLength(4);
    expect(trainings.some(({ jobId }) => jobId === first)).toBe(true);
  });

  it('is resumed by the next engine if it was at work, and not if it was stopped', async () => {
    const workspace = newFolder();
    const one = await testEngine(workspace);
    await one.call('sweeps.start', { draft });
    await one.close();
    const file = join(workspace, 'sweeps.json');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ active: [{ name: 'rates', slurm: null }] });
    // As an earlier Basin wrote it.
    writeFileSync(file, '{"active":["rates"]}');
    // A command that comes between works only on what it was asked for.
    const command = await testEngine(workspace, { queue: 'own' });
    expect(await command.call('sweeps.get', { name: 'rates' })).toMatchObject({ active: false });
    await command.close();
    const two = await testEngine(workspace);
    expect(await two.call('sweeps.get', { name: 'rates' })).toMatchObject({ active: true });
    await two.call('sweeps.cancel', { name: 'rates' });
    await two.close();
    const three = await testEngine(workspace);
    expect(await three.call('sweeps.get', { name: 'rates' })).toMatchObject({ active: false });
  });

  it('takes over what an engine before left in the queue, also for a single command', async () => {
    const workspace = newFolder();
    const one = await testEngine(workspace);
    await one.call('sweeps.start', { draft });
    await one.close();
    const command = await testEngine(workspace, { queue: 'own' });
    await command.call('sweeps.start', { draft });
    expect(await through(command)).toMatchObject({ complete: 4 });
    expect(await command.call('results.list', { kind: 'train' })).toHaveLength(4);
  });

  it('names the run that fails and trains the others', async () => {
    const workspace = newFolder();
    const engine = await testEngine(workspace);
    const folder = join(workspace, 'runs', 'rates');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'seed=3'), 'a file in the way');
    await engine.call('sweeps.start', { draft });
    const done = await through(engine);
    expect(done).toMatchObject({ trained: 3, complete: 3, failed: 1 });
    expect(done.cells[2]!.failures).toMatchObject([{ kind: 'train', state: 'failed' }]);
    expect(done.cells[2]!.failures[0]!.message).toContain('is a file, not a folder');
    rmSync(join(folder, 'seed=3'));
    await engine.call('sweeps.resume', { name: 'rates' });
    const mended = await through(engine);
    expect(mended.cells.flatMap(({ failures }) => failures)).toEqual([]);
    expect(mended).toMatchObject({ complete: 4, failed: 0 });
  });

  it('says what a draft would do, and refuses what cannot be trained, before anything is made', async () => {
    const workspace = newFolder();
    const engine = await testEngine(workspace);
    const grid = [
      { key: 'sigma_f', values: ['0', '1'] },
      { key: 'seed', values: ['1', '2'] },
    ];
    const plan = (change: object) =>
      engine.call('sweeps.plan', {
        draft: { ...draft, source: 'w-asymmetric-small', name: null, grid, ...change },
        thorough: false,
      });
    const planned = await plan({ seeds: 3 });
    expect(planned).toMatchObject({ name: 'w-asymmetric-small-by-sigma_f-seed', exists: false });
    expect(planned).toMatchObject({ runs: 4, networks: 12, seconds: null });
    expect(planned.summary).toContain('3 networks');
    expect(planned.cells[1]).toMatchObject({ name: 'sigma_f=0+seed=2', state: 'missing' });
    expect(await refusal(plan({ source: 'w-asymetric-small' }))).toContain('neither a preset nor a config');
    expect(await refusal(plan({ name: '../x' }))).toContain('cannot be the name of a sweep');
    expect(await refusal(plan({ grid: [{ key: 'sigma_ff', values: ['1'] }] }))).toContain('sigma_ff');
    expect(await refusal(plan({ then: ['diagnose'] }))).toContain('it is not about a run');
    expect(await refusal(plan({ then: ['train'] }))).toContain('more than a run and an epoch');
    expect(existsSync(join(workspace, 'runs', planned.name))).toBe(false);
  });

  it('is as far as it was after the catalog was made anew from the folders', async () => {
    const workspace = newFolder();
    const engine = await testEngine(workspace);
    await engine.call('sweeps.start', { draft });
    await through(engine);
    await engine.close();
    for (const name of readdirSync(workspace).filter((each) => each.startsWith('basin.db')))
      rmSync(join(workspace, name));
    await rebuildCatalog(testOptions(workspace));
    const again = await testEngine(workspace);
    expect(await again.call('sweeps.get', { name: 'rates' })).toMatchObject({ trained: 4, complete: 4 });
  });

  it('is renamed, refuses to be removed while it is at work, and goes with its runs to the trash', async () => {
    const engine = await testEngine();
    await engine.call('sweeps.start', { draft });
    expect(await refusal(engine.call('sweeps.remove', { name: 'rates', runs: true }))).toContain(
      'is running',
    );
    await through(engine);
    const renamed = await engine.call('sweeps.rename', { name: 'rates', title: 'Rates of learning' });
    expect(renamed.sweep.title).toBe('Rates of learning');
    expect(await engine.call('sweeps.get', { name: 'Rates of learning' })).toMatchObject({ name: 'rates' });

    const [run] = await engine.call('runs.list', {});
    await engine.call('runs.edit', { edit: { type: 'trash', runIds: [run!.id] } });
    const { cells } = await engine.call('sweeps.get', { name: 'rates' });
    expect(cells.filter(({ state }) => state === 'trashed')).toHaveLength(1);
    await engine.call('sweeps.resume', { name: 'rates' });
    await through(engine);
    expect(await engine.call('results.list', { kind: 'train' })).toHaveLength(4);

    const { trashed, step } = await engine.call('sweeps.remove', { name: 'rates', runs: true });
    expect(trashed).toBe(3);
    expect(await engine.call('sweeps.list', {})).toEqual({ sweeps: [], problems: [] });
    expect(await refusal(engine.call('sweeps.start', { draft }))).toContain('4 runs that are in the trash');
    await engine.call('groups.undo', { step: step! });
    expect(await engine.call('runs.list', {})).toHaveLength(3);
    expect(await refusal(engine.call('sweeps.get', { name: 'rates' }))).toContain('There is no sweep');
  });
});
