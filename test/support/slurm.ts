/** A real Slurm of two nodes on this host, with daemons, ports and keys of its own: started and ended by a test, as root. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { hostname, platform } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder } from './cli.ts';

const daemons = ['munged', 'slurmctld', 'slurmd', 'sbatch', 'squeue', 'scancel'];
const folders = ['/usr/sbin', '/usr/bin', '/usr/local/sbin', '/usr/local/bin'];
const pathOf = (program: string): string | undefined =>
  folders.map((folder) => join(folder, program)).find((path) => existsSync(path));

/** Why Slurm cannot be tested here; undefined: it can. */
export const whyNoSlurm: string | undefined =
  platform() !== 'linux'
    ? 'Slurm runs on Linux'
    : process.getuid?.() !== 0
      ? 'its daemons are started as root'
      : daemons.every((name) => pathOf(name))
        ? undefined
        : 'install slurm-wlm and munge, or run with CI=true';

export interface Slurm {
  /** What programs need to reach it. */
  env: Record<string, string>;
  /** stdout of one of Slurm's programs. */
  ask(program: string, args: readonly string[]): Promise<string>;
  /** A power cut: the daemon of the node and all that runs on it end at once. */
  killNode(name: 'n1' | 'n2'): void;
  /** Starts a node's daemon again. */
  startNode(name: 'n1' | 'n2'): void;
  stop(): Promise<void>;
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });

async function configuration(folder: string): Promise<string> {
  const [control, first, second] = [await freePort(), await freePort(), await freePort()];
  const host = hostname();
  const node = (name: string, port: number): string =>
    `NodeName=${name} NodeHostname=${host} NodeAddr=127.0.0.1 Port=${port} CPUs=2 RealMemory=4000 State=UNKNOWN`;
  return [
    'ClusterName=basin',
    `SlurmctldHost=${host}(127.0.0.1)`,
    `SlurmctldPort=${control}`,
    'SlurmUser=root',
    'SlurmdUser=root',
    'AuthType=auth/munge',
    `AuthInfo=socket=${join(folder, 'munge.socket')}`,
    'CryptoType=crypto/munge',
    'ProctrackType=proctrack/linuxproc',
    'TaskPlugin=task/none',
    'JobAcctGatherType=jobacct_gather/none',
    'SelectType=select/cons_tres',
    'SelectTypeParameters=CR_CPU',
    'SlurmdParameters=config_overrides',
    'MpiDefault=none',
    'ReturnToService=2',
    'SlurmdTimeout=10',
    'KillWait=5',
    'SchedulerParameters=sched_interval=1,sched_min_interval=100000,batch_sched_delay=0,bf_interval=1',
    `StateSaveLocation=${join(folder, 'state')}`,
    `SlurmdSpoolDir=${join(folder, 'spool-%n')}`,
    `SlurmctldPidFile=${join(folder, 'slurmctld.pid')}`,
    `SlurmdPidFile=${join(folder, '%n.pid')}`,
    `SlurmctldLogFile=${join(folder, 'slurmctld.log')}`,
    `SlurmdLogFile=${join(folder, '%n.log')}`,
    node('n1', first),
    node('n2', second),
    'PartitionName=main Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP',
    '',
  ].join('\n');
}

/** Pids of this cluster's daemons and step daemons: they have its configuration in their environment. */
function ownProcesses(mark: string): number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return [];
    try {
      const environment = readFileSync(`/proc/${name}/environ`, 'latin1').split('\0');
      return environment.includes(mark) ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

function end(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
  }
}

/** @throws if the two nodes do not come up within a minute, with what the daemons said */
export async function startSlurm(): Promise<Slurm> {
  const folder = temporaryFolder('basin-slurm-');
  for (const name of ['state', 'spool-n1', 'spool-n2']) mkdirSync(join(folder, name));
  const config = join(folder, 'slurm.conf');
  writeFileSync(config, await configuration(folder));
  writeFileSync(join(folder, 'munge.key'), randomBytes(128), { mode: 0o400 });
  const env = { SLURM_CONF: config };
  const started = new Map<string, ChildProcess>();
  const start = (name: string, program: string, args: string[]): ChildProcess => {
    const child = spawn(pathOf(program)!, args, { env: { ...process.env, ...env }, stdio: 'ignore' });
    started.set(name, child);
    return child;
  };
  const ask = async (program: string, args: readonly string[]): Promise<string> =>
    (await promisify(execFile)(program, [...args], { env: { ...process.env, ...env }, timeout: 30_000 }))
      .stdout;
  const startNode = (name: string): void => {
    start(name, 'slurmd', ['-D', '-N', name]);
  };
  const stop = async (): Promise<void> => {
    // Jobs of a test that failed half-way are this cluster's too, and start no more once its daemons are gone.
    for (const name of ['slurmctld', 'n1', 'n2', 'munged']) started.get(name)?.kill('SIGKILL');
    const mark = `SLURM_CONF=${config}`;
    // One may have started another while it was looked for; those that the kernel is slow to end are left to it.
    for (let turn = 0, left = ownProcesses(mark); left.length > 0 && turn < 200; turn++) {
      end(left);
      await new Promise((resolve) => setTimeout(resolve, 20));
      left = ownProcesses(mark);
    }
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const munged = ['key-file', 'socket', 'pid-file', 'log-file', 'seed-file'].map(
      (name) => `--${name}=${join(folder, `munge.${name.replace('-file', '')}`)}`,
    );
    // /tmp may be open to all: munged asks for more than this test needs.
    start('munged', 'munged', ['--foreground', '--force', ...munged]);
    await until(() => existsSync(join(folder, 'munge.socket')), 'munged opens its socket');
    start('slurmctld', 'slurmctld', ['-D', '-c']);
    startNode('n1');
    startNode('n2');
    const isUp = async (): Promise<boolean> => {
      const states = await ask('sinfo', ['-h', '-N', '-o', '%N %T']).catch(() => '');
      return (
        states
          .trim()
          .split('\n')
          .filter((line) => line.endsWith(' idle')).length === 2
      );
    };
    await until(isUp, 'both nodes are idle');
  } catch (error) {
    const said = ['slurmctld', 'n1', 'n2', 'munge']
      .map((name) => join(folder, `${name}.log`))
      .map((path) => (existsSync(path) ? `${path}:\n${readFileSync(path, 'utf8').slice(-1500)}` : ''));
    await stop();
    throw new Error(`Slurm did not start: ${String(error)}\n${said.join('\n')}`, { cause: error });
  }
  return {
    env,
    ask,
    startNode,
    stop,
    killNode: (name) => {
      const own = new Set(ownProcesses(`SLURM_CONF=${config}`));
      const jobs = ownProcesses(`SLURMD_NODENAME=${name}`).filter((pid) => own.has(pid));
      // The parents of a node's jobs outlive its daemon.
      end([started.get(name)!.pid!, ...jobs.flatMap(stepDaemonOf), ...jobs]);
    },
  };
}

/** `slurmstepd: [12.3]`, if it is the parent of this process. */
function stepDaemonOf(pid: number): number[] {
  try {
    const parent = Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
    return readFileSync(`/proc/${parent}/comm`, 'utf8').startsWith('slurmstepd') ? [parent] : [];
  } catch {
    return [];
  }
}

async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + 60_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not within a minute: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
