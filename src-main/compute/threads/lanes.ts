/** Work in pieces, some done where it is asked for and others in threads: whoever is free takes the next piece. */
import { setImmediate as turn } from 'node:timers/promises';

interface Pieces {
  count: number;
  /** Threads that help at most. */
  helpers: number;
  /** Called when all is done, or one piece has failed: then whoever is still at one may end early. */
  stop?: () => void;
}

/**
 * Returns when all pieces are done, or throws what the first that failed threw, once nobody works any more.
 * @param work does piece number `piece`, from 0, here or in a thread
 */
export async function inLanes(
  { count, helpers, stop }: Pieces,
  work: (piece: number, here: boolean) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async (here: boolean): Promise<void> => {
    while (next < count) {
      await work(next++, here);
      if (here) await turn(); // or the threads' results would wait
    }
  };
  const threads = Math.max(0, Math.min(helpers, count - 1));
  const lanes = Array.from({ length: threads + 1 }, (_, i) => lane(i === threads));
  try {
    await Promise.all(lanes);
  } finally {
    next = count;
    stop?.();
    await Promise.allSettled(lanes);
  }
}
