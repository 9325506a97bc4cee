/**
 * Partial results of a task, kept beside its spec: one that Slurm starts again goes on from them. Each is named by what
 * decides it (`identify`), so that one whose files have changed since is measured again.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { backendInfoSchema, type BackendInfo } from '../../../src-shared/domain.ts';
import type { AnyJobKind } from '../../../src-shared/jobs/index.ts';
import type { JobEvent } from '../../../src-shared/progress.ts';
import type { TaskSpec } from '../../../src-shared/task.ts';
import { writeFileAtomic } from '../../formats/atomic.ts';
import { dataHomeVariable } from '../../formats/data-registry.ts';
import type { HashStore } from '../inputs.ts';
import { identify } from '../jobs/submit.ts';
import type { Outcome } from '../jobs/worker-process.ts';
import { withFolder, writeMatrices } from '../matrix-files.ts';
import { isFile } from '../store/workspace.ts';

const partSchema = z.object({ data: z.unknown(), backend: backendInfoSchema.nullable() });

type Part = Extract<JobEvent, { type: 'part' }>;

export class TaskParts {
  readonly #spec: TaskSpec;
  readonly #folder: string;
  readonly #kind: AnyJobKind | undefined;
  readonly #hashes: HashStore;
  #plan: readonly unknown[] = [];
  #keys: string[] = [];
  /** Parts are written in their order; what goes wrong with one is thrown by `joined`. */
  #keeping: Promise<void> = Promise.resolve();

  /** @param kind undefined for one that only a test's own worker knows: it must have no parts */
  constructor(spec: TaskSpec, folder: string, kind: AnyJobKind | undefined) {
    this.#spec = spec;
    this.#folder = folder;
    this.#kind = kind;
    this.#hashes = hashesOf(spec.env[dataHomeVariable]);
  }

  /** Which of these parts are there from an earlier attempt. Never rejects: what cannot be looked up is measured again. */
  async plan(parts: readonly unknown[]): Promise<boolean[]> {
    this.#plan = parts;
    try {
      const keys: string[] = [];
      for (const part of parts) keys.push(await this.#keyOf(part));
      this.#keys = keys;
      return keys.map((key) => isFile(this.#pathOf(key)));
    } catch {
      this.#keys = parts.map(freshKey);
      return parts.map(() => false);
    }
  }

  keep(part: Part): void {
    this.#keeping = this.#keeping.then(() => this.#keep(part));
    this.#keeping.catch(() => undefined);
  }

  /** Resolves when all that came is on the disk. */
  async settled(): Promise<void> {
    await this.#keeping.catch(() => undefined);
  }

  /** The outcome with its parts put together; matrices are references as `linkMatrices` takes them. */
  async joined(outcome: Outcome & { type: 'result' }): Promise<Outcome & { type: 'result' }> {
    await this.#keeping;
    if (outcome.result !== null || !this.#kind?.parts) return outcome;
    let backend: BackendInfo | null = outcome.backend;
    const partials = this.#keys.map((key) => {
      const file = partSchema.parse(JSON.parse(readFileSync(this.#pathOf(key), 'utf8')));
      backend ??= file.backend;
      return withFolder(file.data, join(this.#folder, key, 'matrices'));
    });
    const params = this.#kind.params.parse(this.#spec.params);
    return { ...outcome, backend, result: this.#kind.parts.join(params, partials), placed: true };
  }

  async #keep({ index, partial, backend }: Part): Promise<void> {
    const key = this.#keys[index];
    if (key === undefined) throw new Error(`the worker sent part ${index}, which it never planned`);
    // What was read is neither surely the old nor surely the new files: good for this attempt only.
    if ((await this.#keyOf(this.#plan[index])) !== key) this.#keys[index] = freshKey();
    const name = this.#keys[index]!;
    const temporary = join(this.#folder, `.${name}.tmp`);
    rmSync(temporary, { recursive: true, force: true });
    mkdirSync(join(temporary, 'matrices'), { recursive: true });
    const data = writeMatrices(partial, join(temporary, 'matrices'));
    writeFileAtomic(join(temporary, 'part.json'), JSON.stringify({ data, backend }));
    rmSync(join(this.#folder, name), { recursive: true, force: true });
    renameSync(temporary, join(this.#folder, name));
  }

  async #keyOf(params: unknown): Promise<string> {
    const { kind } = this.#spec;
    const version = this.#kind?.version ?? 0;
    return (await identify({ kind: `${kind}, part`, version, params }, this.#hashes)).key;
  }

  #pathOf(key: string): string {
    return join(this.#folder, key, 'part.json');
  }
}

const freshKey = (): string => randomBytes(16).toString('hex');

/** Hashes of this process's lifetime: each file is read once as long as it does not change. */
function hashesOf(dataHome: string | undefined): HashStore {
  const known = new Map<string, { stamp: string; sha256: string }>();
  return {
    dataHome,
    known: (path, bytes, mtimeMs) => {
      const found = known.get(path);
      return found?.stamp === `${bytes} ${mtimeMs}` ? found.sha256 : undefined;
    },
    remember: (path, bytes, mtimeMs, sha256) =>
      void known.set(path, { stamp: `${bytes} ${mtimeMs}`, sha256 }),
  };
}
