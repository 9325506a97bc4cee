/** Which engine the window gets: one in this process, or, where this Node is too old for it, one that is spawned. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../../src-shared/errors.ts';
import { joinEngine } from './join-engine.ts';
import { callOver, localLink, remoteLink, type EngineLink, type RemoteLink } from './engine-link.ts';

/** better-sqlite3 and the engine's own code need it. */
const leastNode = 22;

/** Node 24 of the project's own packages: workers need the native TensorFlow, which Electron's Node does not load. */
export function nodeOf(root: string): string {
  const packaged = join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');
  return [join(root, 'node_modules', '.bin', 'node'), packaged].find((path) => existsSync(path)) ?? 'node';
}

export interface OpenedEngine {
  link: EngineLink;
  /** Absolute path on this machine; empty for an engine on another. */
  workspace: string;
  /** Jobs that a closing window would interrupt. */
  runningJobs(): Promise<number>;
  /** The same engine anew, after it was lost. */
  again(): Promise<OpenedEngine>;
}

/** An engine that `basin serve` runs somewhere: its jobs go on without the window. */
export async function openRemoteEngine(address: string): Promise<OpenedEngine> {
  return throughLink(await remoteLink(address));
}

function throughLink(link: RemoteLink): OpenedEngine {
  return {
    link,
    workspace: '',
    runningJobs: () => Promise.resolve(0),
    again: async () => throughLink(await link.again()),
  };
}

export async function openLocalEngine(root: string, workspace: string | undefined): Promise<OpenedEngine> {
  const again = () => openLocalEngine(root, workspace);
  const joined = await joinEngine(workspace);
  if (joined) return { ...joined, again };
  if (Number(process.versions.node.split('.')[0]) < leastNode) return spawnEngine(root, workspace);
  // Loaded on demand, so that an older Electron never reads it.
  const { openEngine } = await import('../engine/engine.ts');
  const { confine } = await import('../engine/confine.ts');
  const engine = await openEngine({
    ...(workspace === undefined ? {} : { workspace }),
    queue: 'all',
    worker: { node: nodeOf(root), entry: join(root, 'src-main', 'worker', 'main.ts') },
  });
  return {
    link: localLink(confine(engine, engine.workspace.root), () => engine.close()),
    workspace: engine.workspace.root,
    runningJobs: async () => interruptible(await engine.call('jobs.list', { done: 0 })),
    again,
  };
}

const servedSchema = z.object({ url: z.string(), workspace: z.string() });
const jobsSchema = z.array(z.object({ kind: z.string(), state: z.string() }));

/** Hashing what was imported is nobody's wish and begins again by itself. */
function interruptible(jobs: readonly { kind: string; state: string }[]): number {
  return jobs.filter(({ kind, state }) => state === 'running' && kind !== 'hash').length;
}

async function spawnEngine(root: string, workspace: string | undefined): Promise<OpenedEngine> {
  const command = ['src-main/cli/basin.mjs', 'serve', '--port', '0', '--json'];
  const child = spawn(
    nodeOf(root),
    [...command, ...(workspace === undefined ? [] : ['--workspace', workspace])],
    {
      cwd: root,
      env: { ...process.env, BASIN_SETUP_DONE: '1' },
      // The channel carries nothing; its end tells the engine that this process is gone.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    },
  );
  const ended = new Promise((resolve) => child.once('exit', resolve));
  let complaints = '';
  child.stderr?.on('data', (data: Buffer) => (complaints = (complaints + data.toString()).slice(-2000)));
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout?.once('data', (data: Buffer) => resolve(data.toString()));
    child.once('error', (error) =>
      reject(new UserError(`The engine could not be started: ${error.message}`)),
    );
    child.once('exit', () => reject(new UserError(`The engine did not start. ${complaints.trim()}`)));
  });
  const served = servedSchema.parse(JSON.parse(line));
  const link = await remoteLink(served.url);
  return {
    link: {
      ...link,
      where: 'this machine',
      async close() {
        await link.close();
        child.kill('SIGINT');
        // Its workspace is free only then; who opens it again at once must not meet the one that is ending.
        const impatient = setTimeout(() => child.kill('SIGKILL'), 15_000);
        await ended;
        clearTimeout(impatient);
      },
    },
    workspace: served.workspace,
    runningJobs: async () => interruptible(jobsSchema.parse(await callOver(link, 'jobs.list', { done: 0 }))),
    again: () => openLocalEngine(root, workspace),
  };
}
