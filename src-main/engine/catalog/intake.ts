/** Takes found run folders into the catalog, each as the run that it is. */
import { existsSync } from 'node:fs';
import type { FoundRun } from '../../../src-shared/interop.ts';
import type { KnownRun } from '../../../src-shared/jobs/import.ts';
import { contentsOf, fingerprintOf } from '../../formats/run-contents.ts';
import type { Db } from '../store/database.ts';
import {
  hasOtherWeights,
  isDisplaced,
  isProvenCopy,
  likeness,
  pairMoves,
  type Candidates,
  type Likeness,
} from './identity.ts';
import type { CheckpointRecord, RunRecord, Source } from './run-rows.ts';
import { RunWriter } from './run-writer.ts';

export type RunChange = 'added' | 'updated' | 'unchanged' | 'relocated';

export type RemarkKind = 'moved' | 'copy' | 'replaced' | 'several' | 'untold';
/** What a person should know about one folder. `other` is the run or the path that it is about besides. */
export interface Remark {
  kind: RemarkKind;
  id: string;
  path: string;
  other: string;
}

export interface Taken {
  id: string;
  change: RunChange;
  remark?: Remark;
}

export class Intake {
  readonly #db: Db;
  readonly #writer: RunWriter;

  constructor(db: Db) {
    this.#db = db;
    this.#writer = new RunWriter(db);
  }

  /** What a worker needs to see which folders it must read in full. */
  known(): KnownRun[] {
    return this.#db.prepare('SELECT path, fingerprint, contents FROM runs').all() as KnownRun[];
  }

  /**
   * Whether a folder can be taken by itself. If not, it may hold a run that was moved, or another run than before:
   * all such folders of an import are settled together, since one may explain another.
   */
  isClear(found: FoundRun): boolean {
    const known = this.byPath(found.path);
    if (known) return !isDisplaced(found, this.#rows(known));
    return this.#alike(found).length === 0;
  }

  /** Takes folders in together: first those that are runs which were elsewhere before. One transaction of the caller. */
  settle(folders: readonly FoundRun[], source: Source): Map<FoundRun, Taken> {
    const candidates = this.#candidates(folders);
    const moves = pairMoves(candidates);
    this.#vacate(moves);
    const taken = new Map<FoundRun, Taken>();
    const inOrder = [...moves.keys(), ...folders.filter((found) => !moves.has(found))];
    for (const found of inOrder) {
      const from = moves.get(found);
      const { runs } = candidates.find((each) => each.found === found)!;
      taken.set(found, from ? this.#relocate(found, from, source) : this.#takeHere(found, runs, source));
    }
    return taken;
  }

  byPath(path: string): RunRecord | undefined {
    return this.#db.prepare('SELECT * FROM runs WHERE path = ?').get(path) as RunRecord | undefined;
  }

  #relocate(found: FoundRun, from: RunRecord, source: Source): Taken {
    this.#db.prepare('UPDATE runs SET path = ?, missing = 0 WHERE id = ?').run(found.path, from.id);
    this.#writer.save(found, this.byPath(found.path), source);
    const remark: Remark = { kind: 'moved', id: from.id, path: found.path, other: from.path };
    return { id: from.id, change: 'relocated', remark };
  }

  #takeHere(found: FoundRun, moved: readonly RunRecord[], source: Source): Taken {
    const known = this.byPath(found.path);
    const isReplaced = known !== undefined && hasOtherWeights(found, this.#rows(known));
    const remark = known ? undefined : this.#likelyRemark(found, moved);
    const { id, changed } = this.#writer.save(found, known, source);
    const change: RunChange = !known ? 'added' : changed ? 'updated' : 'unchanged';
    if (isReplaced) return { id, change, remark: { kind: 'replaced', id, path: found.path, other: id } };
    return remark ? { id, change, remark: { ...remark, id, path: found.path } } : { id, change };
  }

  /** For a folder that becomes a run of its own although it looks like another one. */
  #likelyRemark(found: FoundRun, moved: readonly RunRecord[]): Pick<Remark, 'kind' | 'other'> | undefined {
    if (moved[0] && this.#isGone(moved[0])) return { kind: 'several', other: moved[0].id };
    const alike = this.#alike(found);
    const original = alike.find((run) => run.missing === 0 && isProvenCopy(found, this.#rows(run)));
    if (original) return { kind: 'copy', other: original.path };
    const perhaps = alike.find((run) => this.#isGone(run) && this.#likeness(found, run) === 'unknown');
    return perhaps && { kind: 'untold', other: perhaps.id };
  }

  #candidates(folders: readonly FoundRun[]): Candidates[] {
    const displaced = new Set<string>();
    const open = new Set<FoundRun>();
    for (const found of folders) {
      const known = this.byPath(found.path);
      if (known && !isDisplaced(found, this.#rows(known))) continue;
      if (known) displaced.add(known.id);
      open.add(found);
    }
    const isElsewhere = (run: RunRecord): boolean => displaced.has(run.id) || this.#isGone(run);
    return folders.map((found) => ({
      found,
      runs: open.has(found)
        ? this.#alike(found).filter((run) => isElsewhere(run) && this.#likeness(found, run) === 'same')
        : [],
    }));
  }

  /** Frees the paths of what moves, and those that it moves to: paths are unique. */
  #vacate(moves: ReadonlyMap<FoundRun, RunRecord>): void {
    const setPath = this.#db.prepare('UPDATE runs SET path = ?, missing = 1 WHERE id = ?');
    const moving = new Set([...moves.values()].map(({ id }) => id));
    for (const id of moving) setPath.run(`moving:${id}`, id);
    for (const { path } of moves.keys()) {
      const there = this.byPath(path);
      if (!there) continue;
      // Its folder holds another run now; it stays, missing, until its checkpoints are found again.
      let aside = `${path} (replaced)`;
      for (let n = 2; this.byPath(aside); n++) aside = `${path} (replaced ${n})`;
      setPath.run(aside, there.id);
    }
  }

  /** Runs at other paths with the same config, names and sizes, whose contents are not known to be others. */
  #alike(found: FoundRun): RunRecord[] {
    const contents = contentsOf(found.checkpoints);
    if (contents === null) return [];
    return this.#db
      .prepare(
        'SELECT * FROM runs WHERE fingerprint = ? AND path <> ? AND (contents = ? OR contents IS NULL)',
      )
      .all(fingerprintOf(found.configHash, found.checkpoints), found.path, contents) as RunRecord[];
  }

  #likeness(found: FoundRun, run: RunRecord): Likeness {
    return likeness(found, this.#rows(run));
  }

  #isGone(run: RunRecord): boolean {
    return run.missing === 1 || !existsSync(run.path);
  }

  #rows(run: RunRecord): CheckpointRecord[] {
    return this.#db.prepare('SELECT * FROM checkpoints WHERE run_id = ?').all(run.id) as CheckpointRecord[];
  }
}
