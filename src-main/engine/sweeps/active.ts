/** Names of the sweeps that are at work: a small file in the workspace, so that the next engine goes on with them. */
import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { writeFileAtomic } from '../../formats/atomic.ts';

const fileSchema = z.object({ active: z.array(z.string()) });

export class ActiveSweeps {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** None if the file is damaged: whoever misses a sweep then resumes it. */
  list(): string[] {
    if (!existsSync(this.#path)) return [];
    try {
      return fileSchema.parse(JSON.parse(readFileSync(this.#path, 'utf8'))).active;
    } catch {
      return [];
    }
  }

  add(name: string): void {
    const before = this.list();
    if (!before.includes(name)) this.#write([...before, name]);
  }

  remove(name: string): void {
    const before = this.list();
    if (before.includes(name)) this.#write(before.filter((each) => each !== name));
  }

  #write(active: readonly string[]): void {
    writeFileAtomic(this.#path, `${JSON.stringify({ active })}\n`);
  }
}
