/** Writes what was found of a run into the catalog's tables. */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { FoundCheckpoint, FoundRun } from '../../../src-shared/interop.ts';
import { contentsOf, fingerprintOf } from '../../formats/run-contents.ts';
import type { Db } from '../store/database.ts';
import type { CheckpointRecord, FolderRecord, RunRecord, Source } from './run-rows.ts';
import { summarise } from './summary.ts';

export class RunWriter {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  /** Saves a folder as the run `current`, or as a new one. */
  save(found: FoundRun, current: RunRecord | undefined, source: Source): { id: string; changed: boolean } {
    const record = recordOf(current?.id ?? this.#newId(found.path), found, current, source);
    const changed = !current || differs(current, record);
    const isBack = current?.missing === 1;
    if (changed || isBack || current.contents !== record.contents) this.#saveRun(record);
    const checkpointsChanged = this.#saveCheckpoints(record.id, found);
    // Whoever trains or imports it again wants it back.
    const { changes: restored } = this.#db
      .prepare('UPDATE runs SET trashed_at = NULL WHERE id = ? AND trashed_at IS NOT NULL')
      .run(record.id);
    return { id: record.id, changed: changed || checkpointsChanged || restored > 0 };
  }

  #newId(path: string): string {
    const name =
      basename(path)
        .toLowerCase()
        .replace(/[^a-z0-9._-]+/g, '-')
        .replace(/^[-.]+|-+$/g, '') || 'run';
    const hash = createHash('sha256').update(path).digest('hex');
    const taken = this.#db.prepare('SELECT 1 FROM runs WHERE id = ?');
    for (let length = 4; ; length++) {
      // A path may be another run's today than when the first id was made from it.
      const end = length <= hash.length ? hash.slice(0, length) : `${hash.slice(0, 8)}-${length}`;
      const id = `${name.slice(0, 80)}-${end}`;
      if (!taken.get(id)) return id;
    }
  }

  #saveRun(record: FolderRecord): void {
    this.#db
      .prepare(
        `INSERT INTO runs (id, name, path, architecture, family, sigma_f, dataset, widths, config, config_hash,
           fingerprint, contents, origin, state, missing, problems, added_at)
         VALUES (@id, @name, @path, @architecture, @family, @sigma_f, @dataset, @widths, @config, @config_hash,
           @fingerprint, @contents, @origin, @state, @missing, @problems, @added_at)
         ON CONFLICT (id) DO UPDATE SET name = @name, path = @path, architecture = @architecture, family = @family,
           sigma_f = @sigma_f, dataset = @dataset, widths = @widths, config = @config, config_hash = @config_hash,
           fingerprint = @fingerprint, contents = @contents, origin = @origin, state = @state, missing = @missing,
           problems = @problems`,
      )
      .run(record);
  }

  /** Checkpoints that are no longer there stay, marked as missing: groups may name them. True when anything changed. */
  #saveCheckpoints(id: string, found: FoundRun): boolean {
    const before = this.#db
      .prepare('SELECT * FROM checkpoints WHERE run_id = ?')
      .all(id) as CheckpointRecord[];
    const old = new Map(before.map((row) => [`${row.epoch}/${row.model}`, row]));
    let changed = false;
    for (const file of found.checkpoints) {
      const row = old.get(`${file.epoch}/${file.model}`);
      old.delete(`${file.epoch}/${file.model}`);
      const same = row !== undefined && isSameFile(row, file);
      // An accuracy may change with the other files of the run: they tell which unit it is in.
      const isAlike = same && row.problem === file.problem && row.val_accuracy === file.valAccuracy;
      const isKnown = isAlike && row.missing === 0;
      if (!isKnown) changed = true;
      if (isKnown && row.sample !== null && file.sha256 === undefined) continue;
      this.#saveCheckpoint(id, file, same ? row : undefined);
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

  #saveCheckpoint(id: string, file: FoundCheckpoint, same: CheckpointRecord | undefined): void {
    this.#db.prepare('INSERT OR IGNORE INTO models (run_id, model) VALUES (?, ?)').run(id, file.model);
    this.#db
      .prepare(
        `INSERT OR REPLACE INTO checkpoints
           (run_id, model, epoch, file, bytes, mtime_ms, sample, sha256, val_accuracy, problem)
         VALUES (@id, @model, @epoch, @file, @bytes, @mtimeMs, @sample, @sha256, @valAccuracy, @problem)`,
      )
      .run({
        ...file,
        id,
        sample: file.sample ?? same?.sample ?? null,
        sha256: file.sha256 ?? same?.sha256 ?? null,
      });
  }
}

/** By name, size and time, and by its sample if one was taken before. */
function isSameFile(row: CheckpointRecord, file: FoundCheckpoint): boolean {
  if (row.file !== file.file || row.bytes !== file.bytes || row.mtime_ms !== file.mtimeMs) return false;
  return row.sample === null || file.sample === undefined || row.sample === file.sample;
}

function recordOf(
  id: string,
  found: FoundRun,
  current: RunRecord | undefined,
  { origin, state }: Source,
): FolderRecord {
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
    fingerprint: fingerprintOf(found.configHash, found.checkpoints),
    contents: contentsOf(found.checkpoints),
    origin: current?.origin ?? origin,
    state: state ?? (usable || kept === 'training' ? kept : 'broken'),
    missing: 0,
    problems: JSON.stringify(found.problems),
    added_at: current?.added_at ?? Date.now(),
  };
}

/** That its folder is back, or that an older Basin recorded no contents, is no change of the run. */
function differs(a: FolderRecord, b: FolderRecord): boolean {
  return (Object.keys(b) as (keyof FolderRecord)[]).some(
    (key) => a[key] !== b[key] && key !== 'missing' && !(key === 'contents' && a.contents === null),
  );
}
