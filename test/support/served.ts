/** `basin serve` as a person starts it: a process of its own on a workspace of its own, gone after the test. */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { request, type IncomingHttpHeaders } from 'node:http';
import WebSocket from 'ws';
import { afterEach } from 'vitest';
import {
  connect,
  decodeMessage,
  encodeMessage,
  type Client,
  type ClientMessage,
  type ServerMessage,
} from '../../src-shared/rpc.ts';
import { basinEntry, temporaryFolder } from './cli.ts';

export interface ServedApp {
  url: string;
  ws: string;
  ssh: string;
  port: number;
  pid: number;
  workspace: string;
  /** Everything that reached stdout until now. */
  stdout(): string;
  /** Ctrl-C, and waits for the end. Resolves to the exit code. */
  stop(): Promise<number | null>;
  kill(signal: NodeJS.Signals): void;
}

const stops: (() => Promise<unknown>)[] = [];
const folders: string[] = [];

/** Ends what the tests of a file have started; a file that keeps one app for all its tests calls it in `afterAll`. */
export async function stopAll(): Promise<void> {
  for (const stop of stops.splice(0)) await stop();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

export function stopAfterEach(): void {
  afterEach(stopAll);
}

export function newWorkspace(): string {
  const folder = temporaryFolder('basin-served-');
  folders.push(folder);
  return folder;
}

export async function startServed(workspace = newWorkspace(), args: string[] = []): Promise<ServedApp> {
  const child = spawn(
    process.execPath,
    [basinEntry, 'serve', '--port', '0', '--json', '--workspace', workspace, ...args],
    { env: { ...process.env, BASIN_SETUP_DONE: '1' }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let [stdout, stderr] = ['', ''];
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const stop = () => {
    child.kill('SIGINT');
    const impatient = setTimeout(() => child.kill('SIGKILL'), 60_000);
    return ended.finally(() => {
      clearTimeout(impatient);
    });
  };
  stops.push(stop);
  await new Promise<void>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      if (stdout.includes('\n')) resolve();
    });
    void ended.then((code) => reject(new Error(`basin serve ended with ${code}:\n${stderr}`)));
  });
  const line = JSON.parse(stdout) as Omit<ServedApp, 'stdout' | 'stop' | 'kill'>;
  return { ...line, stdout: () => stdout, stop, kill: (signal) => void child.kill(signal) };
}

export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** One request, with exactly these headers and this path: `fetch` would not let a test forge a Host. */
export function ask(
  port: number,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    });
    sent.on('error', reject);
    sent.end();
  });
}

export function tokenOf(app: ServedApp): string {
  return new URL(app.url).searchParams.get('token') ?? '';
}

/** Uses the token up. Resolves to the cookie, as a browser sends it. */
export async function enter(app: ServedApp): Promise<string> {
  const reply = await ask(app.port, `/?token=${tokenOf(app)}`);
  const cookie = reply.headers['set-cookie']?.[0]?.split(';')[0];
  if (cookie === undefined) throw new Error(`no cookie: ${reply.status} ${reply.body}`);
  return cookie;
}

/** An open WebSocket; rejects with the HTTP status where the server refuses the upgrade. */
export function openSocket(
  app: ServedApp,
  headers: Record<string, string>,
  path = app.ws,
): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${app.port}${path}`, { headers });
    socket.once('open', () => resolve(socket));
    socket.once('unexpected-response', (_request, response) =>
      reject(new Error(`refused with ${response.statusCode}`)),
    );
    socket.once('error', reject);
  });
}

/** A client of the API, as the pages have one. */
export function clientOn(socket: WebSocket): Client {
  return connect({
    send: (message) => socket.send(encodeMessage(message)),
    onMessage: (listener) =>
      void socket.on('message', (data: Buffer) => listener(decodeMessage(data) as ServerMessage)),
    onClose: (listener) => void socket.once('close', (_code, reason) => listener(reason.toString())),
    close: () => socket.close(),
  });
}

export async function client(app: ServedApp): Promise<Client> {
  return clientOn(await openSocket(app, { cookie: await enter(app) }));
}

/** Sends bytes or text as they are and waits for the next message, or for the end of the conversation. */
export function say(
  socket: WebSocket,
  what: Uint8Array | string,
): Promise<{ message: unknown } | { closed: number; reason: string }> {
  return new Promise((resolve) => {
    const onMessage = (data: Buffer) => {
      const message = decodeMessage(data) as ServerMessage;
      if (message.type === 'event') return;
      socket.off('message', onMessage);
      resolve({ message });
    };
    socket.on('message', onMessage);
    socket.once('close', (code, reason) => resolve({ closed: code, reason: reason.toString() }));
    socket.send(what);
  });
}

/** A message of any shape as bytes. */
export const asBytes = (message: unknown): Uint8Array => encodeMessage(message as ClientMessage);
