/** Import: what is found, what is said about what is broken, what happens when folders move. */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Engine } from '../../src-main/engine/index.ts';
import { importJob } from '../../src-shared/jobs/import.ts';
import { fixtureRun } from '../support/fixtures.ts';
import { makeCheckpoint, makeRun } from './support/make-runs.ts';
import { newFolder, refusal, runJob, testEngine } from './support/workspace.ts';

async function importInto(engine: Engine, ...paths: string[]) {
  const job = await runJob(engine, 'import', { paths });
  expect(job.error).toBeNull();
  return importJob.result.parse((await engine.call('results.get', { resultId: job.resultId! })).data);
}

const rowsOf = (engine: Engine) => engine.call('runs.list', {});

describe('import', () => {
  it('reads the reference’s own run folders', async () => {
    const engine = await testEngine();
    const result = await importInto(engine, fixtureRun('sym1_kappa1'), fixtureRun('sym0'));
    expect(result).toMatchObject({ runs: 2, broken: [], changes: { added: 2, notes: [] } });
    const rows = await rowsOf(engine);
    const wAsym = rows.find((row) => row.name === 'sym1_kappa1')!;
    expect(wAsym).toMatchObject({
      family: 'w-asymmetric',
      sigmaF: 1,
      models: 4,
      architecture: 'mlp',
      origin: 'imported',
      state: 'ready',
    });
    expect(wAsym.properties).toMatchObject({
      'model.mask_params.default.num_fixed': 16,
      'dataset.name': 'mnist',
    });
    const detail = await engine.call('runs.get', { runId: wAsym.id });
    expect(detail.widths).toEqual([784, 64, 64, 64, 10]);
    expect(detail.checkpointRows.every((row) => row.state === 'ready')).toBe(true);
  });

  it('changes nothing the second time, keeps unknown keys, and hashes in the background', async () => {
    const folder = newFolder();
    for (const name of ['a', 'b', 'c']) makeRun(folder, { name });
    const engine = await testEngine();
    expect((await importInto(engine, folder)).changes).toMatchObject({ added: 3 });
    const before = await rowsOf(engine);
    expect((await importInto(engine, folder)).changes).toEqual({
      added: 0,
      updated: 0,
      unchanged: 3,
      relocated: 0,
      notes: [],
      details: [],
    });
    expect(await rowsOf(engine)).toEqual(before);
    expect(before[0]!.properties['my_own_key.kept']).toBe(true);
    const hashes = async () =>
      (await engine.call('runs.get', { runId: before[0]!.id })).checkpointRows.map((row) => row.sha256);
    const found = expect.stringMatching(/^[0-9a-f]{64}$/) as string;
    await expect.poll(hashes).toEqual((await hashes()).map(() => found));
  });

  it('lists what is broken with the reason and takes the rest', async () => {
    const folder = newFolder();
    const good = makeRun(folder, { name: 'good' });
    truncateSync(join(good, 'checkpoint_epoch_5_model_2.safetensors'), 20);
    writeFileSync(join(good, 'checkpoint_epoch_9_model_1.pt'), 'no zip');
    const noConfig = makeRun(folder, { name: 'no-config' });
    rmSync(join(noConfig, 'config.yaml'));
    const noCheckpoints = makeRun(folder, { name: 'no-checkpoints', epochs: [] });
    const badYaml = makeRun(folder, { name: 'bad-yaml' });
    writeFileSync(join(badYaml, 'config.yaml'), 'model: [1, 2\n  x: {');
    mkdirSync(join(folder, 'run', '.hydra'), { recursive: true });
    writeFileSync(join(folder, 'run', '.hydra', 'config.yaml'), 'a: 1');
    symlinkSync(folder, join(folder, 'loop'));
    const engine = await testEngine();
    const { broken, runs } = await importInto(engine, folder);
    expect(runs).toBe(4);
    const reason = (path: string): string => broken.find((item) => item.path === path)?.reason ?? '';
    expect(reason(join(good, 'checkpoint_epoch_5_model_2.safetensors'))).not.toBe('');
    expect(reason(join(good, 'checkpoint_epoch_9_model_1.pt'))).not.toBe('');
    expect(reason(noConfig)).toContain('no config.yaml');
    expect(reason(noCheckpoints)).toContain('no checkpoints');
    expect(reason(badYaml)).toContain('config.yaml');
    const states = Object.fromEntries((await rowsOf(engine)).map((row) => [row.name, row.state]));
    expect(states).toEqual({
      good: 'ready',
      'no-config': 'broken',
      'no-checkpoints': 'broken',
      'bad-yaml': 'broken',
    });
    const rows = (
      await engine.call('runs.get', { runId: (await rowsOf(engine)).find((row) => row.name === 'good')!.id })
    ).checkpointRows;
    expect(rows.filter((row) => row.state === 'broken').map((row) => basename(row.path))).toEqual([
      'checkpoint_epoch_5_model_2.safetensors',
      'checkpoint_epoch_9_model_1.pt',
    ]);
  });

  it('refuses a folder that does not exist', async () => {
    const job = await runJob(await testEngine(), 'import', { paths: ['/no/such/folder'] });
    expect(job).toMatchObject({ state: 'failed', error: '/no/such/folder does not exist.' });
  });

  it('tells runs of the same name apart and notices copies', async () => {
    const [one, two] = [newFolder(), newFolder()];
    makeRun(one, { name: 'same' });
    makeRun(two, { name: 'same', symmetry: 1 });
    cpSync(join(one, 'same'), join(two, 'copy'), { recursive: true });
    const engine = await testEngine();
    await importInto(engine, one);
    const { changes } = await importInto(engine, two);
    expect(changes!.added).toBe(2);
    const [original, copy] = [join(one, 'same'), join(two, 'copy')];
    expect(changes!.notes).toEqual([
      `${copy} is a copy of ${original} (same config, same weights); both are kept.`,
    ]);
    const rows = await rowsOf(engine);
    expect(new Set(rows.map((row) => row.id)).size).toBe(3);
    expect(rows.map((row) => row.name).toSorted()).toEqual(
      [`${basename(one)}/same`, `${basename(two)}/same`, 'copy'].toSorted(),
    );
  });

  it('follows a run that grows, and marks what was deleted', async () => {
    const folder = newFolder();
    const run = makeRun(folder, { name: 'growing' });
    const engine = await testEngine();
    await importInto(engine, folder);
    makeCheckpoint(run, 10, 1);
    rmSync(join(run, 'checkpoint_epoch_0_model_2.safetensors'));
    expect((await importInto(engine, folder)).changes).toMatchObject({ updated: 1, unchanged: 0 });
    const [row] = await rowsOf(engine);
    const { checkpointRows } = await engine.call('runs.get', { runId: row!.id });
    expect(checkpointRows.map(({ epoch, model, state }) => `${epoch}/${model} ${state}`)).toEqual([
      '0/1 ready',
      '0/2 missing',
      '5/1 ready',
      '5/2 ready',
      '10/1 ready',
    ]);
  });

  it('stays whole while folders change under it', async () => {
    const folder = newFolder();
    for (let i = 0; i < 60; i++) makeRun(folder, { name: `r${i}` });
    const engine = await testEngine();
    const job = await engine.call('jobs.submit', { kind: 'import', params: { paths: [folder] } });
    for (let i = 59; i > 20; i -= 2) {
      rmSync(join(folder, `r${i}`), { recursive: true });
      makeCheckpoint(join(folder, `r${i - 1}`), 7, 1);
      // Waits for nothing: spreads the changes over the import.
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(await engine.wait(job.id)).toMatchObject({ state: 'done' });
    const { changes } = await importInto(engine, folder);
    expect(changes!.added + changes!.updated + changes!.unchanged).toBe(40);
    const rows = await rowsOf(engine);
    expect(rows.filter((row) => row.state === 'ready').length).toBe(40);
  });
});

describe('a folder that moved', () => {
  it('is found again by the next import, with its groups', async () => {
    const folder = newFolder();
    const run = makeRun(folder, { name: 'nomad' });
    const workspace = newFolder();
    const engine = await testEngine(workspace);
    await importInto(engine, folder);
    const { id } = (await rowsOf(engine))[0]!;
    await engine.call('groups.edit', {
      edit: { type: 'create', architecture: 'mlp', key: 'g', members: [{ runId: id }] },
    });
    await engine.close();
    const place = join(folder, 'new place');
    mkdirSync(place);
    renameSync(run, join(place, 'nomad'));
    const next = await testEngine(workspace);
    expect(await rowsOf(next)).toMatchObject([{ id, state: 'missing' }]);
    const { changes } = await importInto(next, place);
    expect(changes).toMatchObject({ added: 0, relocated: 1 });
    expect(changes!.notes[0]).toContain('its groups were kept');
    expect(await rowsOf(next)).toMatchObject([
      { id, state: 'ready', path: join(place, 'nomad'), groupIds: [expect.any(String)] },
    ]);
  });

  it('can be pointed to by hand, but only to the same run', async () => {
    const folder = newFolder();
    const run = makeRun(folder, { name: 'nomad' });
    const other = makeRun(folder, { name: 'other', symmetry: 1 });
    const workspace = newFolder();
    const engine = await testEngine(workspace);
    await importInto(engine, run);
    const runId = (await rowsOf(engine))[0]!.id;
    const moved = join(folder, 'moved');
    renameSync(run, moved);
    const relocate = (path: string) => engine.call('runs.relocate', { runId, path });
    expect(await refusal(relocate(other))).toContain('it has another config.yaml');
    expect(await refusal(relocate(join(folder, 'nowhere')))).toContain('does not exist');
    copyFileSync(join(moved, 'config.yaml'), join(other, 'config.yaml'));
    rmSync(join(other, 'checkpoint_epoch_5_model_1.safetensors'));
    expect(await refusal(relocate(other))).toContain('checkpoint_epoch_5_model_1.safetensors is missing');
    expect(await relocate(moved)).toMatchObject({ id: runId, path: moved, state: 'ready' });
    expect(existsSync(moved)).toBe(true);
  });

  it('is forgotten on request; its files stay', async () => {
    const folder = newFolder();
    const run = makeRun(folder, { name: 'r' });
    const engine = await testEngine();
    await importInto(engine, folder);
    const [row] = await rowsOf(engine);
    await engine.call('runs.remove', { runIds: [row!.id] });
    expect(await rowsOf(engine)).toEqual([]);
    expect(existsSync(join(run, 'config.yaml'))).toBe(true);
  });
});
