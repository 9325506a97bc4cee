/** Runs, models and checkpoints. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs';
import { basename } from 'node:path';
import type { CheckpointRow, RunRow } from '../../../src-shared/api.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { FoundRun } from '../../../src-shared/found.ts';
import type { Db } from '../store/database.ts';
import { summarise } from './summary.ts';
import { ContentHashes } from './hashes.ts';
import { uniqueNames } from './names.ts';
import {
  checkpointRowOf,
  PropertiesMemo,
  rowOf,
  type CheckpointFacts,
  type CheckpointRecord,
  type RunRecord,
} from './run-rows.ts';

export type RunChange = 'added' | 'updated' | 'unchanged' | 'relocated';
export type RunState = RunRecord['state'];

export interface StoredRun {
  id: string;
  path: string;
  config: Record<string, unknown>;
  configHash: string;
  widths: number[] | null;
}

/** Finds a run again after its folder was moved: its config, and the names and sizes of its checkpoints. */
function fingerprintOf(configHash: string, checkpoints: readonly { file: string; bytes: number }[]): string {
  const lines = checkpoints.map(({ file, bytes }) => `${file} ${bytes}`).sort();
  return createHash('sha256')
    .update([configHash, ...lines].join('\n'))
    .digest('hex');
}

export class RunStore {
  readonly hashes: ContentHashes;
  readonly #db: Db;
  readonly #properties = new PropertiesMemo();
  #listed: { version: string; rows: readonly RunRow[] } | undefined;

  constructor(db: Db) {
    this.#db = db;
    this.hashes = new ContentHashes(db);
  }

  /**
   * Takes in what a scan found. The same folder found again changes nothing; a folder that a missing run was moved to
   * becomes that run, so that its groups and results stay.
   */
  take(found: FoundRun, origin: 'trained' | 'imported', state?: RunState): { id: string; change: RunChange } {
    return this.transaction(() => {
      const print = fingerprintOf(found.configHash, found.checkpoints);
      const known = this.#byPath(found.path);
      const moved = known ? undefined : this.#movedFrom(print);
      if (moved)
        this.#db.prepare('UPDATE runs SET path = ?, missing = 0 WHERE id = ?').run(found.path, moved.id);
      const current = known ?? moved;
      const id = current?.id ?? this.#newId(found.path);
      const record = this.#record(id, found, print, current, origin, state);
      const changed = !current || this.#differs(current, record);
      if (changed) this.#save(record);
      const checkpointsChanged = this.#saveCheckpoints(id, found);
      const change: RunChange = !current
        ? 'added'
        : moved
          ? 'relocated'
          : changed || checkpointsChanged
            ? 'updated'
            : 'unchanged';
      return { id, change };
    });
  }

  transaction<T>(work: () => T): T {
    return this.#db.transaction(work)();
  }

  /** Others that look the same or bear the same name, as sentences for whoever imported `id`. */
  notesAbout(id: string): string[] {
    const run = this.#record1(id);
    const others = this.#db.prepare('SELECT * FROM runs WHERE id <> ? AND (fingerprint = ? OR name = ?)');
    const notes: string[] = [];
    for (const other of others.all(id, run.fingerprint, run.name) as RunRecord[]) {
      if (other.fingerprint === run.fingerprint) {
        notes.push(
          `${run.path} looks like a copy of ${other.path} (same config, same checkpoints); both are kept.`,
        );
      } else {
        notes.push(
          `Two runs are named "${run.name}": ${run.path} and ${other.path}; their ids tell them apart.`,
        );
      }
    }
    return notes;
  }

  /** Every run, the newest first. Asked for by each window that opens, so it is only made anew after a change. */
  list(): readonly RunRow[] {
    // What a transaction wrote may be taken back, which no count tells.
    if (this.#db.inTransaction) return this.#rows();
    const version = this.#version();
    if (this.#listed?.version !== version) this.#listed = { version, rows: this.#rows() };
    return this.#listed.rows;
  }

  /** Another one after any write to the database, by this process or by another. */
  #version(): string {
    const byOthers = this.#db.pragma('data_version', { simple: true }) as number;
    const byUs = this.#db.prepare('SELECT total_changes()').pluck().get() as number;
    return `${byOthers}/${byUs}`;
  }

  #rows(): RunRow[] {
    const runs = this.#db.prepare('SELECT * FROM runs ORDER BY added_at DESC, id').all() as RunRecord[];
    const checkpoints = this.#checkpointFacts();
    const groups = this.#groupIds();
    const names = uniqueNames(runs.map((run) => run.path));
    this.#properties.keep(runs);
    return runs.map((run) =>
      rowOf(
        run,
        names.get(run.path) ?? run.name,
        this.#properties.of(run),
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
    return this.#byPath(path)?.id;
  }

  checkpoints(id: string): CheckpointRow[] {
    const { path } = this.#record1(id);
    const rows = this.#db
      .prepare('SELECT * FROM checkpoints WHERE run_id = ? ORDER BY epoch, model')
      .all(id) as CheckpointRecord[];
    return rows.map((row) => checkpointRowOf(row, path));
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

  /** Points a run to the folder it was moved to. The caller has made sure that the run is there. */
  setPath(id: string, path: string): void {
    const other = this.#byPath(path);
    if (other && other.id !== id) {
      throw new UserError(`${path} is already in the catalog as run ${other.id}.`, {
        hint: 'Remove that one first.',
      });
    }
    this.#db.prepare('UPDATE runs SET path = ?, missing = 0 WHERE id = ?').run(path, id);
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

  counts(): { runs: number; checkpoints: number } {
    const count = (table: string): number =>
      this.#db.prepare(`SELECT count(*) FROM ${table}`).pluck().get() as number;
    return { runs: count('runs'), checkpoints: count('checkpoints') };
  }

  #byPath(path: string): RunRecord | undefined {
    return this.#db.prepare('SELECT * FROM runs WHERE path = ?').get(path) as RunRecord | undefined;
  }

  #record1(id: string): RunRecord {
    const run = this.#db.prepare('SELECT * FROM runs WHERE id = ?').get(id) as RunRecord | undefined;
    if (!run) throw unknownRun(id);
    return run;
  }

  /** The one missing run that this folder must be; two candidates are none. */
  #movedFrom(fingerprint: string): RunRecord | undefined {
    const rows = this.#db
      .prepare('SELECT * FROM runs WHERE fingerprint = ? AND missing = 1')
      .all(fingerprint) as RunRecord[];
    return rows.length === 1 ? rows[0] : undefined;
  }

  #newId(path: string): string {
    const name =
      basename(path)
        .toLowerCase()
        .replace(/[^a-z0-9._-]+/g, '-')
        .replace(/^[-.]+|-+$/g, '') || 'run';
    const hash = createHash('sha256').update(path).digest('hex');
    for (let length = 4; ; length++) {
      const id = `${name.slice(0, 80)}-${hash.slice(0, length)}`;
      if (!this.has(id)) return id;
    }
  }

