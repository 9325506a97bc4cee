/** Training again at the same path: every layer that remembers a result must notice, and none may show the old one. */
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Engine } from '../../src-main/engine/index.ts';
import { hashInputs } from '../../src-main/engine/inputs.ts';
import { ContentHashes } from '../../src-main/engine/catalog/hashes.ts';
import { openDatabase } from '../../src-main/engine/store/database.ts';
import { interpolateJob } from '../../src-shared/jobs/interpolate.ts';
import { makeCheckpoint, makeRun } from './support/make-runs.ts';
import { tableJob, testKinds } from './support/kinds.ts';
import { newFolder, runJob, testEngine } from './support/workspace.ts';

const past = new Date(2020, 1, 1);

/** Other weights in a file of the same name and size, with the time of the old one, as `cp -p` and archives leave it. */
function retrain(run: string, epoch: number, model: number): void {
  const path = join(run, `checkpoint_epoch_${epoch}_model_${model}.safetensors`);
  const { atime, mtime, size } = statSync(path);
  const bytes = readFileSync(path);
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(path, bytes);
  utimesSync(path, atime, mtime);
  expect(statSync(path).size).toBe(size);
}

const standingOf = async (engine: Engine, id: string) =>
  (await engine.call('results.standing', { resultIds: [id] }))[id]!;

async function measured(engine: Engine, params: object): Promise<string> {
  const job = await runJob(engine, 'table', params);
  expect(job).toMatchObject({ state: 'done', cached: false });
  return job.resultId!;
}

describe('a result', () => {
  it('holds until one of its checkpoints is trained again, also with equal size and time', async () => {
    const engine = await testEngine();
    const run = makeRun(newFolder(), { name: 'r' });
    for (const name of readdirSync(run)) utimesSync(join(run, name), past, past);
    await runJob(engine, 'import', { paths: [run] });
    // The catalog knows the hashes of its checkpoints now, whoever hashed them.
    const [row] = await engine.call('runs.list', {});
    const unhashed = async () => {
      const { checkpointRows } = await engine.call('runs.get', { runId: row!.id });
      return checkpointRows.filter(({ sha256 }) => sha256 === null).length;
    };
    await expect.poll(unhashed).toBe(0);
    const params = { n: 2, run, models: [1, 2], epoch: 5 };
    const old = await measured(engine, params);
    const [before] = await engine.call('results.current', { questions: [{ kind: 'table', params }] });
    expect(before).toEqual({ resultId: old, outdated: false });
    expect(await standingOf(engine, old)).toEqual({ state: 'current', reason: null });

    // Of another epoch: nothing to this question.
    retrain(run, 0, 1);
    expect((await standingOf(engine, old)).state).toBe('current');

    retrain(run, 5, 2);
    expect(await standingOf(engine, old)).toEqual({
      state: 'outdated',
      reason: 'r/checkpoint_epoch_5_model_2.safetensors changed after it was measured.',
    });
    const [after] = await engine.call('results.current', { questions: [{ kind: 'table', params }] });
    expect(after).toEqual({ resultId: null, outdated: true });
    const fresh = await measured(engine, params);
    expect(fresh).not.toBe(old);
    const [again] = await engine.call('results.current', { questions: [{ kind: 'table', params }] });
    expect(again).toEqual({ resultId: fresh, outdated: false });
    expect((await standingOf(engine, old)).state).toBe('outdated');
  });

  it('of a config that was edited is outdated; of files that are gone it says so', async () => {
    const engine = await testEngine();
    const run = makeRun(newFolder(), { name: 'r' });
    const params = { n: 2, run, models: [1], epoch: 5 };
    const id = await measured(engine, params);
    writeFileSync(join(run, 'config.yaml'), `${readFileSync(join(run, 'config.yaml'), 'utf8')}more: 1\n`);
    expect(await standingOf(engine, id)).toEqual({
      state: 'outdated',
      reason: 'r/config.yaml changed after it was measured.',
    });
    const again = await measured(engine, params);
    rmSync(join(run, 'checkpoint_epoch_5_model_1.safetensors'));
    expect(await standingOf(engine, again)).toMatchObject({
      state: 'gone',
      reason: expect.stringContaining('no longer there') as string,
    });
    expect(await engine.call('results.current', { questions: [{ kind: 'table', params }] })).toEqual([
      { resultId: null, outdated: true },
    ]);
    await engine.call('results.remove', { resultId: again });
    expect((await standingOf(engine, again)).state).toBe('gone');
  });

  it('of a whole run is outdated if a model came after it', async () => {
    const engine = await testEngine();
    const run = makeRun(newFolder(), { name: 'r' });
    const id = await measured(engine, { n: 2, run });
    makeCheckpoint(run, 5, 3);
    expect(await standingOf(engine, id)).toEqual({
      state: 'outdated',
      reason: 'r/checkpoint_epoch_5_model_3.safetensors was added after it was measured.',
    });
  });

  it('of a run as Hydra leaves it is compared with its checkpoints and config, wherever in the run they lie', async () => {
    const engine = await testEngine();
    const run = makeRun(newFolder(), { name: 'r' });
    const config = join(run, '.hydra', 'config.yaml');
    for (const folder of ['checkpoints', '.hydra']) mkdirSync(join(run, folder));
    for (const name of readdirSync(run).filter((each) => each.startsWith('checkpoint_')))
      renameSync(join(run, name), join(run, 'checkpoints', name));
    renameSync(join(run, 'config.yaml'), config);
    for (const name of readdirSync(join(run, 'checkpoints')))
      utimesSync(join(run, 'checkpoints', name), past, past);
    await runJob(engine, 'import', { paths: [run] });
    const [row] = await engine.call('runs.list', {});
    const hashes = async () =>
      (await engine.call('runs.get', { runId: row!.id })).checkpointRows.map(({ sha256 }) => sha256);
    await expect.poll(hashes).not.toContain(null);
    const params = { n: 2, run, models: [1, 2], epoch: 5 };
    const old = await measured(engine, params);
    expect(await standingOf(engine, old)).toEqual({ state: 'current', reason: null });
    retrain(join(run, 'checkpoints'), 5, 2);
    expect((await standingOf(engine, old)).reason).toBe(
      'r/checkpoints/checkpoint_epoch_5_model_2.safetensors changed after it was measured.',
    );
    const fresh = await measured(engine, params);
    writeFileSync(config, `${readFileSync(config, 'utf8')}more: 1\n`);
    expect((await standingOf(engine, fresh)).reason).toBe(
      'r/.hydra/config.yaml changed after it was measured.',
    );
  });

  it('whose files changed while it was measured counts for no question', async () => {
    const engine = await testEngine();
    const run = makeRun(newFolder(), { name: 'r' });
    const params = { n: 2, run, models: [1], epoch: 5 };
    const job = await engine.call('jobs.submit', { kind: 'table', params });
    // The question was taken; its result needs this process to take it, which is here.
    retrain(run, 5, 1);
    const { resultId } = await engine.wait(job.id);
    expect((await standingOf(engine, resultId!)).state).toBe('outdated');
    const [found] = await engine.call('results.current', { questions: [{ kind: 'table', params }] });
    expect(found!.resultId).toBeNull();
  });

  it('of an earlier version of the computation is outdated', async () => {
    const workspace = newFolder();
    const run = makeRun(newFolder(), { name: 'r' });
    const params = { n: 2, run, models: [1], epoch: 5 };
    const before = await testEngine(workspace);
    const id = await measured(before, params);
    await before.close();
    const newer = { ...tableJob, version: tableJob.version + 1 };
    const kinds = testKinds.map((kind) => (kind.kind === 'table' ? newer : kind));
    const engine = await testEngine(workspace, { kinds });
    expect(await standingOf(engine, id)).toMatchObject({ state: 'outdated' });
    expect(await engine.call('results.current', { questions: [{ kind: 'table', params }] })).toEqual([
      { resultId: null, outdated: true },
    ]);
  });

  it('is noticed by an engine that was not there when its checkpoint was trained again', async () => {
    const workspace = newFolder();
    const run = makeRun(newFolder(), { name: 'r' });
    const before = await testEngine(workspace);
    const id = await measured(before, { n: 2, run, models: [1], epoch: 5 });
    await before.close();
    makeCheckpoint(run, 5, 1, { size: 17 });
    expect((await standingOf(await testEngine(workspace), id)).state).toBe('outdated');
  });
});

