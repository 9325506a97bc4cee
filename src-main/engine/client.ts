/** A client of the engine of a workspace, whoever holds it: this process, or another one through its socket. */
import { connect, type Client, type ServerMessage } from '../../src-shared/rpc.ts';
import { openEngine, type Engine } from './engine.ts';
import type { EngineOptions } from './options.ts';
import { dispatch } from './rpc.ts';
import { connectSocket } from './socket.ts';
import { WorkspaceBusyError } from './store/lock.ts';

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
    send: (message) => void dispatch(engine, message).then((answer) => answer && say(answer)),
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
