/** What can be done with a run's training from the run itself: resumed, continued, or begun again with its settings. */
import type { Job, RunRow } from '../../src-shared/api.ts';
import { engine } from '../state/engine.svelte.ts';
import { notices } from '../state/notices.svelte.ts';
import { router } from '../state/router.svelte.ts';
import { draftOf, keepDraft } from './draft.ts';

type Known = Pick<RunRow, 'state' | 'origin' | 'epochs' | 'properties'>;

/** As the config says; undefined if it does not. */
export function plannedEpochs({ properties }: Pick<RunRow, 'properties'>): number | undefined {
  const planned = properties['training.num_epochs'];
  return typeof planned === 'number' ? planned : undefined;
}

const isUnfinished = (run: Known): boolean => (run.epochs.at(-1) ?? -1) < (plannedEpochs(run) ?? -1);

/**
 * A run that was stopped, here or before it was imported. What ended early here has ended: its training says so itself.
 */
export const canResume = (run: Known): boolean =>
  run.state === 'interrupted' || (run.state === 'ready' && run.origin === 'imported' && isUnfinished(run));

/** A run that has reached its last epoch. */
export const canTrainLonger = (run: Known): boolean =>
  run.state === 'ready' && run.epochs.length > 0 && !isUnfinished(run);

/** The job that trained the run, if it is there to be tried again. */
export function stoppedJobOf(run: Pick<RunRow, 'path'>, jobs: readonly Job[]): Job | undefined {
  return jobs
    .filter(({ kind, state }) => kind === 'train' && ['cancelled', 'interrupted', 'failed'].includes(state))
    .filter(
      ({ params }) =>
        params !== null && typeof params === 'object' && 'run' in params && params.run === run.path,
    )
    .toSorted((a, b) => b.createdAt - a.createdAt)[0];
}

export async function resumeRuns(runs: readonly RunRow[]): Promise<void> {
  const resumed: RunRow[] = [];
  for (const run of runs) {
    const stopped = stoppedJobOf(run, engine.jobs);
    const job = stopped
      ? await engine.attempt('jobs.retry', { jobId: stopped.id })
      : await engine.attempt('jobs.submit', { kind: 'train', params: { run: run.path, resume: true } });
    if (!job) return;
    resumed.push(run);
  }
  const [only] = resumed;
  const what = resumed.length === 1 ? only!.name : `${resumed.length} runs`;
  const from = resumed.length === 1 && only!.epochs.length > 0 ? ` from epoch ${only!.epochs.at(-1)}` : '';
  notices.success(`Resuming ${what}${from}`, { label: 'Show jobs', run: () => router.go('jobs') });
}

/** The form for training, with the settings of a run in it. */
export async function trainAgain(runId: string): Promise<void> {
  const detail = await engine.attempt('runs.get', { runId });
  if (!detail) return;
  keepDraft(draftOf(detail));
  router.go('train');
}

/** A name that no folder of the workspace has. */
export function freeRunName(wanted: string): string {
  const taken = new Set(engine.runs.map(({ path }) => path.split(/[\\/]/).at(-1)));
  let name = wanted;
  for (let n = 2; taken.has(name); n++) name = `${wanted}-${n}`;
  return name;
}
