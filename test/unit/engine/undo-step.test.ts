/** Undo of a step by its id, as the Undo button of a message asks for it, whatever was done since. */
import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { GroupEdit } from '../../../src-shared/api.ts';
import { GroupStore } from '../../../src-main/engine/catalog/groups.ts';
import { RunStore } from '../../../src-main/engine/catalog/runs.ts';
import { integrityProblems, openDatabase } from '../../../src-main/engine/store/database.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { foundRun, temporaryFolder } from './support.ts';

const db = openDatabase(`${temporaryFolder()}/basin.db`);
db.pragma('synchronous = OFF');
const runs = new RunStore(db);
const groups = new GroupStore(db);
const ids = ['a', 'b', 'c', 'd'].map((name) => runs.take(foundRun(`/runs/${name}`), 'imported').id);
const empty = () => db.exec('DELETE FROM groups; DELETE FROM undo_log');
afterAll(() => db.close());
beforeEach(empty);

const members = (...runIds: string[]) => runIds.map((runId) => ({ runId }));
const create = (key: string, ...runIds: string[]): GroupEdit => ({
  type: 'create',
  architecture: 'mlp',
  key,
  colour: '#123456',
  members: members(...runIds),
});

/** Key -> what the group holds; the order is a matter of other tests. */
function content(): Record<string, unknown> {
  const of = groups.state().groups.map(({ key, notes, colour, members: list }) => {
    const names = list.map(({ runId }) => ids.indexOf(runId)).toSorted();
    return [key, { notes, colour, names }] as const;
  });
  return Object.fromEntries(of.toSorted(([a], [b]) => a.localeCompare(b)));
}

/** An edit that names its groups by their place in the order of creation, so that it can be done again elsewhere. */
interface Plan {
  kind: 'create' | 'add' | 'remove' | 'move' | 'drop' | 'rename' | 'annotate' | 'recolour';
  group: number;
  other: number;
  run: string;
  key: string;
}

const plan: fc.Arbitrary<Plan> = fc.record({
  kind: fc.constantFrom('create', 'add', 'add', 'remove', 'move', 'drop', 'rename', 'annotate', 'recolour'),
  group: fc.nat(2),
  other: fc.nat(2),
  run: fc.constantFrom(...ids),
  key: fc.constantFrom('k1', 'k2', 'k3', 'k4', 'k5'),
});

function editOf({ kind, group, other, run, key }: Plan, created: string[]): GroupEdit | null {
  if (kind === 'create') return create(key, run);
  const [from, to] = [group, other].map((place) =>
    groups.state().groups.find(({ id }) => id === created[place]),
  );
  const has = (of: typeof from) => of?.members.some(({ runId }) => runId === run);
  if (!from) return null;
  const groupId = from.id;
  switch (kind) {
    case 'add':
      return has(from) ? null : { type: 'add-members', groupId, members: members(run) };
    case 'remove':
      return has(from) ? { type: 'remove-members', groupId, runIds: [run] } : null;
    case 'move':
      if (!to || !has(from) || has(to)) return null;
      return { type: 'move-members', fromGroupId: groupId, toGroupId: to.id, runIds: [run] };
    case 'drop':
      return { type: 'remove', groupId };
    case 'rename':
      return { type: 'rename', groupId, key };
    case 'annotate':
      return { type: 'annotate', groupId, notes: key };
    case 'recolour':
      return { type: 'recolour', groupId, colour: `#00000${key[1]}` };
  }
}

/** Does what can be done of the plans; the steps that changed something, in their order. */
function play(plans: readonly Plan[]): { plan: Plan; step: number }[] {
  const created: string[] = [];
  return plans.flatMap((each) => {
    const edit = editOf(each, created);
    const isFree = !edit || !('key' in edit) || !groups.state().groups.some(({ key }) => key === edit.key);
    const { step, groups: now } = edit && isFree ? groups.edit(edit) : { step: null, groups: [] };
    if (each.kind === 'create' && step !== null) created.push(now.at(-1)!.id);
    return step === null ? [] : [{ plan: each, step }];
  });
}

