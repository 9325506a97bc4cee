import { afterAll, describe, expect, it } from 'vitest';
import { GroupStore } from '../../../src-main/engine/catalog/groups.ts';
import { RunStore } from '../../../src-main/engine/catalog/runs.ts';
import { openDatabase } from '../../../src-main/engine/store/database.ts';
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

  it('shows the config of today', () => {
    const before = foundRun('/data/changing', { norm: 'layer' });
    const { id } = runs.take(before, 'imported');
    expect(runs.row(id).properties['model.norm']).toBe('layer');
    runs.take({ ...foundRun('/data/changing', { norm: 'batch' }), configHash: 'other' }, 'imported');
    expect(runs.row(id).properties['model.norm']).toBe('batch');
  });
});
