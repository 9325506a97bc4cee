/** Begins a sweep in the engine, or resumes it, here or on a cluster, and follows it to its end. */
import { CancelledError, UserError } from '../../../src-shared/errors.ts';
import type { Client } from '../../../src-shared/rpc.ts';
import type { SweepDraft, SweepStanding } from '../../../src-shared/sweep-requests.ts';
import type { Globals } from '../globals.ts';
import type { OnSlurm } from '../slurm/flags.ts';

/**
 * @param slurm absent: on the engine's machine
 * @throws CancelledError; UserError that names what failed, after everything else was done
 */
export async function runSweep(
  client: Client,
  draft: SweepDraft & { name: string },
  slurm: OnSlurm | undefined,
  { terminal, signal, interrupt }: Globals,
): Promise<void> {
  const on = slurm ? { slurm: slurm.settings } : 'local';
  // Submitting to a cluster can take long.
  const cancel = (): void => {
    if (!interrupt.isHangUp) client.call('sweeps.cancel', { name: draft.name }).catch(() => undefined);
  };
  signal.addEventListener('abort', cancel);
  const begun = await client
    .call('sweeps.start', { draft, on })
    .finally(() => signal.removeEventListener('abort', cancel));
  terminal.note(todoText(begun));
  // Ctrl-C while it was being submitted cancels it, detached or not.
  if (slurm?.detach && !signal.aborted) return;
  if (slurm)
    terminal.note(
      'Ctrl-C cancels the sweep. If the terminal closes, its tasks continue; the app, `basin serve` or the same command takes their results and submits the measures.',
    );
  const standing = await follow(client, begun.name, { terminal, signal, interrupt });
  const failures = standing.cells.flatMap(({ name, failures: of }) =>
    of.map(({ kind, state, message }) => ({
      ...{ name, what: kind === 'train' ? 'training' : kind },
      message: state === message ? state : `${state}: ${message}`,
    })),
  );
  refuseFailures(failures, standing.runs, { terminal });
}

interface Failure {
  name: string;
  what: string;
  message: string;
}

function todoText({ runs, trained }: Pick<SweepStanding, 'runs' | 'trained'>): string {
  const todo = runs - trained;
  if (todo === 0) return `All ${runs} runs are trained.`;
  return `${todo} of ${runs} runs to train${todo < runs ? '; the others are' : ''}.`;
}

/** @throws UserError that names what failed, if anything did */
function refuseFailures(
  failures: readonly Failure[],
  count: number,
  { terminal }: Pick<Globals, 'terminal'>,
): void {
  for (const { name, what, message } of failures) terminal.note(`${name}, ${what}: ${message}`);
  if (failures.length === 0) return;
  const names = [...new Set(failures.map(({ name }) => name))];
  throw new UserError(
    `${names.length} of ${count} runs did not succeed: ${names.slice(0, 5).join('; ')}${names.length > 5 ? ' …' : ''}.`,
    {
      hint: 'The reasons are above. What was trained and measured is kept: the same command does only what is missing.',
    },
  );
}

/** Milliseconds after which the sweep is looked at again even if no change was reported. */
const lookAgainAfter = 2000;
/** A large sweep takes long to look at: the pause before the next look is this multiple of it. */
const rest = 8;
const longestRest = 10_000;

async function follow(
  client: Client,
  name: string,
  { terminal, signal, interrupt }: Pick<Globals, 'terminal' | 'signal' | 'interrupt'>,
): Promise<SweepStanding> {
  const line = terminal.progress(name);
  const began = performance.now();
  let wake = (): void => undefined;
  let [heard, resting] = [false, false];
  const stopListening = client.listen((event) => {
    if (event.type !== 'sweeps-changed' || event.name !== name) return;
    heard = true;
    if (!resting) wake();
  });
  const onAbort = (): void => wake();
  signal.addEventListener('abort', onAbort);
  /** So many milliseconds, or until it is woken. */
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  let took = 0;
  const look = async (): Promise<SweepStanding> => {
    const asked = performance.now();
    heard = false;
    const standing = await client.call('sweeps.get', { name });
    took = performance.now() - asked;
    return standing;
  };
  try {
    const first = await look();
    for (let now = first; ; now = await look()) {
      if (signal.aborted) {
        // If only the terminal was closed, the engine continues with it.
        if (!interrupt.isHangUp) await client.call('sweeps.cancel', { name });
        throw new CancelledError();
      }
      line.update(progressOf(now, first, (performance.now() - began) / 1000));
      if (!now.active) return now;
      resting = true;
      await pause(Math.min(rest * took, longestRest));
      resting = false;
      if (!heard && !signal.aborted) await pause(lookAgainAfter);
    }
  } finally {
    line.finish();
    stopListening();
    signal.removeEventListener('abort', onAbort);
  }
}

/** The time left is that of the runs that were done since it was begun. */
function progressOf(now: SweepStanding, first: SweepStanding, elapsed: number) {
  const at = now.cells.find(({ job }) => job?.state === 'running');
  const doing = at?.job?.kind === 'train' ? 'training' : (at?.job?.kind ?? '');
  const done = now.complete - first.complete;
  return {
    fraction: now.complete / now.runs,
    message: at ? `${at.name}: ${doing}` : `${now.complete} of ${now.runs} runs`,
    ...(done > 0 && { secondsLeft: (elapsed / done) * (now.runs - now.complete) }),
  };
}
