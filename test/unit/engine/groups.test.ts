import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { Group, GroupEdit } from '../../../src-shared/api.ts';
import { GroupStore } from '../../../src-main/engine/catalog/groups.ts';
import { RunStore } from '../../../src-main/engine/catalog/runs.ts';
import { undoLimit } from '../../../src-main/engine/catalog/undo.ts';
import { integrityProblems, openDatabase } from '../../../src-main/engine/store/database.ts';
import { foundRun, temporaryFolder } from './support.ts';

const db = openDatabase(`${temporaryFolder()}/basin.db`);
db.pragma('synchronous = OFF');
const runs = new RunStore(db);
const groups = new GroupStore(db);
const ids = ['a', 'b', 'c', 'd', 'e'].map((name) => runs.take(foundRun(`/runs/${name}`), 'imported').id);
afterAll(() => db.close());

beforeEach(() => {
  db.exec('DELETE FROM groups; DELETE FROM undo_log');
});

/** What a person would expect of the groups: key -> run ids, in order. */
type Shape = { key: string; members: string[]; notes: string; colour: string }[];

interface Model {
  now: Shape;
  past: Shape[];
  future: Shape[];
}

function shape(): Shape {
  return groups.state().groups.map(({ key, members, notes, colour }) => ({
    key,
    notes,
    colour,
    members: members.map((member) => member.runId),
  }));
}

const real = (key: string): Group => groups.state().groups.find((group) => group.key === key)!;

/** Puts `added` before `index` of the list as it is, taking them out of where they were. */
function place(members: string[], added: string[], index: number): string[] {
  const before = members.slice(0, index).filter((id) => !added.includes(id));
  const after = members.slice(index).filter((id) => !added.includes(id));
  return [...before, ...added, ...after];
}

type Step = (model: Model) => { edit: GroupEdit; next: Shape } | 'undo' | 'redo' | null;

const run = fc.constantFrom(...ids);
const someRuns = fc.uniqueArray(run, { minLength: 1, maxLength: 3 });
const key = fc.constantFrom('k1', 'k2', 'k3', 'k4');
const which = fc.nat(3);

const change = (now: Shape, index: number, part: Partial<Shape[number]>): Shape =>
  now.map((group, i) => (i === index ? { ...group, ...part } : group));

const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(key, someRuns).map(([name, members]): Step => ({ now }) => ({
    edit: {
      type: 'create',
      architecture: 'mlp',
      key: name,
      colour: '#123456',
      members: members.map((runId) => ({ runId })),
    },
    next: [...now, { key: name, members, notes: '', colour: '#123456' }],
  })),
  fc.tuple(which, someRuns, fc.nat(5)).map(([at, added, index]): Step => ({ now }) => {
    const group = now[at];
    if (!group) return null;
    const members = added.map((runId) => ({ runId }));
    const next = change(now, at, { members: place(group.members, added, index) });
    return { edit: { type: 'add-members', groupId: real(group.key).id, members, index }, next };
  }),
  fc.tuple(which, which, fc.nat(3), fc.nat(5)).map(([from, to, member, index]): Step => ({ now }) => {
    const [source, target] = [now[from], now[to]];
    const runId = source?.members[member];
    if (!source || !target || runId === undefined) return null;
    const taken =
      from === to ? now : change(now, from, { members: source.members.filter((id) => id !== runId) });
    const next = change(taken, to, { members: place(taken[to]!.members, [runId], index) });
    const [fromGroupId, toGroupId] = [real(source.key).id, real(target.key).id];
    return { edit: { type: 'move-members', fromGroupId, toGroupId, runIds: [runId], index }, next };
  }),
  fc.tuple(which, fc.nat(3)).map(([at, member]): Step => ({ now }) => {
    const runId = now[at]?.members[member];
    if (runId === undefined) return null;
    const next = change(now, at, { members: now[at]!.members.filter((id) => id !== runId) });
    return { edit: { type: 'remove-members', groupId: real(now[at]!.key).id, runIds: [runId] }, next };
  }),
  which.map(
    (at): Step =>
      ({ now }) =>
        now[at]
          ? { edit: { type: 'remove', groupId: real(now[at].key).id }, next: now.toSpliced(at, 1) }
          : null,
  ),
  fc.tuple(which, key).map(
    ([at, name]): Step =>
      ({ now }) =>
        now[at]
          ? {
              edit: { type: 'rename', groupId: real(now[at].key).id, key: name },
              next: change(now, at, { key: name }),
            }
          : null,
  ),
  fc.tuple(which, fc.string({ maxLength: 5 })).map(
    ([at, notes]): Step =>
      ({ now }) =>
        now[at]
          ? {
              edit: { type: 'annotate', groupId: real(now[at].key).id, notes },
              next: change(now, at, { notes }),
            }
          : null,
  ),
  fc.constant<Step>(({ now }) => {
    const next = now.toReversed();
    return { edit: { type: 'reorder-groups', groupIds: next.map((group) => real(group.key).id) }, next };
  }),
  fc.constant<Step>(() => 'undo'),
  fc.constant<Step>(() => 'redo'),
);

