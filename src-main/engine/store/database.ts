/** Opens the catalog: WAL, foreign keys, numbered migrations with a backup before, errors as sentences. */
import { closeSync, existsSync, openSync, readSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import Database from 'better-sqlite3';
import { UserError } from '../../../src-shared/errors.ts';
import { migrations } from './migrations.ts';

export type Db = Database.Database;

/** 'BSIN': tells a catalog from any other SQLite file. */
const applicationId = 0x4253494e;
const repairHint =
  'Run `basin doctor --repair`: it keeps the old file and rebuilds the catalog from the run folders.';

function isDatabaseError(error: unknown): error is Error & { code: string } {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('SQLITE_');
}

/** What a database error means to a person; anything else comes back as it is. */
export function explainDatabase(path: string, error: unknown): unknown {
  if (!isDatabaseError(error)) return error;
  const say = (message: string, hint: string): UserError => new UserError(message, { hint, cause: error });
  const is = (code: string): boolean => error.code === code || error.code.startsWith(`${code}_`);
  const anotherFolder = 'Choose another folder with --workspace DIR.';
  if (is('SQLITE_CORRUPT') || is('SQLITE_NOTADB')) return say(`The catalog ${path} is damaged.`, repairHint);
  if (is('SQLITE_FULL')) {
    return say(
      `The disk that holds the catalog ${path} is full; the change was not saved.`,
      'Free some space there.',
    );
  }
  if (is('SQLITE_READONLY'))
    return say(`The catalog ${path} cannot be written: it is read-only.`, anotherFolder);
  if (is('SQLITE_CANTOPEN')) return say(`The catalog ${path} cannot be opened.`, anotherFolder);
  if (is('SQLITE_IOERR')) return say(`Reading or writing the catalog ${path} failed.`, 'Check the disk.');
  if (is('SQLITE_BUSY') || is('SQLITE_LOCKED')) {
    return say(`The catalog ${path} is in use by another program.`, 'Close it and try again.');
  }
  return error;
}

/** Runs `work` and turns what the database throws into a UserError that names the file. */
export function guarded<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw explainDatabase(path, error);
  }
}

function assertSqlite(path: string): void {
  const file = openSync(path, 'r');
  try {
    const head = Buffer.alloc(16);
    const count = readSync(file, head, 0, 16, 0);
    if (count > 0 && head.toString('latin1', 0, count) !== 'SQLite format 3\0') {
      throw new UserError(`The catalog ${path} is damaged: it is not an SQLite file.`, { hint: repairHint });
    }
  } finally {
    closeSync(file);
  }
}

export interface OpenOptions {
  /** Check the whole file first (the last engine was killed). */
  check?: boolean;
  /** For tests of old and new versions. */
  steps?: readonly string[];
}

/** Opens (or creates) the catalog at `path` and brings it to the newest version. Throws UserError. */
export function openDatabase(path: string, options: OpenOptions = {}): Db {
  const steps = options.steps ?? migrations;
  if (existsSync(path)) assertSqlite(path);
  return guarded(path, () => {
    const db = new Database(path, { timeout: 5000 });
    try {
      db.pragma('journal_mode = WAL');
      // FULL: an acknowledged change survives a power cut, not only a crash.
      db.pragma('synchronous = FULL');
      db.pragma('foreign_keys = ON');
      if (options.check) assertIntact(db, path);
      migrate(db, path, steps);
      return db;
    } catch (error) {
      db.close();
      throw error;
    }
  });
}

/** What `PRAGMA integrity_check` and the foreign keys say; empty when all is well. */
export function integrityProblems(db: Db): string[] {
  const rows = db.pragma('integrity_check(20)') as { integrity_check: string }[];
  const problems = rows.map((row) => row.integrity_check).filter((line) => line !== 'ok');
  const orphans = db.pragma('foreign_key_check') as unknown[];
  if (orphans.length > 0) problems.push(`${orphans.length} rows point to rows that do not exist`);
  return problems;
}

function assertIntact(db: Db, path: string): void {
  const rows = db.pragma('quick_check(1)') as { quick_check: string }[];
  const first = rows[0]?.quick_check ?? 'no response';
  if (first !== 'ok') throw new UserError(`The catalog ${path} is damaged: ${first}.`, { hint: repairHint });
}

function migrate(db: Db, path: string, steps: readonly string[]): void {
  const version = db.pragma('user_version', { simple: true }) as number;
  if (version > steps.length) {
    throw new UserError(
      `The catalog ${path} was written by a newer Basin (its version is ${version}, this Basin knows ${steps.length}).`,
      { hint: 'Update Basin, or choose another folder with --workspace DIR.' },
    );
  }
  const foreign = db.pragma('application_id', { simple: true }) as number;
  const tables = db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() as number;
  if (foreign !== applicationId && tables > 0) {
    throw new UserError(`${path} is a database of another program, not a Basin catalog.`, {
      hint: 'Choose another folder with --workspace DIR.',
    });
  }
  if (version === steps.length) return;
  if (version > 0) backUp(db, `${path}.v${version}.backup`);
  for (let step = version; step < steps.length; step++) {
    db.transaction(() => {
      db.exec(steps[step]!);
      db.pragma(`application_id = ${applicationId}`);
      db.pragma(`user_version = ${step + 1}`);
    })();
  }
}

/** A consistent copy under its final name only when complete. */
function backUp(db: Db, target: string): void {
  const temporary = `${target}.tmp`;
  rmSync(temporary, { force: true });
  db.prepare('VACUUM INTO ?').run(temporary);
  renameSync(temporary, target);
}

/** Moves a damaged catalog aside (with its journal); returns the new name. */
export function setAside(path: string): string {
  const stamp = new Date().toISOString().replace(/[:.]/g, '-');
  const aside = `${path}.damaged-${stamp}`;
  for (const suffix of ['', '-wal', '-shm']) {
    if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
  }
  return `${dirname(aside)}/${basename(aside)}`;
}
