/** Ctrl-C: the first one cancels cleanly, the second one ends everything at once. */
import { exitCodes } from './errors.ts';

/** One Ctrl-C arrives twice where npm or a Node that handed over to this one passes it on as well. */
const samePressMs = 300;

export interface Interrupt {
  /** Aborted on SIGINT, SIGTERM or SIGHUP. */
  readonly signal: AbortSignal;
  /** True if Ctrl-C is how the command is meant to end: nothing is said, and it counts as done. */
  isTheEnd: boolean;
  /** True if the terminal was closed: what runs elsewhere (on a cluster, in another engine) continues. */
  isHangUp: boolean;
}

/** Worker processes end by themselves when this one ends at a second Ctrl-C. */
export function watchInterrupt(note: (text: string) => void): Interrupt {
  const controller = new AbortController();
  const watched: Interrupt = { signal: controller.signal, isTheEnd: false, isHangUp: false };
  let cancelledAt = 0;
  const interrupt = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) {
      if (performance.now() - cancelledAt < samePressMs) return;
      process.exit(exitCodes.cancelled);
    }
    cancelledAt = performance.now();
    watched.isHangUp = name === 'SIGHUP';
    if (!watched.isTheEnd) note('basin: cancelling; press Ctrl-C again to stop immediately');
    controller.abort();
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, interrupt);
  return watched;
}
