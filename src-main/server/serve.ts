/** The server: the engine's API over WebSocket and the renderer's pages over HTTP, on one port. */
import { existsSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { WebSocketServer, type WebSocket } from 'ws';
import { messageOf, UserError } from '../../src-shared/errors.ts';
import type { ServerAddress } from '../../src-shared/server-address.ts';
import { decodeMessage, encodeMessage, type ServerMessage } from '../../src-shared/rpc.ts';
import { confine } from '../engine/confine.ts';
import { dispatch, type Callable } from '../engine/rpc.ts';
import { addressOf, Gate } from './gate.ts';
import { Hosts } from './hosts.ts';
import { securityHeaders, sendPage } from './pages.ts';
import { sessionKey, Sessions } from './sessions.ts';

export interface ServeOptions {
  engine: Callable;
  /** What windows have written stays below it. */
  workspace: string;
  /** Folder of the renderer's build. */
  pages: string;
  /** 0 takes a free one. */
  port: number;
  /** Default 127.0.0.1: this machine only. */
  host?: string;
  /** Further names of this machine, which only the network knows. */
  allowHosts?: readonly string[];
}

/** The first address, and how to get more. */
export interface Served extends ServerAddress {
  /** `http://127.0.0.1:7077` */
  origin: string;
  /** Path of the WebSocket. */
  ws: '/ws';
  /** This machine's own addresses under which it can be reached as well; empty where only this machine can. */
  alsoAt: string[];
  newAddress(): ServerAddress;
  close(): Promise<void>;
}

/** The largest message taken from a client; groups of thousands of runs fit many times over. */
const maxMessageBytes = 16 * 1024 * 1024;

export async function serve(options: ServeOptions): Promise<Served> {
  const host = options.host ?? '127.0.0.1';
  if (!existsSync(join(options.pages, 'index.html'))) {
    throw new UserError(`${options.pages}: the app's pages are not built`, {
      hint: 'Run "npm run build" first.',
    });
  }
  const server = createServer();
  const port = await listen(server, options.port, host);
  const hosts = new Hosts(host, options.allowHosts);
  // Nobody waits for the resolver: names it finds are right from then on.
  void hosts.findFullNames();
  const gate = new Gate(hosts, new Sessions(sessionKey(options.workspace), port));
  const sockets = new WebSocketServer({ noServer: true, maxPayload: maxMessageBytes });
  const engine = confine(options.engine, options.workspace);
  sockets.on('connection', (socket) => speak(socket, engine));
  void readAhead(engine);

  server.on('request', (request, response) => void respond(request, response, gate, options.pages));
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const verdict = gate.check(request);
    if (verdict.allow !== true || pathOf(request) !== '/ws') {
      const status = verdict.allow === false ? verdict.status : 403;
      socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (opened) => sockets.emit('connection', opened));
  });

  const origin = `http://${hosts.shown}:${port}`;
  const ssh = `ssh -L ${port}:127.0.0.1:${port} ${userInfo().username}@${hostname()}`;
  const newAddress = (): ServerAddress => ({ url: `${origin}/?token=${gate.newToken()}`, ssh, port });
  return {
    ...newAddress(),
    origin,
    ws: '/ws',
    alsoAt: hosts.outward().map((name) => `http://${name}:${port}`),
    newAddress,
    close: () => closeAll(server, sockets),
  };
}

/** What a window asks for first takes long only the first time: while somebody opens the address it is read already. */
async function readAhead(engine: Callable): Promise<void> {
  try {
    await engine.call('runs.packed', {});
    await engine.call('runs.measures', {});
  } catch {
    // Whoever asks for them is told.
  }
}

function listen(server: ReturnType<typeof createServer>, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE';
      reject(
        new UserError(
          taken ? `port ${port} on ${host} is in use` : `cannot listen on ${host}:${port}: ${error.message}`,
          {
            hint: taken ? 'Choose another with --port, or 0 for a free one.' : 'Check --host and --port.',
          },
        ),
      );
    });
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  gate: Gate,
  pages: string,
): Promise<void> {
  const verdict = gate.check(request);
  if (verdict.allow === false) {
    response
      .writeHead(verdict.status, { ...securityHeaders(), 'Content-Type': 'text/plain; charset=utf-8' })
      .end(`${verdict.reason}\n`);
    return;
  }
  if (verdict.allow === 'enter') {
    response.writeHead(303, { ...securityHeaders(), 'Set-Cookie': verdict.setCookie, Location: './' }).end();
    return;
  }
  if (verdict.setCookie !== undefined) response.setHeader('Set-Cookie', verdict.setCookie);
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { ...securityHeaders(), Allow: 'GET' }).end();
    return;
  }
  await sendPage(response, pages, pathOf(request));
}

const malformed = '/malformed';

/** The decoded path of a URL; a malformed one names no page. */
function pathOf(request: IncomingMessage): string {
  try {
    return decodeURIComponent(addressOf(request)?.pathname ?? malformed);
  } catch {
    return malformed;
  }
}

/** One client's conversation. Bytes that are no message end it: such a client is broken or hostile. */
function speak(socket: WebSocket, engine: Callable): void {
  const send = (message: ServerMessage) => {
    if (socket.readyState === socket.OPEN) socket.send(encodeMessage(message));
  };
  const unsubscribe = engine.subscribe((event) => send({ type: 'event', event }));
  socket.on('close', unsubscribe);
  socket.on('error', () => socket.terminate());
  socket.on('message', (data: Buffer, binary: boolean) => {
    let message: unknown;
    try {
      if (!binary) throw new UserError('expected a binary message');
      message = decodeMessage(data);
    } catch (error) {
      socket.close(1008, `message refused: ${messageOf(error)}`.slice(0, 120));
      return;
    }
    void dispatch(engine, message).then((reply) => {
      if (reply) send(reply);
      else socket.close(1008, 'message refused: it is not a call');
    });
  });
}

async function closeAll(server: ReturnType<typeof createServer>, sockets: WebSocketServer): Promise<void> {
  const goodbyes = [...sockets.clients].map((socket) => {
    socket.close(1001, 'The engine was stopped.');
    return once(socket, 'close');
  });
  // Windows hear the reason before the line is cut; one that hangs is not waited for.
  await Promise.race([Promise.all(goodbyes), setTimeout(500)]);
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    // Browsers keep connections open for reuse; they must not keep the engine alive.
    server.closeAllConnections();
  });
  sockets.close();
}
