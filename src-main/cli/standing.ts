/** Says of results that are shown, drawn or exported if their files have changed since. */
import type { Client } from '../../src-shared/rpc.ts';
import type { Terminal } from './terminal.ts';

/** A warning on stderr for each result that no longer holds, or cannot be compared any more. */
export async function warnOfOutdated(
  client: Client,
  terminal: Terminal,
  resultIds: readonly string[],
): Promise<void> {
  const standings = await client.call('results.standing', { resultIds: [...resultIds] });
  for (const [id, { state, reason }] of Object.entries(standings)) {
    if (state === 'outdated') terminal.note(`warning: ${id} is outdated: ${reason}`);
    if (state === 'gone') terminal.note(`warning: ${id} cannot be compared with its files: ${reason}`);
  }
}
