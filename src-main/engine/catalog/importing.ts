/** Keeps count of what an import changes while its events come in. */
import type { FoundRun } from '../../../src-shared/interop.ts';
import type { ImportChanges } from '../../../src-shared/jobs/import.ts';
import type { Remark, Taken } from './intake.ts';
import { summarised } from './remarks.ts';
import type { RunStore } from './runs.ts';

interface Progress {
  counts: Pick<ImportChanges, 'added' | 'updated' | 'unchanged' | 'relocated'>;
  /** Folders that may hold a run from elsewhere: settled when all folders are known. */
  unsettled: FoundRun[];
  remarks: Remark[];
}

export class Imports {
  readonly #runs: RunStore;
  readonly #open = new Map<string, Progress>();

  constructor(runs: RunStore) {
    this.#runs = runs;
  }

  /** One batch, one transaction: acknowledged together. */
  take(jobId: string, found: readonly FoundRun[]): void {
    const progress = this.#of(jobId);
    this.#runs.transaction(() => {
      for (const run of found) {
        if (this.#runs.intake.isClear(run)) count(progress, this.#runs.take(run, 'imported'));
        else progress.unsettled.push(run);
      }
    });
  }

  /** What the job changed; forgets it. */
  finish(jobId: string): ImportChanges {
    const progress = this.#of(jobId);
    const settled = this.#runs.transaction(() =>
      this.#runs.intake.settle(progress.unsettled, { origin: 'imported' }),
    );
    for (const taken of settled.values()) count(progress, taken);
    this.#open.delete(jobId);
    return { ...progress.counts, ...summarised(progress.remarks) };
  }

  #of(jobId: string): Progress {
    const there = this.#open.get(jobId);
    if (there) return there;
    const counts = { added: 0, updated: 0, unchanged: 0, relocated: 0 };
    const fresh: Progress = { counts, unsettled: [], remarks: [] };
    this.#open.set(jobId, fresh);
    return fresh;
  }
}

function count(progress: Progress, { change, remark }: Taken): void {
  progress.counts[change]++;
  if (remark) progress.remarks.push(remark);
}
