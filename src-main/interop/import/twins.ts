/** Folders that could hold the same checkpoints as another run are read in full: only that tells a copy or a move. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { FoundRun, HashedFile } from '../../../src-shared/interop.ts';
import type { KnownRun } from '../../../src-shared/jobs/import.ts';
import { contentsOf, fingerprintOf } from '../../formats/run-contents.ts';
import type { ComputeContext } from '../../compute/context.ts';
import { hashFileSteadily } from './hash.ts';

/** A run in the catalog or one that this import came upon before. */
interface Other {
  path: string;
  contents: string | null;
  /** Absolute paths of its checkpoints; undefined for a run of the catalog that was not looked at. */
  files: string[] | undefined;
  hashed: boolean;
}

export class Twins {
  readonly #context: ComputeContext;
  readonly #others = new Map<string, Other[]>();

  constructor(known: readonly KnownRun[], context: ComputeContext) {
    this.#context = context;
    for (const { path, fingerprint, contents } of known) {
      this.#remember(fingerprint, { path, contents, files: undefined, hashed: false });
    }
  }

  /**
   * The run with the SHA-256 of its checkpoints if a run at another path may be equal to it. That other run's files are
   * hashed too if they are there; `send` first hands over what was found before, so that the engine knows those files.
   */
  async settle(run: FoundRun, send: () => void): Promise<FoundRun> {
    const fingerprint = fingerprintOf(run.configHash, run.checkpoints);
    const contents = contentsOf(run.checkpoints);
    const there = this.#others.get(fingerprint) ?? [];
    const before = there.find(({ path }) => path === run.path);
    const isUnchanged = before && (before.contents === null || before.contents === contents);
    const alike =
      contents === null || isUnchanged
        ? []
        : there.filter((other) => other !== before && (other.contents ?? contents) === contents);
    const files = run.checkpoints.map(({ file }) => join(run.path, file));
    const own: Other = { path: run.path, contents, files, hashed: alike.length > 0 };
    this.#remember(fingerprint, own);
    if (alike.length === 0) return run;
    send();
    for (const other of alike) await this.#hash(other, run);
    const hashes = new Map((await this.#hashes(files)).map((file) => [file.path, file]));
    const checkpoints = run.checkpoints.map((checkpoint) => {
      const hashed = hashes.get(join(run.path, checkpoint.file));
      const same = hashed?.bytes === checkpoint.bytes && hashed.mtimeMs === checkpoint.mtimeMs;
      return same ? { ...checkpoint, sha256: hashed.sha256 } : checkpoint;
    });
    return { ...run, checkpoints };
  }

  #remember(fingerprint: string, other: Other): void {
    const there = this.#others.get(fingerprint);
    const at = there?.findIndex(({ path }) => path === other.path) ?? -1;
    if (!there) this.#others.set(fingerprint, [other]);
    else if (at === -1) there.push(other);
    else there[at] = other;
  }

  /** A run whose folder is gone has no files to read; the engine then goes by what it knows of them. */
  async #hash(other: Other, run: FoundRun): Promise<void> {
    if (other.hashed) return;
    other.hashed = true;
    const files = await this.#hashes(
      other.files ?? run.checkpoints.map(({ file }) => join(other.path, file)),
    );
    if (files.length > 0) this.#context.emit({ type: 'hashed', files });
  }

  async #hashes(files: readonly string[]): Promise<HashedFile[]> {
    const hashed: HashedFile[] = [];
    for (const path of files) {
      if (!(await stat(path).catch(() => undefined))?.isFile()) continue;
      const one = await hashFileSteadily(path, this.#context);
      if (one) hashed.push(one);
    }
    return hashed;
  }
}
