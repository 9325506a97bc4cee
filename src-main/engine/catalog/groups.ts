/** Groups: architecture -> key -> ordered members, and what is said of runs. Every edit of either is one step of undo. */
import { randomBytes } from 'node:crypto';
import type { Group, GroupEdit, GroupsState, Member } from '../../../src-shared/api.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { RunEdit } from '../../../src-shared/run-labels.ts';
import type { Db } from '../store/database.ts';
import { applyEdit, type GroupDraft } from './edit.ts';
import { revert, type Kept } from './revert.ts';
import { LabelStore, type KeptLabels } from './run-labels.ts';
import { UndoLog, type Change, type State, type UndoableStep } from './undo.ts';

interface GroupRecord {
  id: string;
  architecture: string;
  key: string;
  position: number;
  colour: string;
  notes: string;
}

interface MemberRecord {
  group_id: string;
  run_id: string;
  checkpoint_ids: string | null;
}

export class GroupStore {
  readonly #db: Db;
  readonly #undo: UndoLog;
  readonly #labels: LabelStore;

  constructor(db: Db) {
    this.#db = db;
    this.#labels = new LabelStore(db);
    this.#undo = new UndoLog(db, {
      groups: (states) => this.#put(states as State<Kept>[]),
      runs: (states) => this.#labels.put(states as State<KeptLabels>[]),
    });
  }

  state(): GroupsState {
    const trashed = this.#trashed();
    const groups = this.#read().map(({ position: _position, ...group }) => ({
      ...group,
      members: group.members.filter(({ runId }) => !trashed.has(runId)),
    }));
    return { groups, ...this.#undo.labels() };
  }

  /** Does one edit, or throws UserError and changes nothing. `step` names it to `undo`; null if nothing changed. */
  edit(edit: GroupEdit): GroupsState & { step: number | null } {
    const step = this.#db.transaction(() => {
      const before = this.#read();
      const draft: GroupDraft = {
        groups: structuredClone(before),
        newId: () => `group-${randomBytes(5).toString('hex')}`,
      };
      const label = applyEdit(draft, this.#amongAll(before, edit));
      for (const member of draft.groups.flatMap((group) => group.members)) this.#assertMember(member);
      return this.#change(label, before, draft.groups);
    })();
    return { ...this.state(), step };
  }

  /** Does one edit of what is said of runs, or throws UserError and changes nothing. */
  editRuns(edit: RunEdit): GroupsState & { step: number | null } {
    const step = this.#db.transaction(() => {
      const { label, changes } = this.#labels.changesOf(edit);
      return this.#changeLabels(label, changes);
    })();
    return { ...this.state(), step };
  }

  /**
   * Takes back the last step, or the one of this id: also if others were done since, as long as none builds on it.
   * @throws UserError saying why that step cannot be undone any more
   */
  undo(seq?: number): GroupsState {
    this.#db.transaction(() => {
      const step = seq === undefined ? undefined : this.#undo.step(seq);
      if (seq === undefined || !step || this.#undo.isLast(seq)) return this.#undo.undo();
      if (step.subject === 'runs') {
        const changes = this.#labels.revert(step as UndoableStep<KeptLabels>);
        return this.#changeLabels(`undo of ${step.label}`, changes, seq);
      }
      const before = this.#read();
      const reverted = revert(before, step as UndoableStep<Kept>);
      return this.#change(`undo of ${step.label}`, before, reverted, seq);
    })();
    return this.state();
  }

  redo(): GroupsState {
    this.#undo.redo();
    return this.state();
  }

  count(): number {
    return this.#db.prepare('SELECT count(*) FROM groups').pluck().get() as number;
  }

  /** Saves the groups as they are now, as one step. Null if they are as before. */
  #change(label: string, before: readonly Kept[], groups: readonly Group[], reverts?: number): number | null {
    const after = groups.map((group, position): Kept => ({ ...group, position }));
    const changes = difference(before, after);
    if (changes.length === 0) return null;
    this.#put(changes.map((change) => ({ id: change.id, state: change.after })));
    return this.#undo.record(label, changes, {
      subject: 'groups',
      ...(reverts !== undefined && { reverts }),
    });
  }

  #changeLabels(label: string, changes: readonly Change<KeptLabels>[], reverts?: number): number | null {
    if (changes.length === 0) return null;
    this.#labels.put(changes.map(({ id, after }) => ({ id, state: after })));
    return this.#undo.record(label, changes, { subject: 'runs', ...(reverts !== undefined && { reverts }) });
  }

  #trashed(): Set<string> {
    return new Set(
      this.#db.prepare('SELECT id FROM runs WHERE trashed_at IS NOT NULL').pluck().all() as string[],
    );
  }

  /** A position counts members as they are seen: without those in the trash. */
  #amongAll(groups: readonly Kept[], edit: GroupEdit): GroupEdit {
    if (!('index' in edit) || edit.index === undefined) return edit;
    const groupId = edit.type === 'move-members' ? edit.toGroupId : edit.groupId;
    const members = groups.find(({ id }) => id === groupId)?.members ?? [];
    const trashed = this.#trashed();
    const seen = members.flatMap(({ runId }, place) => (trashed.has(runId) ? [] : place));
    return { ...edit, index: seen[edit.index] ?? members.length };
  }

  #read(): Kept[] {
    const members = new Map<string, Member[]>();
    const rows = this.#db
      .prepare('SELECT group_id, run_id, checkpoint_ids FROM members ORDER BY group_id, position')
      .all() as MemberRecord[];
    for (const row of rows) {
      const of = members.get(row.group_id) ?? [];
      members.set(row.group_id, of);
      const checkpointIds =
        row.checkpoint_ids === null ? {} : { checkpointIds: JSON.parse(row.checkpoint_ids) as string[] };
      of.push({ runId: row.run_id, ...checkpointIds });
    }
    const groups = this.#db.prepare('SELECT * FROM groups ORDER BY position, id').all() as GroupRecord[];
    return groups.map((group) => ({ ...group, members: members.get(group.id) ?? [] }));
  }

  /** Puts groups into a known state. All of them go first, so that two may exchange their keys. */
  #put(states: readonly State<Kept>[]): void {
    const remove = this.#db.prepare('DELETE FROM groups WHERE id = ?');
    for (const { id } of states) remove.run(id);
    const insert = this.#db.prepare(
      `INSERT INTO groups (id, architecture, key, position, colour, notes)
       VALUES (@id, @architecture, @key, @position, @colour, @notes)`,
    );
    // A run that was taken out of the catalog since does not come back with an undo.
    const addMember = this.#db.prepare(
      `INSERT INTO members (group_id, run_id, position, checkpoint_ids)
       SELECT @groupId, @runId, @position, @checkpointIds WHERE EXISTS (SELECT 1 FROM runs WHERE id = @runId)`,
    );
    for (const { state } of states) {
      if (!state) continue;
      const { members, ...group } = state;
      insert.run(group);
      for (const [position, { runId, checkpointIds }] of members.entries()) {
        const ids = checkpointIds ? JSON.stringify(checkpointIds) : null;
        addMember.run({ groupId: state.id, runId, position, checkpointIds: ids });
      }
    }
  }

  #assertMember({ runId, checkpointIds }: Member): void {
    if (!this.#db.prepare('SELECT 1 FROM runs WHERE id = ?').get(runId)) {
      throw new UserError(`There is no run "${runId}" in the catalog.`, { hint: '`basin runs` lists them.' });
    }
    const exists = this.#db.prepare(
      `SELECT 1 FROM checkpoints WHERE run_id = ? AND run_id || '/e' || epoch || 'm' || model = ?`,
    );
    const unknown = checkpointIds?.find((id) => !exists.get(runId, id));
    if (unknown !== undefined) throw new UserError(`Run ${runId} has no checkpoint "${unknown}".`);
  }
}

function difference(before: readonly Kept[], after: readonly Kept[]): Change<Kept>[] {
  const old = new Map(before.map((group) => [group.id, group]));
  const now = new Map(after.map((group) => [group.id, group]));
  const ids = new Set([...old.keys(), ...now.keys()]);
  return [...ids]
    .map((id) => ({ id, before: old.get(id) ?? null, after: now.get(id) ?? null }))
    .filter((change) => JSON.stringify(change.before) !== JSON.stringify(change.after));
}
