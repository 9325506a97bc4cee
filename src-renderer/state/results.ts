/** Results never change once they are written: each is fetched once, the last ones are kept. */
import type { ResponseOf } from '../../src-shared/api.ts';
import { engine } from './engine.svelte.ts';

type Result = ResponseOf<'results.get'>;

const mostKept = 64;
const kept = new Map<string, Promise<Result>>();

/** The result with references in place of its matrices. Rejects with what the engine says; asking again asks it again. */
export function fetchResult(resultId: string): Promise<Result> {
  const fetched = kept.get(resultId) ?? engine.call('results.get', { resultId });
  // The one asked for last goes last.
  kept.delete(resultId);
  kept.set(resultId, fetched);
  fetched.catch(() => kept.delete(resultId));
  const oldest = kept.keys().next();
  if (kept.size > mostKept && !oldest.done) kept.delete(oldest.value);
  return fetched;
}
