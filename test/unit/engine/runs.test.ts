import { afterAll, describe, expect, it } from 'vitest';
import { GroupStore } from '../../../src-main/engine/catalog/groups.ts';
import { RunStore } from '../../../src-main/engine/catalog/runs.ts';
import { integrityProblems, openDatabase } from '../../../src-main/engine/store/database.ts';
import { migrations } from '../../../src-main/engine/store/migrations.ts';
import { fingerprintOf } from '../../../src-main/formats/run-contents.ts';
import { foundRun, temporaryFolder } from './support.ts';

const file = `${temporaryFolder()}/basin.db`;
const db = openDatabase(file);
const runs = new RunStore(db);
afterAll(() => db.close());

describe('the list of runs', () => {
  it('is the same until something is written, whoever writes it', () => {
    const { id } = runs.take(foundRun('/data/first'), 'imported');
    const first = runs.list();
    expect(first.map((run) => run.id)).toEqual([id]);
    expect(first[0]!.properties).toMatchObject({ 'model.symmetry': 0, 'dataset.name': 'mnist' });
    expect(runs.list()).toBe(first);

    runs.setState(id, 'interrupted');
    expect(runs.row(id).state).toBe('interrupted');

    const groups = new GroupStore(db);
    const group = { type: 'create' as const, architecture: 'mlp', key: 'all', members: [{ runId: id }] };
    groups.edit(group);
    expect(runs.row(id).groupIds).toEqual([groups.state().groups[0]!.id]);

    const other = openDatabase(file);
    const { id: second } = new RunStore(other).take(foundRun('/data/second', { sigmaF: 1 }), 'imported');
    expect(
      runs
        .list()
        .map((run) => run.id)
        .toSorted(),
    ).toEqual([id, second].toSorted());
    new RunStore(other).remove([second]);
    other.close();
    expect(runs.list().map((run) => run.id)).toEqual([id]);
  });

  it('says whether norms keep running statistics: of batch norms, and of declared ones', () => {
    const statistics = (path: string, norm: string | null): boolean =>
      runs.row(runs.take(foundRun(path, { norm }), 'imported').id).runningStatistics;
    expect(statistics('/data/batch', 'batch')).toBe(true);
    expect(statistics('/data/layer', 'layer')).toBe(false);
    expect(statistics('/data/none', null)).toBe(false);
    const declared = foundRun('/data/declared');
    const names = { running_mean: 'm', running_var: 'v', shape: [4] };
    const layers = [
      { norm: { kind: 'batch', ...names } },
      { linear: { weight: 'w', shape: [3, 4] } },
      { activation: 'silu' },
      { linear: { weight: 'u', shape: [2, 3] } },
    ];
    const { id } = runs.take({ ...declared, config: { model: { name: 'declared', layers } } }, 'imported');
    expect(runs.row(id).runningStatistics).toBe(true);
    const unreadable = {
      ...foundRun('/data/unreadable'),
      config: { model: { name: 'declared', layers: 7 } },
    };
    expect(runs.row(runs.take(unreadable, 'imported').id).runningStatistics).toBe(false);
    for (const { id: each, path } of runs.list()) if (path !== '/data/first') runs.remove([each]);
  });

  it('shows the config of today', () => {
    const before = foundRun('/data/changing', { norm: 'layer' });
    const { id } = runs.take(before, 'imported');
    expect(runs.row(id).properties['model.norm']).toBe('layer');
    runs.take({ ...foundRun('/data/changing', { norm: 'batch' }), configHash: 'other' }, 'imported');
    expect(runs.row(id).properties['model.norm']).toBe('batch');
  });
});

describe('a catalog of the version before contents were recorded', () => {
  it('opens, keeps its groups, and records contents from the next scan on', () => {
    const path = `${temporaryFolder()}/old.db`;
    const old = openDatabase(path, { steps: migrations.slice(0, 2) });
    const columns = 'id, name, path, architecture, config, config_hash, fingerprint, origin, state, added_at';
    const found = foundRun('/data/old');
    const fingerprint = fingerprintOf(found.configHash, found.checkpoints);
    old
      .prepare(`INSERT INTO runs (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
      .run(
        ...['old-1', 'old', found.path, 'mlp', '{}', found.configHash, fingerprint, 'imported', 'ready', 1],
      );
    old.exec(`
      INSERT INTO groups VALUES ('g', 'mlp', 'kept', 0, '#123456', '');
      INSERT INTO members VALUES ('g', 'old-1', 0, NULL);
      INSERT INTO undo_log (label, changes, created_at) VALUES ('new group kept', '[]', 1);
    `);
    old.close();

    const now = openDatabase(path);
    const store = new RunStore(now);
    expect(new GroupStore(now).state()).toMatchObject({ groups: [{ key: 'kept' }], undo: 'new group kept' });
    const sampled = found.checkpoints.map((file, i) => ({ ...file, sample: `s1:${i}` }));
    expect(store.take({ ...found, checkpoints: sampled }, 'imported').id).toBe('old-1');
    expect(store.intake.known()).toEqual([
      { path: found.path, fingerprint, contents: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
    ]);
    expect(integrityProblems(now)).toEqual([]);
    now.close();
  });
});
