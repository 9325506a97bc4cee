/** Ctrl-C: the first one cancels cleanly, the second one ends everything at once. */
import { exitCodes } from './errors.ts';

/** A signal that is aborted on SIGINT, SIGTERM or SIGHUP. Worker processes end by themselves with this one. */
export function interruptSignal(note: (text: string) => void): AbortSignal {
  const controller = new AbortController();
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(exitCodes.cancelled);
    note('basin: cancelling; press Ctrl-C again to stop at once');
    controller.abort();
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, interrupt);
  return controller.signal;
}
