/** The CLI's way to an engine: its own for the time of the command, or the one that has the workspace already. */
import { CancelledError } from '../../src-shared/errors.ts';
import type { Client } from '../../src-shared/rpc.ts';
import { reachEngine } from '../engine/index.ts';
import type { Globals } from './globals.ts';

/**
 * Opens the engine of the workspace, or reaches the one that is running there; lets go of it when `use` has ended
 * (another command that came to use it meanwhile is waited for). Throws WorkspaceBusyError where the one that is
 * running cannot be reached from here.
 */
export async function withEngine<T>(globals: Globals, use: (client: Client) => Promise<T>): Promise<T> {
  if (globals.signal.aborted) throw new CancelledError();
  const workspace = globals.workspace === undefined ? {} : { workspace: globals.workspace };
  const client = await reachEngine({ ...workspace, queue: 'own', resume: false });
  try {
    return await use(client);
  } finally {
    client.close();
    await client.closed;
  }
}
