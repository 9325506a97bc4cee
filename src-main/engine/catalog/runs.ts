/** Runs, models and checkpoints. */
import { stat } from 'node:fs';
import type { CheckpointRow, RunRow } from '../../../src-shared/api.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { FoundRun } from '../../../src-shared/interop.ts';
import { packRuns, type PackedRuns } from '../../../src-shared/packed-runs.ts';
import type { Db } from '../store/database.ts';
import { ContentHashes } from './hashes.ts';
import { Intake, type Taken } from './intake.ts';
import { uniqueNames } from './names.ts';
import {
  checkpointRowOf,
  ConfigMemo,
  rowOf,
  type CheckpointFacts,
  type CheckpointRecord,
  type RunRecord,
  type RunState,
  type Source,
} from './run-rows.ts';

export interface StoredRun {
  id: string;
  path: string;
  config: Record<string, unknown>;
  configHash: string;
  widths: number[] | null;
}

/** What the catalog knows of a checkpoint file's bytes. */
export type RecordedFile = Pick<CheckpointRecord, 'file' | 'bytes' | 'sample' | 'sha256'>;

export class RunStore {
  readonly hashes: ContentHashes;
  readonly intake: Intake;
  readonly #db: Db;
  readonly #configs = new ConfigMemo();
  #packed: { rows: readonly RunRow[]; packed: PackedRuns } | undefined;
  #listed: { version: string; rows: readonly RunRow[] } | undefined;

  /** @param dataHome where the data sets of the workspace lie */
  constructor(db: Db, dataHome?: string) {
    this.#db = db;
    this.hashes = new ContentHashes(db, dataHome);
    this.intake = new Intake(db);
  }

  /**
   * Takes in what was found of one folder. The same folder found again changes nothing; a folder that a missing run was
   * moved to becomes that run, so that its groups and results stay. Its contents tell which run it is.
   */
  take(found: FoundRun, origin: Source['origin'], state?: RunState): Taken {
    return this.transaction(() => this.intake.settle([found], { origin, state }).get(found)!);
  }

  transaction<T>(work: () => T): T {
    return this.#db.transaction(work)();
  }

  /** Every run, the newest first. Asked for by each window that opens, so it is only made anew after a change. */
  list(): readonly RunRow[] {
    // What a transaction wrote may be taken back, which no count tells.
    if (this.#db.inTransaction) return this.#rows();
    const version = this.#version();
    if (this.#listed?.version !== version) {
      this.#listed = { version, rows: this.#rows() };
      this.#configs.keep(this.#listed.rows);
    }
    return this.#listed.rows;
  }

  /** The same for windows, which ask for it at each change and when they open. */
  packed(): PackedRuns {
    const rows = this.list();
    if (this.#packed?.rows !== rows) this.#packed = { rows, packed: packRuns(rows) };
    return this.#packed.packed;
  }

  /** Another one after any write to the database, by this process or by another. */
  #version(): string {
    const byOthers = this.#db.pragma('data_version', { simple: true }) as number;
    const byUs = this.#db.prepare('SELECT total_changes()').pluck().get() as number;
    return `${byOthers}/${byUs}`;
  }

  /** The runs in the trash, the last one first. */
  trash(): RunRow[] {
    return this.#rows('trashed_at IS NOT NULL ORDER BY trashed_at DESC, id');
  }

  #rows(which = 'trashed_at IS NULL ORDER BY added_at DESC, id'): RunRow[] {
    const runs = this.#db.prepare(`SELECT * FROM runs WHERE ${which}`).all() as RunRecord[];
    const checkpoints = this.#checkpointFacts();
    const groups = this.#groupIds();
    const names = uniqueNames(runs.map((run) => run.path));
    return runs.map((run) =>
      rowOf(
        run,
        names.get(run.path) ?? run.name,
        this.#configs.of(run),
        checkpoints.get(run.id),
        groups.get(run.id),
      ),
    );
  }

  row(id: string): RunRow {
    const run = this.list().find((candidate) => candidate.id === id);
    if (!run) throw unknownRun(id);
    return run;
  }

  stored(id: string): StoredRun {
    const run = this.#record1(id);
    return {
      id,
      path: run.path,
      config: JSON.parse(run.config) as Record<string, unknown>,
      configHash: run.config_hash,
      widths: run.widths === null ? null : (JSON.parse(run.widths) as number[]),
    };
  }

  has(id: string): boolean {
    return this.#db.prepare('SELECT 1 FROM runs WHERE id = ?').get(id) !== undefined;
  }

  idAt(path: string): string | undefined {
    return this.intake.byPath(path)?.id;
  }

  isTrashed(id: string): boolean {
    return (
      this.#db.prepare('SELECT 1 FROM runs WHERE id = ? AND trashed_at IS NOT NULL').get(id) !== undefined
    );
  }

  /** The last epoch that any of its models has a checkpoint of. */
  lastEpoch(id: string): number | null {
    return this.#db.prepare('SELECT max(epoch) FROM checkpoints WHERE run_id = ?').pluck().get(id) as
      number | null;
  }

