/** A client of the engine of a workspace, whoever holds it: this process, or another one through its socket. */
import { hostname } from 'node:os';
import { UserError } from '../../src-shared/errors.ts';
import { connect, type Client, type ServerMessage } from '../../src-shared/rpc.ts';
import { openEngine, type Engine } from './engine.ts';
import type { EngineOptions } from './options.ts';
import { dispatch } from './rpc.ts';
import { connectSocket } from './socket.ts';
import { lockHolder, WorkspaceBusyError } from './store/lock.ts';
import { workspaceAt, workspacePath } from './store/workspace.ts';

/** A client within the same process; closing it closes the engine, once nobody else is connected to it. */
export function localClient(engine: Engine): Client & { closed: Promise<void> } {
  const listeners: ((message: ServerMessage) => void)[] = [];
  const reasons: ((reason: string) => void)[] = [];
  const say = (message: ServerMessage): void => listeners.forEach((listener) => listener(message));
  const unsubscribe = engine.subscribe((event) => say({ type: 'event', event }));
  let resolve = (): void => undefined;
  let reject = (_error: unknown): void => undefined;
  const closed = new Promise<void>((done, failed) => ([resolve, reject] = [done, failed]));
  // Whoever does not ask for it does not need to hear of it as unhandled.
  closed.catch(() => undefined);
  const client = connect({
    send: (message) => void dispatch(engine, message).then((response) => response && say(response)),
    onMessage: (listener) => void listeners.push(listener),
    onClose: (listener) => void reasons.push(listener),
    close: () => {
      unsubscribe();
      reasons.forEach((listener) => listener('The engine was closed.'));
      engine
        .alone()
        .then(() => engine.close())
        .then(resolve, reject);
    },
  });
  return { ...client, closed };
}

/**
 * A client of the engine that runs on the workspace; undefined if none does. Never opens one.
 * @throws UserError if it runs on another machine, or does not respond
 */
export async function reachHolder(workspace?: string): Promise<Client | undefined> {
  const place = workspaceAt(workspacePath(workspace));
  const holder = lockHolder(place);
  if (!holder) return undefined;
  if (holder.host !== hostname()) throw new WorkspaceBusyError(place, holder);
  if (holder.socket !== '') return connectSocket(holder.socket);
  throw new UserError(`Basin is still starting on ${place.root}.`, { hint: 'Try again in a moment.' });
}

const tries = 20;
const tryAgainAfter = 150;

/**
 * Opens the engine of the workspace, or connects to the one that holds it on this machine. One that is just starting
 * or closing is given a moment. Throws WorkspaceBusyError when another machine holds it, UserError for a folder that
 * cannot be used.
 */
export async function reachEngine(options: EngineOptions = {}): Promise<Client & { closed: Promise<void> }> {
  for (let attempt = 1; ; attempt++) {
    try {
      return localClient(await openEngine(options));
    } catch (error) {
      if (!(error instanceof WorkspaceBusyError)) throw error;
      const client =
        error.holder.socket === ''
          ? undefined
          : await connectSocket(error.holder.socket).catch(() => undefined);
      if (client) return { ...client, closed: Promise.resolve() };
      if (attempt >= tries || !error.isLocal) throw error;
      await new Promise((resolve) => setTimeout(resolve, tryAgainAfter));
    }
  }
}
