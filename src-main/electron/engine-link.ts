/** The window's way to an engine: in this process, or one that `basin serve` runs, here or on another machine. */
import { get } from 'node:http';
import WebSocket from 'ws';
import type { RequestName } from '../../src-shared/api.ts';
import { messageOf, UserError } from '../../src-shared/errors.ts';
import { decodeMessage, encodeMessage, type ServerMessage } from '../../src-shared/rpc.ts';
import { dispatch, type Callable } from '../engine/rpc.ts';

export interface EngineLink {
  /** Where the engine runs, for the title bar: `this machine` or a host name. */
  readonly where: string;
  /** A message from the window, still unchecked; the engine checks it. */
  send(message: unknown): void;
  onMessage(listener: (message: ServerMessage) => void): void;
  /** The engine went away by itself: one sentence. */
  onClose(listener: (reason: string) => void): void;
  close(): Promise<void>;
}

/** An engine in this very process. */
export function localLink(engine: Callable, closeEngine: () => Promise<void>): EngineLink {
  const listeners = new Set<(message: ServerMessage) => void>();
  const tell = (message: ServerMessage) => {
    for (const listener of listeners) listener(message);
  };
  const unsubscribe = engine.subscribe((event) => tell({ type: 'event', event }));
  return {
    where: 'this machine',
    send: (message) => void dispatch(engine, message).then((reply) => reply && tell(reply)),
    onMessage: (listener) => void listeners.add(listener),
    onClose: () => undefined,
    async close() {
      unsubscribe();
      await closeEngine();
    },
  };
}

export interface RemoteLink extends EngineLink {
  /** Comes back after the connection broke, without a new token: the engine knows this window still. */
  again(): Promise<RemoteLink>;
}

/**
 * Attaches to a served engine through the URL that it printed (with its one-time token).
 * @throws UserError when no engine responds there, or the token is wrong or used up
 */
export async function remoteLink(address: string): Promise<RemoteLink> {
  const url = readAddress(address);
  return overSocket(url, await enter(url));
}

async function overSocket(url: URL, cookie: string): Promise<RemoteLink> {
  const socket = await openSocket(url, cookie);
  let ended: string | undefined;
  const reasons = new Set<(reason: string) => void>();
  socket.on('close', (_code, reason) => {
    ended = reason.toString() || 'The engine stopped or the connection broke.';
    for (const listener of reasons) listener(ended);
  });
  return {
    where: url.host,
    send: (message) => socket.send(encodeMessage(message as Parameters<typeof encodeMessage>[0])),
    onMessage: (listener) =>
      void socket.on('message', (data: Buffer) => listener(decodeMessage(data) as ServerMessage)),
    onClose: (listener) => void (ended === undefined ? reasons.add(listener) : listener(ended)),
    close: () => Promise.resolve(socket.close()),
    again: () => overSocket(url, cookie),
  };
}

function openSocket(url: URL, cookie: string): Promise<WebSocket> {
  const socketUrl = new URL('/ws', url);
  socketUrl.protocol = 'ws:';
  const socket = new WebSocket(socketUrl, {
    headers: { cookie },
    origin: url.origin,
    maxPayload: 512 * 1024 * 1024,
    handshakeTimeout: respondWithin,
  });
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(socket));
    socket.once('unexpected-response', (_request, { statusCode }) => {
      reject(
        new UserError(`The session at ${url.host} has expired (${statusCode ?? 'no status'})`, {
          hint: 'Run "basin serve --new-address" on that machine and paste what it prints (File > Connect to engine…).',
        }),
      );
      socket.terminate();
    });
    // Later ones are followed by the close, which says enough.
    socket.on('error', (error) => reject(noResponse(url, messageOf(error))));
  });
}

/** Milliseconds; a tunnel whose other end is gone takes connections and never responds. */
const respondWithin = 20_000;

const noResponse = (url: URL, why: string): UserError =>
  new UserError(`no engine answers at ${url.host}: ${why}`, {
    hint: 'Is "basin serve" running, and the ssh -L tunnel open?',
  });

let nextId = 2 ** 40;

/** A call of the main process's own over the window's link; its numbers are far from those that the window counts up. */
export function callOver(link: EngineLink, name: RequestName, args: unknown): Promise<unknown> {
  const id = nextId++;
  return new Promise((resolve, reject) => {
    link.onMessage((message) => {
      if (message.type === 'event' || message.id !== id) return;
      if (message.type === 'response') resolve(message.value);
      else reject(new UserError(message.error.message));
    });
    link.onClose((reason) => reject(new UserError(reason)));
    link.send({ type: 'call', id, name, args });
  });
}

function readAddress(address: string): URL {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    throw new UserError(`"${address}" is not an address`, {
      hint: 'Paste the whole line that "basin serve" printed: http://…?token=…',
    });
  }
  if (url.protocol !== 'http:' || !url.searchParams.has('token')) {
    throw new UserError(`${url.host}: expected http://…?token=…`, {
      hint: 'Paste the whole line that "basin serve" printed.',
    });
  }
  return url;
}

/** Exchanges the one-time token for the cookie, as a browser does. */
function enter(url: URL): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(url, (response) => {
      response.resume();
      const cookie = response.headers['set-cookie']?.[0]?.split(';')[0];
      if (cookie) resolve(cookie);
      else {
        reject(
          new UserError(`${url.host} refused the token (${response.statusCode ?? 'no status'})`, {
            hint: 'Each address works only once. Run "basin serve --new-address" on that machine for another.',
          }),
        );
      }
    });
    request.on('error', (error) => reject(noResponse(url, error.message)));
    request.setTimeout(respondWithin, () => {
      request.destroy(new Error(`no response within ${respondWithin / 1000} seconds`));
    });
  });
}
