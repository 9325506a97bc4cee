/**
 * What the engine and the tasks of a cluster share: a folder `slurm` in the workspace, in it a folder per job array,
 * and in that a folder per task. It is the whole memory of what was submitted: an engine that starts reads it and continues from there.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { slurmSettingsSchema, type SlurmSettings } from '../../../src-shared/slurm.ts';
import { taskFiles, type TaskSpecInput } from '../../../src-shared/task.ts';
import { writeFileAtomic } from '../../formats/atomic.ts';
import { readdirOf, readText } from '../folders.ts';
import type { NewJob } from '../jobs/store.ts';
import { isFile } from '../store/workspace.ts';

/** A job as the catalog keeps it: with this it is made anew if the engine ends before it could write it down. */
const jobSchema = z.object({
  id: z.string(),
  kind: z.string(),
  version: z.int(),
  title: z.string(),
  params: z.unknown(),
  cacheKey: z.string().nullable(),
  lane: z.literal('main'),
  runPath: z.string().nullable(),
});
export type SlurmJob = z.infer<typeof jobSchema> & NewJob;

const batchSchema = z.object({
  format: z.literal('basin-slurm'),
  version: z.literal(1),
  createdAt: z.number(),
  settings: slurmSettingsSchema,
  /** Task I of the array runs job I. */
  jobs: z.array(jobSchema).min(1),
});

export interface Batch {
  /** Of its folder and of the array: `basin-...`. */
  name: string;
  folder: string;
  createdAt: number;
  settings: SlurmSettings;
  jobs: SlurmJob[];
  /** The array's number; undefined: it is not certain that Slurm has taken it. */
  slurmId: string | undefined;
  /** Tasks whose end the catalog does not know yet. */
  open: Set<number>;
}

/** Slurm's own limit for numbers of tasks is 1001 unless an administrator sets another. */
export const mostTasks = 1000;

export class Spool {
  readonly #root: string;

  constructor(workspace: string) {
    this.#root = join(workspace, 'slurm');
  }

  /** Every array that something may still come of; one that cannot be read is named in `problems`. */
  read(): { batches: Batch[]; problems: string[] } {
    const problems: string[] = [];
    const batches = readdirOf(this.#root)
      .filter((name) => name.startsWith('basin-'))
      .flatMap((name) => {
        const folder = join(this.#root, name);
        // Without it the folder was left half-written, and nothing was submitted.
        if (!existsSync(join(folder, 'batch.json'))) return [];
        try {
          return [this.#readBatch(name, folder)];
        } catch {
          problems.push(`${join(folder, 'batch.json')} cannot be read: its tasks are not followed.`);
          return [];
        }
      });
    return { batches: batches.sort((a, b) => a.createdAt - b.createdAt), problems };
  }

  /** Writes all that tasks need; nothing is submitted yet. `specOf`: each job with the path of its claim. */
  create(
    jobs: readonly SlurmJob[],
    settings: SlurmSettings,
    specOf: (job: SlurmJob, claim: string) => TaskSpecInput,
  ): Batch {
    const createdAt = Date.now();
    const name = `basin-${createdAt.toString(36)}-${randomBytes(3).toString('hex')}`;
    const folder = join(this.#root, name);
    const claims = join(this.#root, 'claims');
    mkdirSync(claims, { recursive: true });
    for (const [index, job] of jobs.entries()) {
      mkdirSync(join(folder, String(index)), { recursive: true });
      const spec = specOf(job, join(claims, `${claimOf(job)}.json`));
      writeFileSync(join(folder, String(index), taskFiles.spec), `${JSON.stringify(spec)}\n`);
    }
    const batch = { format: 'basin-slurm', version: 1, createdAt, settings, jobs };
    writeFileAtomic(join(folder, 'batch.json'), `${JSON.stringify(batch)}\n`);
    const open = new Set(jobs.keys());
    return { name, folder, createdAt, settings, jobs: [...jobs], slurmId: undefined, open };
  }

  /** Slurm has taken it under this number. */
  submitted(batch: Batch, slurmId: string): void {
    batch.slurmId = slurmId;
    writeFileAtomic(join(batch.folder, 'slurm-id'), `${slurmId}\n`);
  }

  /** The catalog knows how this task ended. */
  settle(batch: Batch, index: number): void {
    writeFileSync(join(batch.folder, String(index), 'settled'), '');
    batch.open.delete(index);
  }

  remove(batch: Batch): void {
    // First what makes it an array: what is left after a crash is no longer followed.
    rmSync(join(batch.folder, 'batch.json'), { force: true });
    rmSync(batch.folder, { recursive: true, force: true });
  }

  #readBatch(name: string, folder: string): Batch {
    const text = readFileSync(join(folder, 'batch.json'), 'utf8');
    const { createdAt, settings, jobs } = batchSchema.parse(JSON.parse(text));
    const open = [...jobs.keys()].filter((index) => !isFile(join(folder, String(index), 'settled')));
    return {
      ...{ name, folder, createdAt, settings, jobs, open: new Set(open) },
      slurmId: this.numberOf(folder),
    };
  }

  /** What the engine that submitted wrote down, or a task did; undefined: none of them has yet. */
  numberOf(folder: string): string | undefined {
    return readText(join(folder, 'slurm-id')).trim() || undefined;
  }
}

/** What two processes must not work on at the same time: a run folder, whichever job writes it, or a job. */
const claimOf = ({ id, runPath }: SlurmJob): string =>
  runPath === null ? id : `run-${createHash('sha256').update(runPath).digest('hex').slice(0, 24)}`;

export const taskFolder = ({ folder }: Batch, index: number): string => join(folder, String(index));