describe('hashes of files', () => {
  it('are never those of a file that was replaced, whatever its size and time say', async () => {
    const db = openDatabase(join(newFolder(), 'basin.db'), { check: false });
    const store = new ContentHashes(db);
    const path = join(newFolder(), 'data.npy');
    const write = (text: string): void => {
      writeFileSync(path, text);
      utimesSync(path, past, past);
    };
    write('one');
    const [one] = await hashInputs([path], store);
    // As if it had lain there for long.
    store.remember(path, 3, past.getTime(), one!.sha256);
    expect(await hashInputs([path], store)).toEqual([one]);
    // Not the same tick of the disk's clock.
    const { ctimeMs } = statSync(path);
    do write('two');
    while (statSync(path).ctimeMs === ctimeMs);
    const [two] = await hashInputs([path], store);
    expect(two!.sha256).not.toBe(one!.sha256);
    db.close();
  });
});

describe('questions that differ only in what a result may have more of', () => {
  const { reuse, params: schema } = interpolateJob;
  const complete = (params: object): unknown =>
    schema.parse({ run: '/runs/a', epoch: 5, steps: 8, align: 'none', ...params });
  const question = (params: object): string => JSON.stringify(reuse!.question(complete(params)));

  it('are one, and what does not matter to the alignment does not tell them apart', () => {
    expect(question({ splits: ['val'], midpoint: true })).toBe(question({}));
    expect(question({ mode: 'reference-lmc-script' })).toBe(question({}));
    expect(question({ align: 'weight', recordingPoint: 'post_norm' })).toBe(question({ align: 'weight' }));
  });

  it('differ by everything that changes the curve', () => {
    const different = [
      {},
      { run: '/runs/b' },
      { epoch: 10 },
      { steps: 16 },
      { align: 'weight' },
      { align: 'activation' },
      { align: 'activation', mode: 'reference-lmc-script' },
      { data: { name: 'other' } },
    ].map(question);
    expect(new Set(different).size).toBe(different.length);
  });

  it('are served by what has every split, better with the midpoint if it is asked for', () => {
    const covers = (given: object, asked: object): number => reuse!.covers(complete(given), complete(asked));
    expect(covers({ splits: ['test', 'val'] }, { splits: ['val'] })).toBe(2);
    expect(covers({ splits: ['test'] }, { splits: ['val'] })).toBe(0);
    expect(covers({ midpoint: false }, { midpoint: true })).toBe(1);
    expect(covers({ midpoint: true }, { midpoint: true })).toBe(2);
  });
});
