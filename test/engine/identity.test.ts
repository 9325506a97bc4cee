/** Which run a folder is: the contents of its checkpoints decide, not its config, file names and sizes. */
import {
  cpSync,
  mkdirSync,
  openSync,
  closeSync,
  renameSync,
  rmSync,
  utimesSync,
  writeSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import type { Engine } from '../../src-main/engine/index.ts';
import { importJob } from '../../src-shared/jobs/import.ts';
import { makeCheckpoint, makeRun } from './support/make-runs.ts';
import { newFolder, refusal, runJob, testEngine } from './support/workspace.ts';

async function importInto(engine: Engine, ...paths: string[]) {
  const job = await runJob(engine, 'import', { paths });
  expect(job.error).toBeNull();
  const { data } = await engine.call('results.get', { resultId: job.resultId! });
  return importJob.result.parse(data).changes!;
}

const rowsOf = (engine: Engine) => engine.call('runs.list', {});
const idAt = async (engine: Engine, path: string) =>
  (await rowsOf(engine)).find((row) => row.path === path)?.id;

async function groupOf(engine: Engine, key: string, ...runIds: string[]): Promise<void> {
  const members = runIds.map((runId) => ({ runId }));
  await engine.call('groups.edit', { edit: { type: 'create', architecture: 'mlp', key, members } });
}

/** Group -> its members as "path" or "path (missing)". */
async function groupsOf(engine: Engine): Promise<Record<string, string[]>> {
  const rows = new Map((await rowsOf(engine)).map((row) => [row.id, row]));
  const { groups } = await engine.call('groups.get', {});
  const text = (id: string) => {
    const row = rows.get(id)!;
    return row.state === 'missing' ? `${row.path} (missing)` : row.path;
  };
  return Object.fromEntries(groups.map(({ key, members }) => [key, members.map((m) => text(m.runId))]));
}

/** `parent/name/run`, as a sweep leaves its runs: one config, one set of file names, other weights. */
function sweepRun(parent: string, name: string, weights: number, size = 16): string {
  mkdirSync(join(parent, name), { recursive: true });
  return makeRun(join(parent, name), { name: 'run', weights, size });
}

const hashed = async (engine: Engine, id: string) => {
  await expect
    .poll(async () =>
      (await engine.call('runs.get', { runId: id })).checkpointRows.every((row) => row.sha256 !== null),
    )
    .toBe(true);
};

/** Another byte in the middle of a file, with the size and the time that it had. */
function changeByte(path: string): void {
  const { size, atime, mtime } = statSync(path);
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.from([0xab]), 0, 1, Math.floor(size / 2) + 5000);
  closeSync(file);
  utimesSync(path, atime, mtime);
}

