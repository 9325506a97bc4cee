/** Undo and redo: each step keeps the data before and after, so that undoing is an ordinary change. */
import { UserError } from '../../../src-shared/errors.ts';
import type { Db } from '../store/database.ts';

/** What a step changed. */
export type Subject = 'groups' | 'runs';

/** One group's, or run's, state before and after a step; null: it did not exist. */
export interface Change<T> {
  id: string;
  before: T | null;
  after: T | null;
}

interface Step {
  seq: number;
  label: string;
  changes: string;
  undone: number;
  subject: Subject;
}

/** A step that can be taken back by its id. */
export interface UndoableStep<T> {
  label: string;
  subject: Subject;
  changes: Change<T>[];
  /** What was done after it to the same kind of thing and is still in effect; nothing for the last step. */
  later: Change<T>[];
}

/** Steps that are kept. */
export const undoLimit = 200;

/** What something is put into; null: it is not there. */
export interface State<T> {
  id: string;
  state: T | null;
}

type Apply = (states: State<unknown>[]) => void;

export class UndoLog {
  readonly #db: Db;
  readonly #apply: Record<Subject, Apply>;

  /** @param apply puts what a step kept, as it was recorded for that subject */
  constructor(db: Db, apply: Record<Subject, Apply>) {
    this.#db = db;
    this.#apply = apply;
  }

  /**
   * Call inside the transaction that makes the change. What had been undone can no longer be redone.
   * @param step `reverts`: the step that this one takes back
   * @returns the step's id
   */
  record(
    label: string,
    changes: readonly Change<unknown>[],
    { subject, reverts = null }: { subject: Subject; reverts?: number | null },
  ): number {
    this.#db.prepare('DELETE FROM undo_log WHERE undone = 1').run();
    const { lastInsertRowid } = this.#db
      .prepare('INSERT INTO undo_log (label, changes, created_at, reverts, subject) VALUES (?, ?, ?, ?, ?)')
      .run(label, JSON.stringify(changes), Date.now(), reverts, subject);
    this.#db.prepare('DELETE FROM undo_log WHERE seq <= (SELECT max(seq) FROM undo_log) - ?').run(undoLimit);
    return Number(lastInsertRowid);
  }

  isLast(seq: number): boolean {
    return this.#next('undo')?.seq === seq;
  }

  /** @throws UserError if that step was undone already or is no longer kept */
  step(seq: number): UndoableStep<unknown> {
    const step = this.#db.prepare('SELECT * FROM undo_log WHERE seq = ?').get(seq) as Step | undefined;
    if (!step) {
      throw new UserError('This change can no longer be undone.', {
        hint: `Only the last ${undoLimit} changes to groups and runs can be undone; undone changes are dropped by the next change.`,
      });
    }
    const reverted = this.#db.prepare('SELECT 1 FROM undo_log WHERE reverts = ? AND undone = 0').get(seq);
    if (step.undone || reverted) throw new UserError(`"${step.label}" was already undone.`);
    const later = this.#db
      .prepare(
        `SELECT changes FROM undo_log AS step WHERE seq > ? AND subject = ? AND undone = 0 AND reverts IS NULL
           AND NOT EXISTS (SELECT 1 FROM undo_log WHERE reverts = step.seq AND undone = 0)`,
      )
      .pluck()
      .all(seq, step.subject) as string[];
    return {
      label: step.label,
      subject: step.subject,
      changes: JSON.parse(step.changes) as Change<unknown>[],
      later: later.flatMap((text) => JSON.parse(text) as Change<unknown>[]),
    };
  }

  /** What undo and redo would take back and do again, in words. */
  labels(): { undo: string | null; redo: string | null } {
    return { undo: this.#next('undo')?.label ?? null, redo: this.#next('redo')?.label ?? null };
  }

  /** False when there is nothing to undo. */
  undo(): boolean {
    return this.#step('undo');
  }

  redo(): boolean {
    return this.#step('redo');
  }

  #step(way: 'undo' | 'redo'): boolean {
    return this.#db.transaction(() => {
      const step = this.#next(way);
      if (!step) return false;
      const changes = JSON.parse(step.changes) as Change<unknown>[];
      this.#apply[step.subject](
        changes.map((change) => ({ id: change.id, state: way === 'undo' ? change.before : change.after })),
      );
      this.#db.prepare('UPDATE undo_log SET undone = ? WHERE seq = ?').run(way === 'undo' ? 1 : 0, step.seq);
      return true;
    })();
  }

  #next(way: 'undo' | 'redo'): Step | undefined {
    const sql =
      way === 'undo'
        ? 'SELECT * FROM undo_log WHERE undone = 0 ORDER BY seq DESC LIMIT 1'
        : 'SELECT * FROM undo_log WHERE undone = 1 ORDER BY seq LIMIT 1';
    return this.#db.prepare(sql).get() as Step | undefined;
  }
}
