/** The CLI's way to an engine: its own for the time of the command, or the one that has the workspace already. */
import type { Engine } from '../engine/engine.ts';
import { openEngine } from '../engine/engine.ts';
import { connectSocket } from '../engine/socket.ts';
import { WorkspaceBusyError } from '../engine/store/lock.ts';
import { CancelledError } from '../../src-shared/errors.ts';
import type { Client } from '../../src-shared/rpc.ts';
import type { Globals } from './globals.ts';

/**
 * Opens the engine of the workspace, or reaches the one that is running there; lets go of it when `use` has ended.
 * Throws WorkspaceBusyError where the one that is running cannot be reached from here.
 */
export async function withEngine<T>(globals: Globals, use: (client: Client) => Promise<T>): Promise<T> {
  const { client, close } = await reach(globals);
  try {
    return await use(client);
  } finally {
    await close();
  }
}

async function reach(globals: Globals): Promise<{ client: Client; close: () => Promise<void> }> {
  if (globals.signal.aborted) throw new CancelledError();
  const workspace = globals.workspace === undefined ? {} : { workspace: globals.workspace };
  try {
    const engine = await openEngine({ ...workspace, queue: 'own', resume: false });
    return { client: clientOf(engine), close: () => closeOwn(engine, globals) };
  } catch (error) {
    if (!(error instanceof WorkspaceBusyError) || error.holder.socket === '') throw error;
    const client = await connectSocket(error.holder.socket).catch(() => {
      throw error;
    });
    return {
      client,
      close: () => {
        client.close();
        return Promise.resolve();
      },
    };
  }
}

/** Another command may have come to use this engine meanwhile: it is not cut off, unless Ctrl-C says so. */
async function closeOwn(engine: Engine, { signal, terminal }: Globals): Promise<void> {
  if (engine.clients() > 0 && !signal.aborted) {
    terminal.note('basin: done; waiting for another command that uses this engine');
    const interrupted = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => {
        resolve();
      });
    });
    await Promise.race([engine.alone(), interrupted]);
  }
  await engine.close();
}

/** The engine of this process behind the same interface as one that is reached through its socket. */
function clientOf(engine: Engine): Client {
  return {
    call: (name, args) => engine.call(name, args),
    listen: (listener) => engine.subscribe(listener),
    onClose: () => undefined,
    close: () => undefined,
  };
}
