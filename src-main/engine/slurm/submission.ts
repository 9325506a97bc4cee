/** From jobs to a job array that Slurm has taken; and the way back, for many tasks at once. */
import { join } from 'node:path';
import type { SlurmSettings } from '../../../src-shared/slurm.ts';
import type { TaskSpecInput } from '../../../src-shared/task.ts';
import type { JobDetail } from '../jobs/store.ts';
import { projectRoot } from '../options.ts';
import { cancelNamed, cancelTasks, submitScript } from './cluster.ts';
import { optionsOf, scriptOf } from './script.ts';
import type { Batch, SlurmJob, Spool } from './spool.ts';

export const basinEntry = join(projectRoot, 'src-main', 'cli', 'basin.mjs');

/** What tasks are told of the engine's workers: their environment, and their entry if it is not Basin's own. */
export interface WorkerFacts {
  env: Record<string, string>;
  worker: string | undefined;
  node: string;
}

export interface Order {
  jobs: SlurmJob[];
  settings: SlurmSettings;
  /** Params of this attempt. */
  paramsOf: (job: SlurmJob) => unknown;
}

/** @throws UserError with what Slurm says; nothing is left in the spool then */
export async function submitBatch(
  spool: Spool,
  facts: WorkerFacts,
  { jobs, settings, paramsOf }: Order,
): Promise<Batch> {
  const { env, worker, node } = facts;
  const { localCache } = settings;
  const batch = spool.create(jobs, settings, (job, claim): TaskSpecInput => ({
    ...{ kind: job.kind, version: job.version, params: paramsOf(job), claim, env },
    ...(worker !== undefined && { worker }),
    ...(localCache !== undefined && { localCache }),
  }));
  const { name, folder } = batch;
  try {
    const plan = { name, folder, count: jobs.length, node, entry: basinEntry };
    spool.submitted(batch, await submitScript(scriptOf(plan, settings), optionsOf(plan, settings)));
    return batch;
  } catch (error) {
    // An sbatch that was too slow may have submitted it.
    await cancelNamed(name);
    spool.remove(batch);
    throw error;
  }
}

/** A job of the catalog, as the spool keeps it. */
export const slurmJobOf = ({ job, version, cacheKey, runPath }: JobDetail): SlurmJob => ({
  ...{ id: job.id, kind: job.kind, title: job.title, params: job.params, lane: 'main' },
  ...{ version, cacheKey, runPath },
});

/** Tasks that are cancelled in the same moment take one call of scancel. */
export class Cancelling {
  #next: { tasks: string[]; done: Promise<void> } | undefined;

  /** @param task `ID_INDEX`. @throws UserError with what scancel says */
  cancel(task: string): Promise<void> {
    if (!this.#next) {
      const tasks: string[] = [];
      const done = new Promise((resolve) => setImmediate(resolve)).then(() => {
        this.#next = undefined;
        return cancelTasks(tasks);
      });
      this.#next = { tasks, done };
    }
    this.#next.tasks.push(task);
    return this.#next.done;
  }
}
