/** One engine per workspace: a lock file that says who holds it and where to reach them. */
import { linkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { z } from 'zod';
import { readText } from '../folders.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { explainFolder, type Workspace } from './workspace.ts';

const lockSchema = z.object({
  pid: z.int(),
  host: z.string(),
  /** Changes with every boot, so that a pid from before is never mistaken for a living one. */
  boot: z.string(),
  /** When the process began, as the kernel counts; a reused pid has another. Empty where unknown. */
  processStart: z.string(),
  startedAt: z.number(),
  /** Where other processes on this machine reach the engine; empty until it listens. */
  socket: z.string(),
  version: z.string(),
});
export type LockInfo = z.infer<typeof lockSchema>;

/** Thrown by a second engine; says which process holds the workspace. `holder` lets the terminal call it instead. */
export class WorkspaceBusyError extends UserError {
  readonly holder: LockInfo;
  /** The holder runs on this machine. */
  readonly isLocal: boolean;
  constructor(workspace: Workspace, holder: LockInfo) {
    const here = holder.host === hostname();
    super(
      `The workspace ${workspace.root} is in use by another Basin engine: process ${holder.pid} on ` +
        `${here ? 'this machine' : holder.host}, since ${new Date(holder.startedAt).toISOString()}.`,
      {
        hint: here
          ? 'Use or close that one, or choose another folder with --workspace DIR.'
          : `If Basin is no longer running on ${holder.host}, delete ${workspace.lock} and start again.`,
      },
    );
    this.holder = holder;
    this.isLocal = here;
  }
}

export function bootId(): string {
  return readText('/proc/sys/kernel/random/boot_id').trim();
}

/** Field 22 of /proc/PID/stat: clock ticks between boot and the start of the process; '' where there is no /proc. */
export function processStart(pid: number): string {
  const stat = readText(`/proc/${pid}/stat`);
  // The second field is the program's name in parentheses and may contain anything.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

export function isAlive(pid: number, start: string): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false;
  }
  const now = processStart(pid);
  return start === '' || now === '' || now === start;
}

function isStale(info: LockInfo): boolean {
  if (info.host !== hostname()) return false;
  const boot = bootId();
  if (boot !== '' && info.boot !== '' && boot !== info.boot) return true;
  return !isAlive(info.pid, info.processStart);
}

/** Who holds the workspace; undefined when nobody living does. */
export function lockHolder(workspace: Workspace): LockInfo | undefined {
  const info = parseLock(readText(workspace.lock));
  return info && !isStale(info) ? info : undefined;
}

function parseLock(text: string): LockInfo | undefined {
  try {
    return lockSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

export interface Lock {
  /** The engine before this one ended without closing (killed, power cut). */
  readonly afterCrash: boolean;
  announce(socket: string): void;
  release(): void;
}

/** Throws WorkspaceBusyError when a living engine holds the workspace. */
export function acquireLock(workspace: Workspace, version: string): Lock {
  const info: LockInfo = {
    pid: process.pid,
    host: hostname(),
    boot: bootId(),
    processStart: processStart(process.pid),
    startedAt: Date.now(),
    socket: '',
    version,
  };
  let afterCrash = false;
  for (let attempt = 0; attempt < 100; attempt++) {
    if (create(workspace.lock, workspace, info)) return heldLock(workspace, info, afterCrash);
    const holder = parseLock(readText(workspace.lock));
    if (holder && !isStale(holder)) throw new WorkspaceBusyError(workspace, holder);
    afterCrash = removeStale(workspace, info) || afterCrash;
  }
  throw new UserError(`The lock file ${workspace.lock} could not be taken over.`, {
    hint: `Delete it, and ${takeoverOf(workspace)} if it is there, once no Basin engine uses this workspace, and start again.`,
  });
}

/** Links a complete file to the final name: never half-written, and exactly one of two racing engines wins. */
function create(path: string, workspace: Workspace, info: LockInfo): boolean {
  const temporary = `${path}.${info.pid}.tmp`;
  try {
    writeFileSync(temporary, JSON.stringify(info));
    linkSync(temporary, path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw explainFolder(workspace.root, error);
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Whoever holds this file may take a stale lock away. */
const takeoverOf = (workspace: Workspace): string => `${workspace.lock}.takeover`;

/**
 * Takes a lock away that is still stale while this engine alone may do so. Without that, a slow engine could move aside the
 * lock of one that had just taken over, and a third would be let in meanwhile. @returns whether it was taken away
 */
function removeStale(workspace: Workspace, info: LockInfo): boolean {
  const turn = takeoverOf(workspace);
  if (!create(turn, workspace, info)) {
    const other = parseLock(readText(turn));
    // Its engine was killed between two steps that take microseconds.
    if (other && isStale(other)) rmSync(turn, { force: true });
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    return false;
  }
  try {
    const text = readText(workspace.lock);
    const holder = parseLock(text);
    if (text === '' || (holder && !isStale(holder))) return false;
    rmSync(workspace.lock, { force: true });
    return true;
  } finally {
    rmSync(turn, { force: true });
  }
}

function heldLock(workspace: Workspace, info: LockInfo, afterCrash: boolean): Lock {
  return {
    afterCrash,
    announce(socket) {
      const temporary = `${workspace.lock}.${info.pid}.tmp`;
      writeFileSync(temporary, JSON.stringify({ ...info, socket }));
      renameSync(temporary, workspace.lock);
    },
    release() {
      if (parseLock(readText(workspace.lock))?.pid === info.pid) rmSync(workspace.lock, { force: true });
    },
  };
}