describe('two runs of one config', () => {
  it('are two runs, also while the first one’s disk is away', async () => {
    const [folder, away] = [newFolder(), join(newFolder(), 'away')];
    const workspace = newFolder();
    const a = sweepRun(folder, '2025-03-01_10-00-00', 1);
    const engine = await testEngine(workspace);
    expect(await importInto(engine, a)).toMatchObject({ added: 1, notes: [] });
    const idA = (await idAt(engine, a))!;
    await groupOf(engine, 'good-runs', idA);

    renameSync(dirname(a), away);
    await engine.close();
    const later = await testEngine(workspace);
    expect(await groupsOf(later)).toEqual({ 'good-runs': [`${a} (missing)`] });
    const b = sweepRun(folder, '2025-03-02_11-30-00', 50);
    expect(await importInto(later, b)).toMatchObject({ added: 1, relocated: 0, notes: [] });
    expect(await groupsOf(later)).toEqual({ 'good-runs': [`${a} (missing)`] });

    renameSync(away, dirname(a));
    expect(await importInto(later, folder)).toMatchObject({ added: 0, unchanged: 2, notes: [], details: [] });
    expect(await idAt(later, a)).toBe(idA);
    expect(await groupsOf(later)).toEqual({ 'good-runs': [a] });
  });

  it('are shown at once to a window, which is then told of one whose folder has gone', async () => {
    const [folder, workspace] = [newFolder(), newFolder()];
    const [a, b] = [sweepRun(folder, 'seed_1', 1), sweepRun(folder, 'seed_2', 50)];
    const first = await testEngine(workspace);
    await importInto(first, folder);
    await first.close();
    const engine = await testEngine(workspace);
    renameSync(b, `${b}-elsewhere`);
    const changed = new Promise<void>((resolve) => {
      engine.subscribe(({ type }) => type === 'runs-changed' && resolve());
    });
    const states = async () => {
      const { runs } = await engine.call('runs.packed', {});
      return Object.fromEntries(runs.map(({ path, state }) => [path, state]));
    };
    expect(await states()).toEqual({ [a]: 'ready', [b]: 'ready' });
    await changed;
    expect(await states()).toEqual({ [a]: 'ready', [b]: 'missing' });
  });

  it('keep their groups if the folder with both of them moves', async () => {
    const [folder, workspace] = [newFolder(), newFolder()];
    const [a, b] = [sweepRun(folder, 'seed_1', 1), sweepRun(folder, 'seed_2', 50)];
    const engine = await testEngine(workspace);
    await importInto(engine, folder);
    await groupOf(engine, 'first', (await idAt(engine, a))!);
    await groupOf(engine, 'second', (await idAt(engine, b))!);
    const elsewhere = join(newFolder(), 'elsewhere');
    renameSync(folder, elsewhere);
    const changes = await importInto(engine, elsewhere);
    expect(changes).toMatchObject({ added: 0, relocated: 2 });
    expect(changes.notes).toEqual(['2 runs were moved; their groups were kept.']);
    expect(changes.details).toHaveLength(2);
    const at = (name: string) => join(elsewhere, name, 'run');
    expect(await groupsOf(engine)).toEqual({ first: [at('seed_1')], second: [at('seed_2')] });
  });

  it('keep their groups if they exchange their folders', async () => {
    const folder = newFolder();
    const [a, b] = [sweepRun(folder, 'seed_1', 1), sweepRun(folder, 'seed_2', 50)];
    const engine = await testEngine();
    await importInto(engine, folder);
    const ids = [(await idAt(engine, a))!, (await idAt(engine, b))!];
    await groupOf(engine, 'first', ids[0]!);
    renameSync(a, join(folder, 'for-now'));
    renameSync(b, a);
    renameSync(join(folder, 'for-now'), b);
    expect(await importInto(engine, folder)).toMatchObject({ added: 0, relocated: 2 });
    expect(await groupsOf(engine)).toEqual({ first: [b] });
    expect([await idAt(engine, b), await idAt(engine, a)]).toEqual(ids);
  });

  it('are told apart if one moves and the other takes its place', async () => {
    const folder = newFolder();
    const a = sweepRun(folder, 'current', 1);
    const engine = await testEngine();
    await importInto(engine, folder);
    await groupOf(engine, 'first', (await idAt(engine, a))!);
    renameSync(dirname(a), join(folder, 'backup'));
    sweepRun(folder, 'current', 50);
    expect(await importInto(engine, folder)).toMatchObject({ added: 1, relocated: 1 });
    expect(await groupsOf(engine)).toEqual({ first: [join(folder, 'backup', 'run')] });
    expect(await rowsOf(engine)).toHaveLength(2);
  });

  it('are both kept if one is moved over the other', async () => {
    const folder = newFolder();
    const [a, b] = [sweepRun(folder, 'seed_1', 1), sweepRun(folder, 'seed_2', 50)];
    const engine = await testEngine();
    await importInto(engine, folder);
    await groupOf(engine, 'first', (await idAt(engine, a))!);
    await groupOf(engine, 'second', (await idAt(engine, b))!);
    rmSync(b, { recursive: true });
    renameSync(a, b);
    await importInto(engine, folder);
    expect(await groupsOf(engine)).toEqual({ first: [b], second: [`${b} (replaced) (missing)`] });
    // The overwritten one comes back from a backup.
    const back = sweepRun(folder, 'restored', 50);
    expect(await importInto(engine, folder)).toMatchObject({ relocated: 1 });
    expect(await groupsOf(engine)).toEqual({ first: [b], second: [back] });
  });

  it('are two runs if Basin trains the second one while the first is away', async () => {
    const folder = newFolder();
    const engine = await testEngine();
    const [first, second] = [join(folder, 'first'), join(folder, 'second')];
    const train = (run: string) => runJob(engine, 'train', { run, epochs: 2, ms: 0 });
    expect((await train(first)).state).toBe('done');
    const id = (await idAt(engine, first))!;
    await groupOf(engine, 'trained', id);
    // The pretended training always ends the same: give the first run the weights of another seed.
    for (const epoch of [1, 2]) makeCheckpoint(first, epoch, 1, { size: 4096, weights: 3 });
    await importInto(engine, first);
    const away = join(newFolder(), 'away');
    renameSync(first, away);
    expect((await train(second)).state).toBe('done');
    expect(await idAt(engine, second)).not.toBe(id);
    expect((await rowsOf(engine)).find((row) => row.id === id)).toMatchObject({ path: first });
    renameSync(away, first);
    expect(await importInto(engine, folder)).toMatchObject({ added: 0 });
    expect(await idAt(engine, first)).toBe(id);
  });
});