  checkpoints(id: string): CheckpointRow[] {
    const { path } = this.#record1(id);
    const rows = this.#db
      .prepare('SELECT * FROM checkpoints WHERE run_id = ? ORDER BY epoch, model')
      .all(id) as CheckpointRecord[];
    return rows.map((row) => checkpointRowOf(row, path));
  }

  /** The checkpoint files that a run had when it was last looked at. */
  recordedFiles(id: string): RecordedFile[] {
    return this.#db
      .prepare('SELECT file, bytes, sample, sha256 FROM checkpoints WHERE run_id = ? AND missing = 0')
      .all(id) as RecordedFile[];
  }

  setState(id: string, state: RunState): void {
    this.#db.prepare('UPDATE runs SET state = ? WHERE id = ?').run(state, id);
  }

  /** No job is at work yet: what was being trained when the last engine ended is interrupted. */
  settleTraining(): void {
    this.#db.prepare(`UPDATE runs SET state = 'interrupted' WHERE state = 'training'`).run();
  }

  /** Forgets a run; its files stay. */
  remove(ids: readonly string[]): void {
    this.#db.transaction(() => {
      for (const id of ids) {
        this.#record1(id);
        this.#db.prepare('DELETE FROM runs WHERE id = ?').run(id);
      }
    })();
  }

  /**
   * Points a run to the folder it was moved to. The caller has made sure that the run is there. A run that was taken
   * in for that folder meanwhile is forgotten, unless it is in a group.
   */
  setPath(id: string, path: string): void {
    const other = this.intake.byPath(path);
    const grouped = this.#db.prepare('SELECT 1 FROM members WHERE run_id = ?');
    if (other && other.id !== id && grouped.get(other.id)) {
      throw new UserError(`${path} is in the catalog as run ${other.id}, which is also in a group.`, {
        hint: `Remove ${other.id} from its groups first; it is then replaced.`,
      });
    }
    this.transaction(() => {
      if (other && other.id !== id) this.remove([other.id]);
      this.#db.prepare('UPDATE runs SET path = ?, missing = 0 WHERE id = ?').run(path, id);
    });
  }

  /** Marks which run folders are where they were. True when anything changed. */
  async refreshPresence(): Promise<boolean> {
    const runs = this.#db.prepare('SELECT id, path, missing FROM runs').all() as RunRecord[];
    const present = await Promise.all(runs.map((run) => isFolderThere(run.path)));
    const wrong = runs.filter((run, i) => (run.missing === 0) !== present[i]);
    if (wrong.length === 0) return false;
    const update = this.#db.prepare('UPDATE runs SET missing = 1 - missing WHERE id = ?');
    this.#db.transaction(() => wrong.forEach((run) => update.run(run.id)))();
    return true;
  }

  /** Run -> epoch -> when its newest checkpoint file was written, milliseconds since 1970. */
  lastWrites(): Map<string, Map<number, number>> {
    const rows = this.#db
      .prepare('SELECT run_id, epoch, max(mtime_ms) FROM checkpoints GROUP BY run_id, epoch')
      .raw()
      .all() as [string, number, number][];
    const found = new Map<string, Map<number, number>>();
    for (const [runId, epoch, at] of rows)
      found.set(runId, (found.get(runId) ?? new Map<number, number>()).set(epoch, at));
    return found;
  }

  counts(): { runs: number; checkpoints: number } {
    const count = (from: string): number =>
      this.#db.prepare(`SELECT count(*) FROM ${from} WHERE trashed_at IS NULL`).pluck().get() as number;
    return { runs: count('runs'), checkpoints: count('checkpoints JOIN runs ON runs.id = run_id') };
  }

  #record1(id: string): RunRecord {
    const run = this.#db.prepare('SELECT * FROM runs WHERE id = ?').get(id) as RunRecord | undefined;
    if (!run) throw unknownRun(id);
    return run;
  }

  #checkpointFacts(): Map<string, CheckpointFacts> {
    const facts = new Map<string, CheckpointFacts>();
    const rows = this.#db
      .prepare('SELECT run_id, model, epoch, val_accuracy FROM checkpoints ORDER BY run_id, epoch')
      .raw()
      .all() as [string, number, number, number | null][];
    for (const [runId, model, epoch, accuracy] of rows) {
      const of = facts.get(runId) ?? { models: new Set(), epochs: [], count: 0, last: [] };
      facts.set(runId, of);
      of.count++;
      of.models.add(model);
      if (of.epochs.at(-1) !== epoch) {
        of.epochs.push(epoch);
        of.last = [];
      }
      if (accuracy !== null) of.last.push(accuracy);
    }
    return facts;
  }

  #groupIds(): Map<string, string[]> {
    const of = new Map<string, string[]>();
    const rows = this.#db.prepare('SELECT run_id, group_id FROM members').raw().all() as [string, string][];
    for (const [runId, groupId] of rows) of.set(runId, [...(of.get(runId) ?? []), groupId]);
    return of;
  }
}

/** The callback form: a thousand of these are asked for each time the runs are listed. */
function isFolderThere(path: string): Promise<boolean> {
  return new Promise((resolve) => stat(path, (error, found) => resolve(!error && found.isDirectory())));
}

function unknownRun(id: string): UserError {
  return new UserError(`There is no run "${id}" in the catalog.`, { hint: '`basin runs` lists them.' });
}
