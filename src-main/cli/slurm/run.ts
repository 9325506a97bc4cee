/** Jobs on a cluster, from the command line: submitted together, followed until all have ended. */
import { setMaxListeners } from 'node:events';
import { isActive } from '../../../src-shared/api.ts';
import type { Job } from '../../../src-shared/api.ts';
import { CancelledError, messageOf, UserError } from '../../../src-shared/errors.ts';
import type { Client } from '../../../src-shared/rpc.ts';
import type { Globals } from '../globals.ts';
import { follow, resultIdOf, resultOf, type Finished, type JobListener } from '../job.ts';
import { self } from '../self.ts';
import type { OnSlurm } from './flags.ts';

/** A job that is to be submitted. */
export interface SlurmRequest {
  label: string;
  ask: { kind: string; params: unknown };
  listener?: JobListener;
}

/** How each ended: as a job with a result, which is not read yet, or what there is instead. */
export type SlurmEnd = { job: Job } | { error: Error };

/**
 * Ends in the order of the requests. Ctrl-C cancels all of them; a terminal that goes away leaves them to the cluster.
 * @returns undefined with --detach: they are submitted, and that is all
 * @throws UserError with what Slurm says; CancelledError
 */
export async function runOnSlurm(
  client: Client,
  requests: readonly SlurmRequest[],
  { settings, detach }: OnSlurm,
  globals: Globals,
  title: string,
): Promise<SlurmEnd[] | undefined> {
  if (globals.signal.aborted) throw new CancelledError();
  const asked = requests.map(({ ask }) => ask);
  const jobs = await client.call('jobs.submitOnSlurm', { jobs: asked, settings });
  const waiting = jobs.filter(isActive);
  if (waiting.length > 0) globals.terminal.note(noteOf(waiting));
  // Ctrl-C while they were being submitted cancels them, detached or not.
  if (detach && !globals.signal.aborted) {
    globals.terminal.document({ jobs: jobs.map(({ id, state }) => ({ id, state })) });
    globals.terminal.print(jobs.map(({ id, title: what }) => `${id}   ${what}`).join('\n'));
    return undefined;
  }
  const line = globals.terminal.progress(title);
  const fractions = jobs.map(() => 0);
  let done = 0;
  const show = (): void => {
    const fraction = fractions.reduce((sum, each) => sum + each, 0) / fractions.length;
    line.update({ fraction, message: `${done} of ${jobs.length} done` });
  };
  show();
  const stop = stopOf(globals);
  const ends = jobs.map(async (job, i): Promise<SlurmEnd> => {
    const { label, listener = {} } = requests[i]!;
    const own: JobListener = {
      ...listener,
      progress: ({ fraction }) => {
        fractions[i] = fraction;
        show();
      },
    };
    const end = await endOf(client, job, stop.signal, own);
    fractions[i] = 1;
    done++;
    show();
    if ('error' in end && !(end.error instanceof CancelledError))
      globals.terminal.note(`${label}: failed: ${end.error.message}`);
    return end;
  });
  try {
    return await Promise.race([Promise.all(ends), stop.left]);
  } finally {
    line.finish();
  }
}

/** Reads the result of one that ended well. @throws what it ended with */
export async function finishedOf(client: Client, end: SlurmEnd): Promise<Finished<unknown>> {
  if ('error' in end) throw end.error;
  return { job: end.job, ...(await resultOf(client, end.job)) };
}

function noteOf(waiting: readonly Job[]): string {
  const [first] = waiting;
  const what = waiting.length === 1 ? `Job ${first!.id} was` : `${waiting.length} jobs were`;
  return `${what} submitted to Slurm. \`${self} jobs\` lists them; Ctrl-C cancels, closing the terminal does not.`;
}

/** `signal`: they are to be cancelled. `left`: rejects if the command ends and they continue. */
function stopOf({ signal, interrupt }: Globals): { signal: AbortSignal; left: Promise<never> } {
  const stop = new AbortController();
  setMaxListeners(0, stop.signal);
  const left = new Promise<never>((_resolve, reject) => {
    const onAbort = (): void => {
      if (interrupt.isHangUp) reject(new CancelledError());
      else stop.abort();
    };
    signal.addEventListener('abort', onAbort);
    // It may have come while they were being submitted.
    if (signal.aborted) onAbort();
  });
  left.catch(() => undefined);
  return { signal: stop.signal, left };
}

async function endOf(
  client: Client,
  job: Job,
  signal: AbortSignal,
  listener: JobListener,
): Promise<SlurmEnd> {
  try {
    // It may have ended before anybody listened.
    const ended = await follow(client, signal, listener, () => client.call('jobs.get', { jobId: job.id }));
    await resultIdOf(client, ended);
    return { job: ended };
  } catch (error) {
    return { error: error instanceof Error ? error : new UserError(messageOf(error)) };
  }
}