describe('a copy', () => {
  it('is called a copy only if every byte is the same', async () => {
    const folder = newFolder();
    // Larger than what is sampled: the change lies between the samples.
    const original = makeRun(folder, { name: 'original', size: 60_000 });
    cpSync(original, join(folder, 'copy'), { recursive: true, preserveTimestamps: true });
    cpSync(original, join(folder, 'nearly'), { recursive: true, preserveTimestamps: true });
    changeByte(join(folder, 'nearly', 'checkpoint_epoch_5_model_2.safetensors'));
    const engine = await testEngine();
    const { added, notes } = await importInto(engine, folder);
    expect(added).toBe(3);
    expect(notes).toHaveLength(1);
    expect(notes[0]).toContain('is a copy of');
    expect(notes[0]).not.toContain('nearly');
    expect(await importInto(engine, folder)).toMatchObject({ unchanged: 3, notes: [] });
  });

  it('with one other byte is not where a missing run was moved to', async () => {
    const folder = newFolder();
    const original = makeRun(folder, { name: 'original', size: 60_000 });
    const engine = await testEngine();
    await importInto(engine, original);
    const id = (await idAt(engine, original))!;
    await groupOf(engine, 'g', id);
    await hashed(engine, id);
    renameSync(original, join(folder, 'nearly'));
    changeByte(join(folder, 'nearly', 'checkpoint_epoch_5_model_2.safetensors'));
    expect(await importInto(engine, folder)).toMatchObject({ added: 1, relocated: 0, notes: [] });
    expect(await groupsOf(engine)).toEqual({ g: [`${original} (missing)`] });
    const relocate = engine.call('runs.relocate', { runId: id, path: join(folder, 'nearly') });
    expect(await refusal(relocate)).toContain('checkpoint_epoch_5_model_2.safetensors holds other weights');
  });

  it('leaves the choice to a person if two could be the run that is missing', async () => {
    const folder = newFolder();
    const original = makeRun(folder, { name: 'original' });
    const engine = await testEngine();
    await importInto(engine, original);
    const id = (await idAt(engine, original))!;
    await groupOf(engine, 'g', id);
    cpSync(original, join(folder, 'one'), { recursive: true });
    renameSync(original, join(folder, 'two'));
    const { added, notes } = await importInto(engine, folder);
    expect(added).toBe(2);
    expect(notes.join('\n')).toContain('the groups stay with');
    expect(await groupsOf(engine)).toEqual({ g: [`${original} (missing)`] });
    await engine.call('runs.relocate', { runId: id, path: join(folder, 'two') });
    expect(await groupsOf(engine)).toEqual({ g: [join(folder, 'two')] });
    expect((await rowsOf(engine)).map((row) => basename(row.path)).toSorted()).toEqual(['one', 'two']);
  });
});

