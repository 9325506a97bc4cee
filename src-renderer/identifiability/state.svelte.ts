/** What the prediction has measured; kept while the window is open, so that leaving the tab loses nothing. */
import { isActive } from '../../src-shared/api.ts';
import type { Group, Job, RunRow } from '../../src-shared/api.ts';
import { failedBy, type Failed } from '../state/causes.ts';
import { engine } from '../state/engine.svelte.ts';
import { foretell, known, type Foretold } from './prediction.ts';

export interface Subject {
  group: Group;
  run: RunRow;
}

class Prediction {
  data = $state<{ name?: string; dataDir?: string; splitFile?: string }>({});
  points = $state.raw<Foretold[]>([]);
  failures = $state.raw<Failed[]>([]);
  jobs = $state.raw<Job[]>([]);
  busy = $state(false);

  /** Jobs that have ended, and how far the others are. */
  get progress(): { done: number; fraction: number } {
    const shares = this.jobs.map(({ id }) => {
      const job = engine.jobs.find((candidate) => candidate.id === id);
      return job && isActive(job) ? (job.progress?.fraction ?? 0) : 1;
    });
    return {
      done: shares.filter((share) => share === 1).length,
      fraction: shares.length === 0 ? 0 : shares.reduce((sum, share) => sum + share, 0) / shares.length,
    };
  }

  /** Shows what is known of these subjects; computes nothing. */
  async look(subjects: readonly Subject[]): Promise<void> {
    const turn = ++this.#looks;
    try {
      const found = await known(subjects, this.data, this.points);
      if (!this.busy && turn === this.#looks) this.points = found;
    } catch (error) {
      this.failures = [failedBy('The results on record', error)];
    }
  }
  #looks = 0;

  async measure(subjects: readonly Subject[]): Promise<void> {
    this.busy = true;
    this.failures = [];
    this.jobs = [];
    this.points = [];
    const found: (Foretold | undefined)[] = subjects.map(() => undefined);
    await Promise.all(
      subjects.map(async ({ group, run }, i) => {
        try {
          found[i] = await foretell(group, run, this.data, (job) => (this.jobs = [...this.jobs, job]));
          this.points = found.filter((point) => point !== undefined);
        } catch (error) {
          this.failures = [...this.failures, failedBy(run.name, error)];
        }
      }),
    );
    this.busy = false;
  }

  async cancel(): Promise<void> {
    await Promise.all(this.jobs.map((job) => engine.attempt('jobs.cancel', { jobId: job.id })));
  }
}

export const prediction = new Prediction();
