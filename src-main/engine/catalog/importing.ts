/** Keeps count of what an import changes while its events come in. */
import type { FoundRun } from '../../../src-shared/found.ts';
import type { ImportChanges } from '../../../src-shared/jobs/import.ts';
import type { RunStore } from './runs.ts';

const notesKept = 200;

export class Imports {
  readonly #runs: RunStore;
  readonly #changes = new Map<string, ImportChanges>();

  constructor(runs: RunStore) {
    this.#runs = runs;
  }

  /** One batch, one transaction: acknowledged together. */
  take(jobId: string, found: readonly FoundRun[]): void {
    const changes = this.#of(jobId);
    this.#runs.transaction(() => {
      for (const run of found) {
        const { id, change } = this.#runs.take(run, 'imported');
        changes[change]++;
        if (change === 'relocated')
          changes.notes.push(`Run ${id} was moved to ${run.path}; its groups were kept.`);
        if (change === 'added') changes.notes.push(...this.#runs.notesAbout(id));
      }
    });
  }

  /** What the job changed; forgets it. */
  finish(jobId: string): ImportChanges {
    const changes = this.#of(jobId);
    this.#changes.delete(jobId);
    const more = changes.notes.length - notesKept;
    const notes = changes.notes.slice(0, notesKept);
    return { ...changes, notes: more > 0 ? [...notes, `... and ${more} more notes.`] : notes };
  }

  #of(jobId: string): ImportChanges {
    const there = this.#changes.get(jobId);
    if (there) return there;
    const fresh: ImportChanges = { added: 0, updated: 0, unchanged: 0, relocated: 0, notes: [] };
    this.#changes.set(jobId, fresh);
    return fresh;
  }
}
