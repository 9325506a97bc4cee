/** Ends of tasks in the queue's terms, and in words for people. */
import type { TaskFailure } from '../../../src-shared/task.ts';
import type { Outcome } from '../jobs/worker-process.ts';
import type { SlurmTask } from './cluster.ts';

const raise = (setting: string): string =>
  `Raise "${setting}" in the section slurm of basin.yaml and repeat the command: a retry keeps the settings of the first submission.`;

/** A task that said itself why it has no result. `seen`: what Slurm knows of it. */
export function outcomeOfFailure(failure: TaskFailure, seen: SlurmTask | undefined): Outcome {
  const { kind, message, hint, stack } = failure;
  const more = { ...(hint !== undefined && { hint }), ...(stack !== undefined && { stack }) };
  if (kind === 'user' || kind === 'defect')
    return { type: 'error', error: { kind, message, ...more }, residentBytes: 0 };
  if (kind === 'stopped') return stopped(seen);
  const cause = failure.cause ?? 'exit';
  return { type: 'died', death: { cause, message, hint: hint ?? 'Retry the job.' }, stderr: stack ?? '' };
}

/** It was told to stop: by a person, or before its time limit, or for another job. */
function stopped(seen: SlurmTask | undefined): Outcome {
  if (seen?.state === 'CANCELLED' || seen?.state === 'TIMEOUT' || seen?.state === 'PREEMPTED')
    return outcomeWithout(seen, '');
  const message =
    'Slurm told the task to stop before its end: its time limit was near, or another job came first.';
  return { type: 'died', death: { cause: 'killed', message, hint: raise('time') }, stderr: '' };
}

/** A task that ended without a word; `output` is the last of what its script wrote. */
export function outcomeWithout(seen: SlurmTask | undefined, output: string): Outcome {
  const died = (cause: 'memory' | 'killed' | 'exit', message: string, hint: string): Outcome => ({
    ...{ type: 'died', death: { cause, message, hint }, stderr: output },
  });
  const where = seen === undefined || seen.node === '' ? '' : ` on ${seen.node}`;
  switch (seen?.state) {
    case 'CANCELLED':
      return { type: 'error', error: { kind: 'cancelled', message: 'cancelled' }, residentBytes: 0 };
    case 'TIMEOUT':
    case 'DEADLINE':
      return died('killed', `Slurm stopped the task${where} at its time limit.`, raise('time'));
    case 'OUT_OF_MEMORY':
      return died('memory', `The task used more memory than Slurm gave it${where}.`, raise('memory'));
    case 'NODE_FAIL':
    case 'BOOT_FAIL':
      return died('killed', `The node failed${where}.`, 'Submit it again: Slurm chooses another node.');
    case 'PREEMPTED':
      return died('killed', `Slurm stopped the task${where} for another job.`, 'Submit it again.');
    case undefined:
      return died('killed', 'Slurm no longer knows the task, and it left no result.', lookAt);
    default: {
      const last = output.trim().split('\n').at(-1) ?? '';
      const said = last === '' ? '' : ` Its output: ${last.slice(0, 300)}`;
      const { state } = seen!;
      return died('exit', `The task ended${where} as ${state} without a result.${said}`, lookAt);
    }
  }
}

const lookAt = "The job's log has the last of what its script wrote; `basin jobs retry ID` submits it again.";
