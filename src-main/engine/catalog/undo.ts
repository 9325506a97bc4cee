/** Undo and redo: each step keeps the data before and after, so that undoing is an ordinary change. */
import type { Db } from '../store/database.ts';

/** One group's state before and after a step; null: it did not exist. */
export interface Change<T> {
  id: string;
  before: T | null;
  after: T | null;
}

interface Step {
  seq: number;
  label: string;
  changes: string;
}

/** Steps that are kept. */
export const undoLimit = 200;

export class UndoLog<T> {
  readonly #db: Db;
  readonly #apply: (states: { id: string; state: T | null }[]) => void;

  constructor(db: Db, apply: (states: { id: string; state: T | null }[]) => void) {
    this.#db = db;
    this.#apply = apply;
  }

  /** Call inside the transaction that makes the change. What had been undone can no longer be redone. */
  record(label: string, changes: readonly Change<T>[]): void {
    this.#db.prepare('DELETE FROM undo_log WHERE undone = 1').run();
    this.#db
      .prepare('INSERT INTO undo_log (label, changes, created_at) VALUES (?, ?, ?)')
      .run(label, JSON.stringify(changes), Date.now());
    this.#db.prepare('DELETE FROM undo_log WHERE seq <= (SELECT max(seq) FROM undo_log) - ?').run(undoLimit);
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
      const changes = JSON.parse(step.changes) as Change<T>[];
      this.#apply(
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
