/** Which engine the window gets: one in this process, or, where this Node is too old for it, one that is spawned. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../../src-shared/errors.ts';
import { joinEngine } from './held.ts';
import { callOver, localLink, remoteLink, type EngineLink } from './link.ts';

/** better-sqlite3 and the engine's own code need it. */
const leastNode = 22;

/** Node 24 of the project's own packages: workers need the native TensorFlow, which Electron's Node does not load. */
export function nodeOf(root: string): string {
  const packaged = join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');
  return [join(root, 'node_modules', '.bin', 'node'), packaged].find((path) => existsSync(path)) ?? 'node';
}

export interface OpenedEngine {
  link: EngineLink;
  workspace: string;
  /** Jobs that a closing window would interrupt. */
  runningJobs(): Promise<number>;
}

export async function openLocalEngine(root: string, workspace: string | undefined): Promise<OpenedEngine> {
  const joined = await joinEngine(workspace);
  if (joined) return joined;
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
    runningJobs: async () =>
      (await engine.call('jobs.list', {})).filter((job) => job.state === 'running').length,
  };
}

const servedSchema = z.object({ url: z.string(), workspace: z.string() });
const jobsSchema = z.array(z.object({ state: z.string() }));

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
      async close() {
        await link.close();
        child.kill('SIGINT');
      },
    },
    workspace: served.workspace,
    runningJobs: async () =>
      jobsSchema.parse(await callOver(link, 'jobs.list', {})).filter((job) => job.state === 'running').length,
  };
}
