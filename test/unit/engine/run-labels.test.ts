/** What a person says of runs: names, notes, tags, stars, the archive and the trash, each undoable beside the groups. */
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { GroupStore } from '../../../src-main/engine/catalog/groups.ts';
import { RunStore } from '../../../src-main/engine/catalog/runs.ts';
import { openDatabase } from '../../../src-main/engine/store/database.ts';
import { foundRun, temporaryFolder } from './support.ts';

const db = openDatabase(`${temporaryFolder()}/basin.db`);
db.pragma('synchronous = OFF');
const runs = new RunStore(db);
const groups = new GroupStore(db);
afterAll(() => db.close());
let [a, b, c]: string[] = [];
beforeEach(() => {
  db.exec('DELETE FROM groups; DELETE FROM undo_log; DELETE FROM runs');
  [a, b, c] = ['a', 'b', 'c'].map((name) => runs.take(foundRun(`/runs/${name}`), 'imported').id);
});

const names = () =>
  runs
    .list()
    .map(({ name }) => name)
    .toSorted();
const membersOf = (key: string) =>
  groups
    .state()
    .groups.find((group) => group.key === key)!
    .members.map(({ runId }) => runId);

describe('labels of runs', () => {
  it('are kept, listed, and undone one by one', () => {
    groups.editRuns({ type: 'rename', runId: a!, title: 'baseline' });
    groups.editRuns({ type: 'annotate', runId: a!, notes: 'warm start' });
    groups.editRuns({ type: 'tag', runIds: [a!, b!], add: ['paper', 'draft'], remove: [] });
    groups.editRuns({ type: 'tag', runIds: [b!], add: [], remove: ['draft'] });
    groups.editRuns({ type: 'star', runIds: [a!], starred: true });
    groups.editRuns({ type: 'archive', runIds: [b!], archived: true });
    expect(runs.row(a!)).toMatchObject({
      ...{ name: 'baseline', title: 'baseline', notes: 'warm start' },
      ...{ tags: ['draft', 'paper'], starred: true, archived: false },
    });
    expect(runs.row(b!)).toMatchObject({ name: 'b', tags: ['paper'], archived: true });
    expect(groups.state().undo).toBe('archiving of b');
    for (let step = 0; step < 6; step++) groups.undo();
    const plain = { title: null, notes: '', tags: [], starred: false, archived: false };
    expect([a, b].map((id) => runs.row(id!))).toMatchObject([plain, plain]);
    groups.redo();
    expect(runs.row(a!).name).toBe('baseline');
  });

  it('stay when the folder is read again', () => {
    groups.editRuns({ type: 'rename', runId: a!, title: 'baseline' });
    runs.take(foundRun('/runs/a'), 'imported');
    expect(runs.row(a!).name).toBe('baseline');
  });

  it('are refused if they would make two runs of one name', () => {
    expect(() => groups.editRuns({ type: 'rename', runId: a!, title: 'b' })).toThrow(
      'Another run is named "b"',
    );
    groups.editRuns({ type: 'trash', runIds: [b!] });
    groups.editRuns({ type: 'rename', runId: a!, title: 'b' });
    expect(runs.row(a!).name).toBe('b');
  });

  it('that change nothing are no step', () => {
    expect(groups.editRuns({ type: 'star', runIds: [a!], starred: false }).step).toBeNull();
    expect(groups.state().undo).toBeNull();
  });
});

describe('the trash', () => {
  beforeEach(() => {
    const members = [a!, b!, c!].map((runId) => ({ runId }));
    groups.edit({ type: 'create', architecture: 'mlp', key: 'all', members });
  });

  it('takes a run from the list and its groups, and gives it back where it was', () => {
    const { step } = groups.editRuns({ type: 'trash', runIds: [b!] });
    expect(names()).toEqual(['a', 'c']);
    expect(membersOf('all')).toEqual([a, c]);
    expect(runs.trash().map(({ id }) => id)).toEqual([b]);
    expect(runs.counts().runs).toBe(2);
    groups.editRuns({ type: 'star', runIds: [a!], starred: true });
    groups.edit({ type: 'rename', groupId: groups.state().groups[0]!.id, key: 'most' });
    groups.undo(step!);
    expect(names()).toEqual(['a', 'b', 'c']);
    expect(membersOf('most')).toEqual([a, b, c]);
    expect(runs.row(a!).starred).toBe(true);
    expect(() => groups.undo(step!)).toThrow('already undone');
  });

  it('counts places in a group without what is in it', () => {
    groups.editRuns({ type: 'trash', runIds: [a!] });
    const groupId = groups.state().groups[0]!.id;
    // c before b, as both are seen.
    groups.edit({ type: 'add-members', groupId, members: [{ runId: c! }], index: 0 });
    expect(membersOf('all')).toEqual([c, b]);
    groups.editRuns({ type: 'restore', runIds: [a!] });
    expect(membersOf('all')).toEqual([a, c, b]);
  });

  it('gives a run back that is imported or trained again', () => {
    groups.editRuns({ type: 'trash', runIds: [a!] });
    expect(runs.take(foundRun('/runs/a'), 'imported').change).toBe('updated');
    expect(names()).toEqual(['a', 'b', 'c']);
  });

  it('refuses a run that is being trained, and says so of a change that builds on another', () => {
    runs.setState(a!, 'training');
    expect(() => groups.editRuns({ type: 'trash', runIds: [a!] })).toThrow('being trained');
    const { step } = groups.editRuns({ type: 'annotate', runId: b!, notes: 'one' });
    groups.editRuns({ type: 'annotate', runId: b!, notes: 'two' });
    expect(() => groups.undo(step!)).toThrow(
      '"notes on b" can no longer be undone: the run b was changed since.',
    );
    runs.remove([b!]);
    expect(() => groups.undo(step!)).toThrow('was forgotten since');
  });
});
