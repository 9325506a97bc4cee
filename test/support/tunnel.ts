/**
 * A tunnel to a port of this machine, as `ssh -L` makes one: with a real sshd and ssh if they are installed and this
 * user may run them, else with a forwarder of TCP connections that stands for them. Both can be cut and opened again.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { temporaryFolder } from './cli.ts';

export interface Tunnel {
  /** At this end. */
  port: number;
  /** As a broken line does; connections through it end. */
  cut(): Promise<void>;
}

const sshd = ['/usr/sbin/sshd', '/usr/local/sbin/sshd'].find((path) => existsSync(path));
export const hasSshd = sshd !== undefined && spawnSync('ssh', ['-V']).status === 0;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Resolves when something accepts connections there. */
async function untilOpen(port: number, alive: () => boolean): Promise<void> {
  while (alive()) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`nothing listens at port ${port}`);
}

/** An sshd of its own for a test: own keys, own port, on this machine only. */
export class Gate {
  readonly #folder = temporaryFolder('basin-ssh-');
  #daemon: ChildProcess | undefined;
  #port = 0;
  readonly #clients = new Set<ChildProcess>();

  async #start(): Promise<void> {
    const file = (name: string): string => join(this.#folder, name);
    for (const key of ['host', 'user'])
      spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(key)]);
    this.#port = await freePort();
    writeFileSync(
      file('config'),
      [
        ...[`Port ${this.#port}`, 'ListenAddress 127.0.0.1', `HostKey ${file('host')}`],
        ...[`AuthorizedKeysFile ${file('user.pub')}`, 'StrictModes no', 'UsePAM no'],
        ...['PasswordAuthentication no', 'PermitRootLogin yes', `PidFile ${file('pid')}`, ''],
      ].join('\n'),
    );
    if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true });
    const daemon = spawn(sshd!, ['-D', '-e', '-f', file('config')], { stdio: 'ignore' });
    this.#daemon = daemon;
    await untilOpen(this.#port, () => daemon.exitCode === null);
  }

  /** `ssh -N -L PORT:127.0.0.1:TO`. */
  async open(to: number, port?: number): Promise<Tunnel> {
    if (!this.#daemon) await this.#start();
    const own = port ?? (await freePort());
    const where = [
      '-p',
      String(this.#port),
      '-i',
      join(this.#folder, 'user'),
      '-L',
      `${own}:127.0.0.1:${to}`,
    ];
    const quiet = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'ExitOnForwardFailure=yes'];
    const args = ['-N', ...where, ...quiet.flatMap((option) => ['-o', option])];
    const client = spawn('ssh', [...args, `${userInfo().username}@127.0.0.1`], { stdio: 'ignore' });
    this.#clients.add(client);
    await untilOpen(own, () => client.exitCode === null);
    const ended = new Promise<void>((resolve) => client.once('exit', () => resolve()));
    const cut = async (): Promise<void> => {
      client.kill('SIGKILL');
      await ended;
    };
    return { port: own, cut };
  }

  close(): void {
    for (const client of this.#clients) client.kill('SIGKILL');
    this.#daemon?.kill('SIGTERM');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Stands for `ssh -L` where there is no sshd. */
export async function openForwarder(to: number, port = 0): Promise<Tunnel> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket
        .on('error', () => undefined)
        .on('close', () => {
          near.destroy();
          far.destroy();
        });
    }
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const cut = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { port: (server.address() as AddressInfo).port, cut };
}
