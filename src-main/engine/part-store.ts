/**
 * Partial results (of one checkpoint of many), a folder each below `results/.parts`, named by what decides them:
 * kind, version, params and the contents of the files read. A job that was stopped goes on from them, another
 * one that asks for the same takes them over. Results link to their matrices, so that they take no room twice.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../../src-shared/errors.ts';
import { writeFileAtomic } from '../formats/atomic.ts';
import { readdirOf, syncFolder } from './folders.ts';
import { withFolder, writeMatrices } from './matrix-files.ts';
import type { Db } from './store/database.ts';
import { explainFolder, partsFolder, type Workspace } from './store/workspace.ts';

const fileSchema = z.object({
  kind: z.string(),
  version: z.int(),
  params: z.unknown(),
  basinVersion: z.string(),
  /** As `describeBackend` writes it; null for a part that needed no tensors. */
  backend: z.string().nullable(),
  createdAt: z.number(),
  data: z.unknown(),
});
export type PartFile = z.infer<typeof fileSchema>;

export interface PartsReport {
  count: number;
  bytes: number;
  /** Those that no result is made of: of jobs that were stopped, or of results since removed. */
  unused: { count: number; bytes: number };
}

/** A part that no result uses is removed when nobody has asked for it for so long. */
const keepUnusedFor = 30 * 24 * 3600 * 1000;

export class PartStore {
  readonly #db: Db;
  readonly #workspace: Workspace;
  readonly #root: string;
  /** Job -> parts that it counts on: not to be removed now. */
  readonly #held = new Map<string, ReadonlySet<string>>();

  constructor(db: Db, workspace: Workspace) {
    this.#db = db;
    this.#workspace = workspace;
    this.#root = partsFolder(workspace);
  }

  has(key: string): boolean {
    return existsSync(join(this.#root, key, 'part.json'));
  }

  /** Until `release`, these parts stay. */
  hold(jobId: string, keys: readonly string[]): void {
    this.#held.set(jobId, new Set(keys));
  }

  /** This part was asked for just now. */
  touch(key: string): void {
    try {
      utimesSync(join(this.#root, key), new Date(), new Date());
    } catch {
      // Only the clean-up reads it.
    }
  }

  release(jobId: string): void {
    this.#held.delete(jobId);
  }

  /** Appears under its key only when every file of it is on the disk; one that is there already stays. */
  write(key: string, part: PartFile): void {
    if (this.has(key)) return;
    const temporary = join(this.#root, `.${key}.tmp`);
    try {
      rmSync(temporary, { recursive: true, force: true });
      mkdirSync(join(temporary, 'matrices'), { recursive: true });
      const data = writeMatrices(part.data, join(temporary, 'matrices'));
      writeFileAtomic(join(temporary, 'part.json'), `${JSON.stringify({ ...part, data })}\n`);
      renameSync(temporary, join(this.#root, key));
      syncFolder(this.#root);
    } catch (error) {
      rmSync(temporary, { recursive: true, force: true });
      throw explainFolder(this.#workspace.root, error);
    }
  }

  /** With references in place of matrices, as `linkMatrices` takes them. Throws UserError where it is gone or damaged. */
  read(key: string): PartFile {
    const path = join(this.#root, key, 'part.json');
    try {
      const file = fileSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
      return { ...file, data: withFolder(file.data, join(this.#root, key, 'matrices')) };
    } catch (error) {
      rmSync(join(this.#root, key), { recursive: true, force: true });
      throw new UserError(`A part of the result, ${path}, is missing or damaged.`, {
        hint: 'Run the job again: it recomputes only this part.',
        cause: error,
      });
    }
  }

  /** After a result was removed: its parts go with it, unless another result or a job uses them. */
  removeUnused(keys: readonly string[]): void {
    for (const key of keys) {
      if (!this.#isUsed(key)) rmSync(join(this.#root, key), { recursive: true, force: true });
    }
  }

  /** Half-written parts go, and those that nobody asked for in a long time. */
  sweep(now = Date.now()): void {
    for (const name of readdirOf(this.#root)) {
      const path = join(this.#root, name);
      const age = now - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? now);
      if (name.endsWith('.tmp') || (age > keepUnusedFor && !this.#isUsed(name))) {
        rmSync(path, { recursive: true, force: true });
      }
    }
  }

  report(): PartsReport {
    const report: PartsReport = { count: 0, bytes: 0, unused: { count: 0, bytes: 0 } };
    for (const key of this.#keys()) {
      const bytes = bytesBelow(join(this.#root, key));
      const sums = this.#isUsed(key) ? [report] : [report, report.unused];
      for (const sum of sums) {
        sum.count++;
        sum.bytes += bytes;
      }
    }
    return report;
  }

  /** Removes what `report` counts as unused, held parts excepted. */
  clear(): PartsReport['unused'] {
    const { unused } = this.report();
    this.removeUnused(this.#keys());
    return unused;
  }

  #keys(): string[] {
    return readdirOf(this.#root).filter((name) => !name.startsWith('.'));
  }

  #isUsed(key: string): boolean {
    if ([...this.#held.values()].some((keys) => keys.has(key))) return true;
    return this.#db.prepare('SELECT 1 FROM part_uses WHERE key = ? LIMIT 1').get(key) !== undefined;
  }
}

function bytesBelow(folder: string): number {
  return readdirOf(folder).reduce((sum, name) => {
    const path = join(folder, name);
    const found = statSync(path, { throwIfNoEntry: false });
    return sum + (found?.isDirectory() ? bytesBelow(path) : (found?.size ?? 0));
  }, 0);
}