describe('a sweep of 120 runs of one config', () => {
  it('is imported without a note: no run is a copy of another', async () => {
    const folder = newFolder();
    for (let seed = 1; seed <= 120; seed++) sweepRun(folder, `seed_${seed}`, seed);
    const engine = await testEngine();
    expect(await importInto(engine, folder)).toEqual({
      added: 120,
      updated: 0,
      unchanged: 0,
      relocated: 0,
      notes: [],
      details: [],
    });
    const names = (await rowsOf(engine)).map((row) => row.name);
    expect(names).toContain('seed_1/run');
    expect(new Set(names).size).toBe(120);
  });

  it('that lies there twice is told in one sentence', async () => {
    const folder = newFolder();
    for (let seed = 1; seed <= 30; seed++) sweepRun(folder, `a/seed_${seed}`, seed);
    cpSync(join(folder, 'a'), join(folder, 'b'), { recursive: true });
    const { notes, details } = await importInto(await testEngine(), folder);
    expect(notes).toHaveLength(1);
    expect(notes[0]).toMatch(/^30 of these runs are copies of others/);
    expect(details).toHaveLength(30);
  });
});

describe('a catalog of an older Basin', () => {
  /** What the catalog looked like before samples were kept. */
  async function older(hashes: 'with hashes' | 'without hashes') {
    const [folder, workspace] = [newFolder(), newFolder()];
    const run = makeRun(folder, { name: 'old', weights: 1 });
    const engine = await testEngine(workspace);
    await importInto(engine, run);
    const id = (await idAt(engine, run))!;
    await groupOf(engine, 'g', id);
    await hashed(engine, id);
    await engine.close();
    const db = new Database(join(workspace, 'basin.db'));
    db.exec('UPDATE checkpoints SET sample = NULL; UPDATE runs SET contents = NULL');
    if (hashes === 'without hashes') db.exec('UPDATE checkpoints SET sha256 = NULL');
    db.close();
    return { folder, run, id, workspace };
  }

  it('finds a moved run by the hashes that it has', async () => {
    const { folder, run, workspace } = await older('with hashes');
    renameSync(run, join(folder, 'moved'));
    // Another run of the same config, but not its weights.
    renameSync(makeRun(folder, { name: 'old', weights: 2 }), join(folder, 'another'));
    const engine = await testEngine(workspace);
    expect(await importInto(engine, folder)).toMatchObject({ added: 1, relocated: 1 });
    expect(await groupsOf(engine)).toEqual({ g: [join(folder, 'moved')] });
  });

  it('says that it cannot tell if it has none, and keeps the groups', async () => {
    const { folder, run, id, workspace } = await older('without hashes');
    const moved = join(folder, 'moved');
    renameSync(run, moved);
    const engine = await testEngine(workspace);
    const { added, relocated, notes } = await importInto(engine, folder);
    expect([added, relocated]).toEqual([1, 0]);
    expect(notes[0]).toContain(`may be run ${id}`);
    expect(await groupsOf(engine)).toEqual({ g: [`${run} (missing)`] });
    await engine.call('runs.relocate', { runId: id, path: moved });
    expect(await groupsOf(engine)).toEqual({ g: [moved] });
    expect(await rowsOf(engine)).toHaveLength(1);
  });

  it('takes the samples in without calling anything changed', async () => {
    const { folder, workspace, run, id } = await older('without hashes');
    const engine = await testEngine(workspace);
    expect(await importInto(engine, folder)).toMatchObject({ unchanged: 1, updated: 0 });
    renameSync(run, join(folder, 'moved'));
    expect(await importInto(engine, folder)).toMatchObject({ relocated: 1 });
    expect(await idAt(engine, join(folder, 'moved'))).toBe(id);
  });
});

it('says if a folder holds other weights than before', async () => {
  const folder = newFolder();
  const run = makeRun(folder, { name: 'again', weights: 1 });
  const engine = await testEngine();
  await importInto(engine, folder);
  const id = (await idAt(engine, run))!;
  for (const epoch of [0, 5]) for (const model of [1, 2]) makeCheckpoint(run, epoch, model, { weights: 2 });
  const { updated, notes } = await importInto(engine, folder);
  expect(updated).toBe(1);
  expect(notes).toEqual([expect.stringContaining(`run ${id} now refers to the new ones`)]);
});
