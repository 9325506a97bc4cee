/** Jobs that are put back into the queue: together they become one array per settings of their first submission. */
import type { SlurmSettings } from '../../../src-shared/slurm.ts';
import { messageOf, UserError } from '../../../src-shared/errors.ts';
import type { Outcome } from '../jobs/worker-process.ts';
import type { JobDetail, JobStore } from '../jobs/store.ts';
import { resumedParams } from '../jobs/training.ts';
import { mostTasks, type SlurmJob } from './spool.ts';
import { slurmJobOf, type Order } from './submission.ts';

export interface ResubmissionParts {
  store: JobStore;
  /** Of the array that a job was last in; undefined: nobody follows it any more. */
  settingsOf: (jobId: string) => SlurmSettings | undefined;
  submit: (order: Order) => Promise<void>;
  /** Writes down that Slurm did not take it. */
  fail: (jobId: string, outcome: Outcome) => Promise<void>;
}

/** Milliseconds in which jobs are gathered. */
const gather = 200;

export class Resubmission {
  readonly #parts: ResubmissionParts;
  readonly #jobs = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #underWay: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(parts: ResubmissionParts) {
    this.#parts = parts;
  }

  add(jobId: string): void {
    this.#jobs.add(jobId);
    if (!this.#closed) this.#timer ??= setTimeout(() => void this.#flush(), gather);
  }

  /** Submits what is gathered; what comes later is left to the next engine. */
  close(): Promise<void> {
    this.#closed = true;
    return this.#flush();
  }

  #flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    // The disk is full, say: the jobs stay in the queue, and the next engine submits them.
    this.#underWay = this.#underWay.then(() => this.#submit()).catch(() => undefined);
    return this.#underWay;
  }

  async #submit(): Promise<void> {
    const groups = new Map<string, { settings: SlurmSettings; details: JobDetail[] }>();
    for (const id of this.#jobs) {
      const settings = this.#parts.settingsOf(id);
      const detail = this.#parts.store.find(id);
      if (!settings || detail?.job.state !== 'queued') continue;
      const key = JSON.stringify(settings);
      const group = groups.get(key) ?? { settings, details: [] };
      group.details.push(detail);
      groups.set(key, group);
    }
    this.#jobs.clear();
    for (const { settings, details } of groups.values())
      for (let i = 0; i < details.length; i += mostTasks)
        await this.#submitSome(details.slice(i, i + mostTasks), settings);
  }

  async #submitSome(details: readonly JobDetail[], settings: SlurmSettings): Promise<void> {
    const byId = new Map(details.map((detail) => [detail.job.id, detail]));
    const paramsOf = ({ id }: SlurmJob): unknown => {
      const { job, runPath } = byId.get(id)!;
      return resumedParams(job, runPath);
    };
    try {
      await this.#parts.submit({ jobs: details.map(slurmJobOf), settings, paramsOf });
    } catch (error) {
      await Promise.all(
        details.map(({ job }) => this.#parts.fail(job.id, refused(error)).catch(() => undefined)),
      );
    }
  }
}

function refused(error: unknown): Outcome {
  const hint = error instanceof UserError && error.hint !== undefined ? { hint: error.hint } : {};
  return {
    type: 'error',
    error: { kind: 'user', message: messageOf(error), ...hint },
    residentBytes: 0,
  };
}
