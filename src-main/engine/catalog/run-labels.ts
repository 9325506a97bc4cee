/** What a person says of runs (src-shared/run-labels.ts): reads, edits and takes back edits of it. */
import { UserError } from '../../../src-shared/errors.ts';
import type { RunEdit, RunLabels } from '../../../src-shared/run-labels.ts';
import type { Db } from '../store/database.ts';
import { labelsOf, type RunRecord } from './run-rows.ts';
import type { Change, State, UndoableStep } from './undo.ts';

/** One run's labels, and when it was moved to the trash: what one step of undo keeps. */
export type KeptLabels = RunLabels & { trashedAt: number | null };

export class LabelStore {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  /** What an edit changes, and its name for undo. Nothing is written. @throws UserError for what cannot be done */
  changesOf(edit: RunEdit): { label: string; changes: Change<KeptLabels>[] } {
    const ids = 'runIds' in edit ? [...new Set(edit.runIds)] : [edit.runId];
    const runs = ids.map((id) => this.#record(id));
    const changes = runs.map((run) => {
      const before = keptOf(run);
      return { id: run.id, before, after: this.#edited(run, before, edit) };
    });
    return {
      label: labelOf(
        edit,
        runs.map((run) => run.title ?? run.name),
      ),
      changes: changes.filter(({ before, after }) => JSON.stringify(before) !== JSON.stringify(after)),
    };
  }

  put(states: readonly State<KeptLabels>[]): void {
    const update = this.#db.prepare(
      `UPDATE runs SET title = @title, notes = @notes, tags = @tags, starred = @starred, archived = @archived,
         trashed_at = @trashedAt WHERE id = @id`,
    );
    for (const { id, state } of states) {
      if (!state) continue;
      const { tags, starred, archived } = state;
      update.run({
        ...{ ...state, id, tags: JSON.stringify(tags) },
        ...{ starred: starred ? 1 : 0, archived: archived ? 1 : 0 },
      });
    }
  }

  /**
   * What must be put to take back a step although others were done after it.
   * @throws UserError if one of its runs was changed in the same way since, or forgotten
   */
  revert({ label, changes, later }: UndoableStep<KeptLabels>): Change<KeptLabels>[] {
    return changes.map(({ id, before, after }) => {
      const run = this.#db.prepare('SELECT * FROM runs WHERE id = ?').get(id) as RunRecord | undefined;
      const now = run && keptOf(run);
      if (!now || !before || !after) throw unrevertable(label, `the run ${id} was forgotten since`);
      const keys = (Object.keys(before) as (keyof KeptLabels)[]).filter((key) => isOther(before, after, key));
      const since = later.filter((change) => change.id === id);
      const taken = keys.some(
        (key) =>
          isOther(now, after, key) ||
          since.some((change) => change.before && change.after && isOther(change.before, change.after, key)),
      );
      if (taken) throw unrevertable(label, `the run ${now.title ?? run.name} was changed since`);
      return {
        id,
        before: now,
        after: { ...now, ...Object.fromEntries(keys.map((key) => [key, before[key]])) },
      };
    });
  }

  #edited(run: RunRecord, before: KeptLabels, edit: RunEdit): KeptLabels {
    switch (edit.type) {
      case 'rename':
        this.#assertFree(run, edit.title);
        return { ...before, title: edit.title };
      case 'annotate':
        return { ...before, notes: edit.notes };
      case 'tag': {
        const kept = before.tags.filter((tag) => !edit.remove.includes(tag));
        return { ...before, tags: [...new Set([...kept, ...edit.add])].sort() };
      }
      case 'star':
        return { ...before, starred: edit.starred };
      case 'archive':
        return { ...before, archived: edit.archived };
      case 'trash': {
        if (run.state === 'training') {
          throw new UserError(`${run.title ?? run.name} is being trained.`, {
            hint: 'Cancel its job first, then remove the run.',
          });
        }
        return { ...before, trashedAt: before.trashedAt ?? Date.now() };
      }
      case 'restore':
        return { ...before, trashedAt: null };
    }
  }

  /** Two runs of one name could not be told apart on the command line. */
  #assertFree(run: RunRecord, title: string | null): void {
    if (title === null) return;
    const other = this.#db
      .prepare(
        'SELECT path FROM runs WHERE id <> @id AND trashed_at IS NULL AND (title = @title OR (title IS NULL AND name = @title))',
      )
      .get({ id: run.id, title }) as { path: string } | undefined;
    if (other) {
      throw new UserError(`Another run is named "${title}": ${other.path}`, { hint: 'Choose another name.' });
    }
  }

  #record(id: string): RunRecord {
    const run = this.#db.prepare('SELECT * FROM runs WHERE id = ?').get(id) as RunRecord | undefined;
    if (!run)
      throw new UserError(`There is no run "${id}" in the catalog.`, { hint: '`basin runs` lists them.' });
    return run;
  }
}

const keptOf = (run: RunRecord): KeptLabels => ({ ...labelsOf(run), trashedAt: run.trashed_at });

const isOther = (a: KeptLabels, b: KeptLabels, key: keyof KeptLabels): boolean =>
  JSON.stringify(a[key]) !== JSON.stringify(b[key]);

const unrevertable = (label: string, reason: string): UserError =>
  new UserError(`"${label}" can no longer be undone: ${reason}.`, {
    hint: 'Undo the later changes to that run first.',
  });

function labelOf(edit: RunEdit, names: readonly string[]): string {
  const what = names.length === 1 ? names[0]! : `${names.length} runs`;
  switch (edit.type) {
    case 'rename':
      return `rename of ${what}`;
    case 'annotate':
      return `notes on ${what}`;
    case 'tag':
      return `tags of ${what}`;
    case 'star':
      return `${edit.starred ? 'star on' : 'star off'} ${what}`;
    case 'archive':
      return `${edit.archived ? 'archiving' : 'return from the archive'} of ${what}`;
    case 'trash':
      return `removal of ${what}`;
    case 'restore':
      return `return of ${what} from the trash`;
  }
}
