/** Ctrl-C: the first one cancels cleanly, the second one ends everything at once. */
import { exitCodes } from './errors.ts';

/** One Ctrl-C arrives twice where npm or a Node that handed over to this one passes it on as well. */
const samePressMs = 300;

/** A signal that is aborted on SIGINT, SIGTERM or SIGHUP. Worker processes end by themselves with this one. */
export function interruptSignal(note: (text: string) => void): AbortSignal {
  const controller = new AbortController();
  let cancelledAt = 0;
  const interrupt = (): void => {
    if (controller.signal.aborted) {
      if (performance.now() - cancelledAt < samePressMs) return;
      process.exit(exitCodes.cancelled);
    }
    cancelledAt = performance.now();
    note('basin: cancelling; press Ctrl-C again to stop at once');
    controller.abort();
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, interrupt);
  return controller.signal;
}
