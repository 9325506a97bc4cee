/** Which run of the catalog a found folder is. The contents of the checkpoints decide. */
import type { FoundCheckpoint, FoundRun } from '../../../src-shared/interop.ts';
import type { CheckpointRecord, RunRecord } from './run-rows.ts';

export type Likeness = 'same' | 'different' | 'unknown';

/** Compares one file with what is recorded of it: by SHA-256 if both are known, else by their samples. */
function fileLikeness(found: FoundCheckpoint, known: CheckpointRecord): Likeness {
  if (found.bytes !== known.bytes) return 'different';
  if (found.sample !== undefined && known.sample !== null && found.sample !== known.sample)
    return 'different';
  if (found.sha256 !== undefined && known.sha256 !== null)
    return found.sha256 === known.sha256 ? 'same' : 'different';
  return found.sample !== undefined && known.sample !== null ? 'same' : 'unknown';
}

const byFile = (rows: readonly CheckpointRecord[]): Map<string, CheckpointRecord> =>
  new Map(rows.filter((row) => row.missing === 0).map((row) => [row.file, row]));

/** Whether a folder's checkpoints are those of a run; `unknown` if too little was recorded of that run to tell. */
export function likeness(found: FoundRun, rows: readonly CheckpointRecord[]): Likeness {
  const known = byFile(rows);
  if (known.size !== found.checkpoints.length) return 'different';
  if (known.size === 0) return 'unknown';
  const files = found.checkpoints.map((file): Likeness => {
    const row = known.get(file.file);
    return row ? fileLikeness(file, row) : 'different';
  });
  if (files.includes('different')) return 'different';
  return files.includes('unknown') ? 'unknown' : 'same';
}

/** True if every file is equal by SHA-256: what it takes to call a folder a copy. */
export function isProvenCopy(found: FoundRun, rows: readonly CheckpointRecord[]): boolean {
  const known = byFile(rows);
  return (
    known.size > 0 &&
    known.size === found.checkpoints.length &&
    found.checkpoints.every(({ file, sha256 }) => sha256 !== undefined && known.get(file)?.sha256 === sha256)
  );
}

/** True if none of the checkpoints that a run had is in its folder any more: another run may lie there now. */
export function isDisplaced(found: FoundRun, rows: readonly CheckpointRecord[]): boolean {
  const known = byFile(rows);
  if (known.size === 0) return false;
  const files = new Map(found.checkpoints.map((file) => [file.file, file]));
  return [...known.values()].every((row) => {
    const file = files.get(row.file);
    return !file || fileLikeness(file, row) === 'different';
  });
}

/** True if a file of the same name holds something else than before. */
export function hasOtherWeights(found: FoundRun, rows: readonly CheckpointRecord[]): boolean {
  const known = byFile(rows);
  return found.checkpoints.some((file) => {
    const row = known.get(file.file);
    return row !== undefined && fileLikeness(file, row) === 'different';
  });
}

/** A folder and the runs, not in their folders any more, whose contents it has. */
export interface Candidates {
  found: FoundRun;
  runs: RunRecord[];
}

/**
 * Pairs folders with the runs that were moved there. Where equal contents leave a choice, the paths decide if one of
 * them shares more of its end with the old path than any other; else the folder stays unpaired.
 */
export function pairMoves(candidates: readonly Candidates[]): Map<FoundRun, RunRecord> {
  const pairs = new Map<FoundRun, RunRecord>();
  let open = candidates.map(({ found, runs }) => ({ found, runs: [...runs] }));
  for (;;) {
    const next = open.find(({ runs }) => runs.length > 0 && chosen(open, runs) !== undefined);
    const pair = next && chosen(open, next.runs);
    if (!pair) return pairs;
    pairs.set(pair.found, pair.run);
    open = open
      .filter(({ found }) => found !== pair.found)
      .map(({ found, runs }) => ({ found, runs: runs.filter(({ id }) => id !== pair.run.id) }));
  }
}

/** A pair of one of these runs that is the only one or strictly the best, seen from the folder and from the run. */
function chosen(
  open: readonly Candidates[],
  among: readonly RunRecord[],
): { found: FoundRun; run: RunRecord } | undefined {
  for (const run of among) {
    const folders = open.filter(({ runs }) => runs.some(({ id }) => id === run.id));
    const best = strictlyBest(folders, ({ found }) => commonEnd(found.path, run.path));
    const back = best && strictlyBest(best.runs, (other) => commonEnd(best.found.path, other.path));
    if (best && back?.id === run.id) return { found: best.found, run };
  }
  return undefined;
}

function strictlyBest<T>(items: readonly T[], score: (item: T) => number): T | undefined {
  const scored = items.map((item) => ({ item, score: score(item) })).sort((a, b) => b.score - a.score);
  return scored.length === 1 || scored[0]!.score > scored[1]!.score ? scored[0]!.item : undefined;
}

/** How many parts two paths share at their ends. */
function commonEnd(a: string, b: string): number {
  const [as, bs] = [a.split(/[\\/]/).reverse(), b.split(/[\\/]/).reverse()];
  const end = as.findIndex((part, i) => part !== bs[i]);
  return end === -1 ? as.length : end;
}