function take(model: Model, step: Step): void {
  const what = step(model);
  if (what === null) return;
  if (what === 'undo' || what === 'redo') {
    const [from, to] = what === 'undo' ? [model.past, model.future] : [model.future, model.past];
    groups[what]();
    const then = from.pop();
    if (then) {
      to.push(model.now);
      model.now = then;
    }
    return;
  }
  const { edit, next } = what;
  if (new Set(next.map((group) => group.key)).size < next.length) {
    expect(() => groups.edit(edit)).toThrow('already exists');
    return;
  }
  groups.edit(edit);
  // What changes nothing is no step of undo.
  if (JSON.stringify(next) === JSON.stringify(model.now)) return;
  model.past.push(model.now);
  model.future = [];
  model.now = next;
}

describe('groups', () => {
  it('equal the model after any edits, undos and redos', () => {
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 30 }), (sequence) => {
        db.exec('DELETE FROM groups; DELETE FROM undo_log');
        const model: Model = { now: [], past: [], future: [] };
        for (const step of sequence) {
          take(model, step);
          expect(shape()).toEqual(model.now);
          const { undo, redo } = groups.state();
          expect([undo !== null, redo !== null]).toEqual([model.past.length > 0, model.future.length > 0]);
        }
        while (groups.state().undo !== null) groups.undo();
        expect(shape()).toEqual([]);
        while (groups.state().redo !== null) groups.redo();
        expect(shape()).toEqual(model.future.length > 0 ? model.future[0] : model.now);
      }),
      { numRuns: 80 },
    );
    expect(integrityProblems(db)).toEqual([]);
  });

  it('say what undo and redo would do', () => {
    groups.edit({ type: 'create', architecture: 'mlp', key: 'one', members: [{ runId: ids[0]! }] });
    const { groups: list } = groups.edit({ type: 'create', architecture: 'mlp', key: 'two', members: [] });
    const [one, two] = list.map((group) => group.id);
    groups.edit({ type: 'move-members', fromGroupId: one!, toGroupId: two!, runIds: [ids[0]!] });
    expect(groups.state().undo).toBe('1 run from one to two');
    groups.undo();
    expect(groups.state()).toMatchObject({ undo: 'new group two', redo: '1 run from one to two' });
  });

  it('hold single checkpoints of a run, and refuse what the catalog does not know', () => {
    const checkpointIds = [`${ids[0]}/e5m2`, `${ids[0]}/e0m1`];
    const { groups: list } = groups.edit({
      type: 'create',
      architecture: 'mlp',
      key: 'some',
      members: [{ runId: ids[0]!, checkpointIds }],
    });
    expect(list[0]!.members).toEqual([{ runId: ids[0], checkpointIds }]);
    const add = (member: { runId: string; checkpointIds?: string[] }) =>
      groups.edit({ type: 'add-members', groupId: list[0]!.id, members: [member] });
    expect(() => add({ runId: 'nobody' })).toThrow('There is no run "nobody"');
    expect(() => add({ runId: ids[1]!, checkpointIds: [`${ids[1]}/e7m1`] })).toThrow('has no checkpoint');
    expect(shape()[0]!.members).toEqual([ids[0]]);
  });

  it('give each new group the colour that is used least', () => {
    for (const name of ['a', 'b', 'c'])
      groups.edit({ type: 'create', architecture: 'mlp', key: name, members: [] });
    const colours = groups.state().groups.map((group) => group.colour);
    expect(new Set(colours).size).toBe(3);
  });

  it('come back without a run that was forgotten in the meantime', () => {
    const { id } = runs.take(foundRun('/runs/gone'), 'imported');
    const { groups: list } = groups.edit({
      type: 'create',
      architecture: 'mlp',
      key: 'g',
      members: [{ runId: id }, { runId: ids[0]! }],
    });
    groups.edit({ type: 'remove', groupId: list[0]!.id });
    runs.remove([id]);
    groups.undo();
    expect(shape()).toMatchObject([{ key: 'g', members: [ids[0]] }]);
  });

  it('keep a bounded number of steps', () => {
    const { groups: list } = groups.edit({ type: 'create', architecture: 'mlp', key: 'n', members: [] });
    for (let i = 0; i < undoLimit + 20; i++)
      groups.edit({ type: 'annotate', groupId: list[0]!.id, notes: String(i) });
    const kept = db.prepare('SELECT count(*) FROM undo_log').pluck().get();
    expect(kept).toBe(undoLimit);
  });

  it('make many at once as one step, and never replace members of a group that is there', () => {
    groups.edit({ type: 'create', architecture: 'mlp', key: 'x', members: [{ runId: ids[0]! }] });
    const many = ['x', 'y'].map((name) => ({
      architecture: 'mlp',
      key: name,
      members: [{ runId: ids[1]! }],
    }));
    groups.edit({ type: 'create-many', groups: many });
    expect(shape().map((group) => group.members)).toEqual([[ids[0], ids[1]], [ids[1]]]);
    groups.undo();
    expect(shape().map((group) => group.members)).toEqual([[ids[0]]]);
  });
});