  #record(
    id: string,
    found: FoundRun,
    fingerprint: string,
    current: RunRecord | undefined,
    origin: 'trained' | 'imported',
    state?: RunState,
  ): RunRecord {
    const config = found.config ?? {};
    const summary = summarise(config);
    const usable =
      found.config !== null &&
      found.blocked !== true &&
      found.checkpoints.some((checkpoint) => checkpoint.problem === null);
    const kept = current && current.state !== 'broken' ? current.state : 'ready';
    return {
      id,
      name: basename(found.path),
      path: found.path,
      architecture: summary.architecture,
      family: summary.family,
      sigma_f: summary.sigmaF,
      dataset: summary.dataset,
      widths: summary.widths && JSON.stringify(summary.widths),
      config: JSON.stringify(config),
      config_hash: found.configHash,
      fingerprint,
      origin: current?.origin ?? origin,
      state: state ?? (usable || kept === 'training' ? kept : 'broken'),
      missing: 0,
      problems: JSON.stringify(found.problems),
      added_at: current?.added_at ?? Date.now(),
    };
  }

  #differs(a: RunRecord, b: RunRecord): boolean {
    return (Object.keys(b) as (keyof RunRecord)[]).some((key) => a[key] !== b[key]);
  }

  #save(record: RunRecord): void {
    this.#db
      .prepare(
        `INSERT INTO runs (id, name, path, architecture, family, sigma_f, dataset, widths, config, config_hash,
           fingerprint, origin, state, missing, problems, added_at)
         VALUES (@id, @name, @path, @architecture, @family, @sigma_f, @dataset, @widths, @config, @config_hash,
           @fingerprint, @origin, @state, @missing, @problems, @added_at)
         ON CONFLICT (id) DO UPDATE SET name = @name, path = @path, architecture = @architecture, family = @family,
           sigma_f = @sigma_f, dataset = @dataset, widths = @widths, config = @config, config_hash = @config_hash,
           fingerprint = @fingerprint, origin = @origin, state = @state, missing = @missing, problems = @problems`,
      )
      .run(record);
  }

  /** Checkpoints that are no longer there stay, marked as missing: groups may name them. True when anything changed. */
  #saveCheckpoints(id: string, found: FoundRun): boolean {
    const before = this.#db
      .prepare('SELECT * FROM checkpoints WHERE run_id = ?')
      .all(id) as CheckpointRecord[];
    const old = new Map(before.map((row) => [`${row.epoch}/${row.model}`, row]));
    const addModel = this.#db.prepare('INSERT OR IGNORE INTO models (run_id, model) VALUES (?, ?)');
    const save = this.#db.prepare(
      `INSERT OR REPLACE INTO checkpoints (run_id, model, epoch, file, bytes, mtime_ms, sha256, val_accuracy, problem)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    let changed = false;
    for (const file of found.checkpoints) {
      const row = old.get(`${file.epoch}/${file.model}`);
      old.delete(`${file.epoch}/${file.model}`);
      const same = row && row.file === file.file && row.bytes === file.bytes && row.mtime_ms === file.mtimeMs;
      // An accuracy may change with the other files of the run: they tell which unit it is in.
      const alike = same && row.problem === file.problem && row.val_accuracy === file.valAccuracy;
      if (alike && row.missing === 0) continue;
      changed = true;
      addModel.run(id, file.model);
      const hash = same ? row.sha256 : null;
      save.run(
        id,
        file.model,
        file.epoch,
        file.file,
        file.bytes,
        file.mtimeMs,
        hash,
        file.valAccuracy,
        file.problem,
      );
    }
    const gone = this.#db.prepare(
      'UPDATE checkpoints SET missing = 1 WHERE run_id = ? AND epoch = ? AND model = ?',
    );
    for (const row of old.values()) {
      if (row.missing === 1) continue;
      gone.run(id, row.epoch, row.model);
      changed = true;
    }
    return changed;
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
