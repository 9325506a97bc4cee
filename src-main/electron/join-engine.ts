/** A workspace that another process on this machine holds (`basin serve`, a long command): the window joins its engine. */
import { hostname } from 'node:os';
import type { Client } from '../../src-shared/rpc.ts';
import { confine } from '../engine/confine.ts';
import type { Callable } from '../engine/rpc.ts';
import { connectSocket } from '../engine/socket.ts';
import { lockHolder } from '../engine/store/lock.ts';
import { workspaceAt, workspacePath } from '../engine/store/workspace.ts';
import { localLink, type EngineLink } from './engine-link.ts';

export interface JoinedEngine {
  link: EngineLink;
  workspace: string;
  /** None that closing the window would interrupt: the engine is not the window's. */
  runningJobs(): Promise<number>;
}

/** Undefined where nobody holds the workspace, or no engine responds there: then opening it says what is wrong. */
export async function joinEngine(workspace: string | undefined): Promise<JoinedEngine | undefined> {
  const place = workspaceAt(workspacePath(workspace));
  const holder = lockHolder(place);
  if (holder?.host !== hostname() || holder.pid === process.pid || holder.socket === '') return undefined;
  const client = await connectSocket(holder.socket).catch(() => undefined);
  if (!client) return undefined;
  const link = localLink(confine(callable(client), place.root), () => Promise.resolve(client.close()));
  return {
    link: {
      ...link,
      where: `process ${holder.pid} on this machine`,
      onClose: (listener) => client.onClose(listener),
    },
    workspace: place.root,
    runningJobs: () => Promise.resolve(0),
  };
}

/** The far engine parses the arguments itself. */
function callable(client: Client): Callable {
  return {
    call: (name, args) => client.call(name, args as never),
    subscribe: (listener) => client.listen(listener),
  };
}
