/** Sweeps on the disk: a folder with `sweep.json`, and the run folder of each combination in it. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, UserError } from '../../src-shared/errors.ts';
import { expectationText } from '../../src-shared/expectation.ts';
import { sweepFileName, sweepSchema, type Sweep } from '../../src-shared/sweep.ts';
import { writeFileAtomic } from './atomic.ts';

export interface SweepFolder {
  /** Of the folder, and what people type. */
  name: string;
  folder: string;
  sweep: Sweep;
}

/** @throws UserError naming the file and the field that is not as expected */
export function readSweep(folder: string): Sweep {
  const path = join(folder, sweepFileName);
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UserError(`${path} is not JSON: ${messageOf(error)}`, { cause: error });
  }
  const parsed = sweepSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UserError(`${path}: ${issue!.path.join('.') || 'the file'}: ${expectationText(issue!)}`);
}

/** The sweeps below the workspace's folder of runs, the newest first; `problems` are files that cannot be read. */
export function sweepsIn(runs: string): { sweeps: SweepFolder[]; problems: string[] } {
  const problems: string[] = [];
  const sweeps = (existsSync(runs) ? readdirSync(runs, { withFileTypes: true }) : [])
    .filter((entry) => entry.isDirectory() && existsSync(join(runs, entry.name, sweepFileName)))
    .flatMap(({ name }) => {
      const folder = join(runs, name);
      try {
        return [{ name, folder, sweep: readSweep(folder) }];
      } catch (error) {
        problems.push(messageOf(error));
        return [];
      }
    });
  return { sweeps: sweeps.sort((a, b) => b.sweep.createdAt.localeCompare(a.sweep.createdAt)), problems };
}

export function writeSweep(folder: string, sweep: Sweep): void {
  mkdirSync(folder, { recursive: true });
  writeFileAtomic(join(folder, sweepFileName), `${JSON.stringify(sweep, null, 1)}\n`);
}

/** The sweep is no more; its run folders stay. Without any, its own folder goes too. */
export function removeSweep(folder: string): void {
  rmSync(join(folder, sweepFileName), { force: true });
  try {
    rmdirSync(folder);
  } catch {
    // It holds runs.
  }
}
