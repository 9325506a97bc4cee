/** Content hashes of files, kept as long as a file's size and time stay the same. */
import type { HashedFile } from '../../../src-shared/interop.ts';
import { sampleHash } from '../../formats/run-contents.ts';
import { placeInRun } from '../../formats/run-layout.ts';
import type { HashStore } from '../inputs.ts';
import type { Db } from '../store/database.ts';

export class ContentHashes implements HashStore {
  readonly dataHome: string | undefined;
  readonly #db: Db;
  /** When the entry of a file that was looked at here had last changed. */
  readonly #ctimes = new Map<string, number>();

  constructor(db: Db, dataHome?: string) {
    this.#db = db;
    this.dataHome = dataHome;
  }

  /** Folders of runs with checkpoints whose content was not hashed yet. */
  unhashed(): string[] {
    return this.#db
      .prepare(
        `SELECT DISTINCT runs.path FROM runs JOIN checkpoints ON run_id = id
         WHERE sha256 IS NULL AND problem IS NULL AND checkpoints.missing = 0 AND runs.missing = 0`,
      )
      .pluck()
      .all() as string[];
  }

  take(files: readonly HashedFile[]): void {
    this.#db.transaction(() => {
      for (const file of files) this.#setHash(file);
    })();
  }

  known(path: string, bytes: number, mtimeMs: number, ctimeMs?: number): string | undefined {
    if (ctimeMs !== undefined) this.#notice(path, ctimeMs);
    const { run, file } = placeInRun(path);
    const checkpoint = this.#db
      .prepare(
        `SELECT sha256 FROM checkpoints JOIN runs ON id = run_id
         WHERE runs.path = ? AND file = ? AND bytes = ? AND mtime_ms = ? AND sha256 IS NOT NULL`,
      )
      .pluck()
      .get(run, file, bytes, mtimeMs);
    const other = this.#db
      .prepare('SELECT sha256 FROM file_hashes WHERE path = ? AND bytes = ? AND mtime_ms = ?')
      .pluck();
    return (checkpoint ?? other.get(path, bytes, mtimeMs)) as string | undefined;
  }

  remember(path: string, bytes: number, mtimeMs: number, sha256: string): void {
    // A file that was replaced since the catalog saw it is no longer the checkpoint that was recorded.
    if (this.#setHash({ path, bytes, mtimeMs, sha256, sample: sampleOf(path) })) return;
    this.#db
      .prepare('INSERT OR REPLACE INTO file_hashes (path, bytes, mtime_ms, sha256) VALUES (?, ?, ?, ?)')
      .run(path, bytes, mtimeMs, sha256);
  }

  /** A file that was replaced by one of equal size and time is known no more. */
  #notice(path: string, ctimeMs: number): void {
    const before = this.#ctimes.get(path);
    this.#ctimes.set(path, ctimeMs);
    if (before === undefined || before === ctimeMs) return;
    this.#db.prepare('DELETE FROM file_hashes WHERE path = ?').run(path);
    const { run, file } = placeInRun(path);
    this.#db
      .prepare(
        `UPDATE checkpoints SET sha256 = NULL WHERE file = ?
           AND run_id = (SELECT id FROM runs WHERE path = ?)`,
      )
      .run(file, run);
  }

  /** False when the file is no checkpoint of the catalog in the state that was hashed. */
  #setHash({ path, bytes, mtimeMs, sha256, sample }: HashedFile): boolean {
    const { run, file } = placeInRun(path);
    const done = this.#db
      .prepare(
        `UPDATE checkpoints SET sha256 = ? WHERE file = ? AND bytes = ? AND mtime_ms = ?
           AND (sample IS NULL OR sample = ifnull(?, sample)) AND run_id = (SELECT id FROM runs WHERE path = ?)`,
      )
      .run(sha256, file, bytes, mtimeMs, sample ?? null, run);
    return done.changes > 0;
  }
}

/** Undefined if the file cannot be read. */
function sampleOf(path: string): string | undefined {
  try {
    return sampleHash(path);
  } catch {
    return undefined;
  }
}
