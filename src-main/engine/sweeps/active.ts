/** The sweeps that are at work, and where: a small file in the workspace, so that the next engine resumes them. */
import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { slurmSettingsSchema } from '../../../src-shared/slurm.ts';
import { writeFileAtomic } from '../../formats/atomic.ts';

const entrySchema = z.object({
  name: z.string(),
  /** As it was begun with; null: on this machine. */
  slurm: slurmSettingsSchema.nullable(),
});
type ActiveSweep = z.infer<typeof entrySchema>;

/** Before sweeps ran on clusters there were only names. */
const named = z.string().transform((name): ActiveSweep => ({ name, slurm: null }));
const fileSchema = z.object({ active: z.array(z.union([entrySchema, named])) });

export class ActiveSweeps {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** None if the file is damaged: whoever misses a sweep then resumes it. */
  list(): ActiveSweep[] {
    if (!existsSync(this.#path)) return [];
    try {
      return fileSchema.parse(JSON.parse(readFileSync(this.#path, 'utf8'))).active;
    } catch {
      return [];
    }
  }

  add(sweep: ActiveSweep): void {
    this.#write([...this.#others(sweep.name), sweep]);
  }

  remove(name: string): void {
    if (this.list().some((each) => each.name === name)) this.#write(this.#others(name));
  }

  #others(name: string): ActiveSweep[] {
    return this.list().filter((each) => each.name !== name);
  }

  #write(active: readonly ActiveSweep[]): void {
    writeFileAtomic(this.#path, `${JSON.stringify({ active })}\n`);
  }
}