describe('undo of one step', () => {
  it('is the same as never having done it, or is refused and changes nothing', () => {
    let undone = 0;
    fc.assert(
      fc.property(fc.array(plan, { minLength: 2, maxLength: 12 }), fc.nat(), (plans, pick) => {
        empty();
        const done = play(plans);
        if (done.length === 0) return;
        const at = pick % done.length;
        const before = content();
        try {
          groups.undo(done[at]!.step);
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
          expect(content()).toEqual(before);
          return;
        }
        undone++;
        const result = content();
        expect(() => groups.undo(done[at]!.step)).toThrow('already undone');
        // It is itself a step that can be undone, unless it was the last and can be redone.
        if (at < done.length - 1) groups.undo();
        else groups.redo();
        expect(content()).toEqual(before);

        empty();
        const others = done.flatMap((step, i) => (i === at ? [] : [step.plan]));
        // Groups are named by their order of creation: what is not created must not shift the others.
        if (done[at]!.plan.kind === 'create') return;
        const played = play(others);
        // A name that only this step had freed was used, and freed again: without it that could not be done at all.
        const frees = ['rename', 'drop'].includes(done[at]!.plan.kind);
        if (frees && played.length < others.length) return;
        expect(played).toHaveLength(others.length);
        expect(content()).toEqual(result);
      }),
      { numRuns: 300 },
    );
    expect(undone).toBeGreaterThan(50);
    expect(integrityProblems(db)).toEqual([]);
  });

  it('takes back a rename although another group had the old name meanwhile', () => {
    const first = groups.edit(create('one', ids[0]!));
    const renamed = groups.edit({ type: 'rename', groupId: first.groups[0]!.id, key: 'two' });
    const other = groups.edit(create('one', ids[1]!));
    expect(() => groups.undo(renamed.step!)).toThrow('another group is named one now');
    groups.edit({ type: 'remove', groupId: other.groups[1]!.id });
    groups.undo(renamed.step!);
    expect(content()).toMatchObject({ one: { names: [0] } });
  });

  it('takes back what it names, not what was done last', () => {
    const first = groups.edit(create('one', ids[0]!));
    groups.edit(create('two', ids[1]!));
    expect(Object.keys(content())).toEqual(['one', 'two']);
    groups.undo(first.step!);
    expect(Object.keys(content())).toEqual(['two']);
    expect(groups.state().undo).toBe('undo of new group one');
    groups.undo();
    expect(groups.state().groups.map(({ key }) => key)).toEqual(['one', 'two']);
  });

  it('is refused, with the reason, if something was built on it', () => {
    const { step, groups: list } = groups.edit(create('one', ids[0]!));
    groups.edit({ type: 'add-members', groupId: list[0]!.id, members: members(ids[1]!) });
    expect(() => groups.undo(step!)).toThrow(
      '"new group one" can no longer be undone: the group one was changed since.',
    );
    const removed = groups.edit({ type: 'remove', groupId: list[0]!.id });
    groups.edit(create('one', ids[2]!));
    expect(() => groups.undo(removed.step!)).toThrow('another group is named one now');
    expect(() => groups.undo(99_999)).toThrow('can no longer be undone');
  });

  it('puts members and groups back where they stood', () => {
    const [a, b, c, d] = ids as [string, string, string, string];
    const { groups: list } = groups.edit(create('one', a, b, c));
    groups.edit(create('two'));
    groups.edit(create('three'));
    const groupId = list[0]!.id;
    const taken = groups.edit({ type: 'remove-members', groupId, runIds: [b] });
    groups.edit({ type: 'add-members', groupId, members: members(d) });
    groups.undo(taken.step!);
    expect(groups.state().groups[0]!.members).toEqual(members(a, b, c, d));

    const keys = () => groups.state().groups.map(({ key }) => key);
    const two = groups.state().groups[1]!;
    const gone = groups.edit({ type: 'remove', groupId: two.id });
    groups.edit({ type: 'annotate', groupId, notes: 'kept' });
    groups.undo(gone.step!);
    expect(keys()).toEqual(['one', 'two', 'three']);
    const order = groups.state().groups.map(({ id }) => id);
    const turned = groups.edit({ type: 'reorder-groups', groupIds: order.toReversed() });
    groups.edit(create('four'));
    groups.undo(turned.step!);
    expect(keys()).toEqual(['one', 'two', 'three', 'four']);
    expect(groups.state().groups[0]!.notes).toBe('kept');
  });
});

describe('a checkpoint added to a group', () => {
  const part = (runId: string, ...models: number[]) => ({
    runId,
    checkpointIds: models.map((model) => `${runId}/e5m${model}`),
  });
  const add = (groupId: string, member: { runId: string; checkpointIds?: string[] }, index?: number) =>
    groups.edit({ type: 'add-members', groupId, members: [member], ...(index !== undefined && { index }) });

  it('changes nothing if the group has its whole run, wherever it is dropped', () => {
    const [a, b] = ids as [string, string];
    const { groups: list } = groups.edit(create('one', a, b));
    for (const index of [undefined, 0, 1, 2]) {
      const { step, groups: now } = add(list[0]!.id, part(b, 1), index);
      expect(step).toBeNull();
      expect(now[0]!.members).toEqual(members(a, b));
    }
    expect(groups.state().undo).toBe('new group one');
  });

  it('joins the other checkpoints of its run, and the whole run takes their place', () => {
    const [a, b] = ids as [string, string];
    const { groups: list } = groups.edit(create('one', b));
    const groupId = list[0]!.id;
    add(groupId, part(a, 1), 0);
    expect(add(groupId, part(a, 2)).groups[0]!.members).toEqual([part(a, 1, 2), { runId: b }]);
    expect(add(groupId, part(a, 2), 2).step).toBeNull();
    expect(add(groupId, { runId: a }).groups[0]!.members).toEqual(members(a, b));
  });
});
