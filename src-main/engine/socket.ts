/** The local socket: other processes of the same person reach the engine through a unix socket in the workspace. */
import { createHash } from 'node:crypto';
import { chmodSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../../src-shared/errors.ts';
import {
  connect,
  decodeMessage,
  encodeMessage,
  type Client,
  type ClientMessage,
  type ServerMessage,
} from '../../src-shared/rpc.ts';
import { dispatch, errorBody, type Callable } from './rpc.ts';
import type { Workspace } from './store/workspace.ts';

/** A frame is its length (u32, little-endian) and a message of `src-shared/rpc.ts`. */
const largestFrame = 2 ** 30;
/** What the kernel allows for the path of a unix socket, with room to spare. */
const longestPath = 100;

export interface SocketServer {
  path: string;
  /** Connections that are open. */
  clients(): number;
  /** Resolves when nobody is connected any more. */
  alone(): Promise<void>;
  close(): Promise<void>;
}

export function socketPath(workspace: Workspace): string {
  const hash = createHash('sha256').update(workspace.root).digest('hex').slice(0, 16);
  if (process.platform === 'win32') return `\\\\.\\pipe\\basin-${hash}`;
  const inside = join(workspace.root, 'engine.sock');
  return Buffer.byteLength(inside) <= longestPath
    ? inside
    : join(tmpdir(), `basin-${process.getuid?.() ?? 0}-${hash}.sock`);
}

/** Serves `engine` to this machine's own user. The caller holds the workspace's lock, so an old socket is a dead one. */
export async function listen(engine: Callable, workspace: Workspace): Promise<SocketServer> {
  const path = socketPath(workspace);
  if (process.platform !== 'win32') rmSync(path, { force: true });
  const sockets = new Set<Socket>();
  let left: (() => void)[] = [];
  const server = createServer((socket) => {
    sockets.add(socket);
    serve(engine, socket);
    socket.on('close', () => {
      sockets.delete(socket);
      if (sockets.size > 0) return;
      for (const resolve of left) resolve();
      left = [];
    });
  });
  await listening(server, path);
  if (process.platform !== 'win32') chmodSync(path, 0o600);
  // The socket alone must not keep a command from ending.
  server.unref();
  return {
    path,
    clients: () => sockets.size,
    alone: () => (sockets.size === 0 ? Promise.resolve() : new Promise((resolve) => left.push(resolve))),
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function serve(engine: Callable, socket: Socket): void {
  const send = (message: ServerMessage): void => {
    if (socket.writable) socket.write(responseFrame(message));
  };
  const unsubscribe = engine.subscribe((event) => send({ type: 'event', event }));
  socket.on('close', unsubscribe);
  socket.on('error', () => socket.destroy());
  readFrames(socket, (message) => {
    void dispatch(engine, message).then((response) => response && send(response));
  });
}

/** A client of the engine that listens at `path`. Throws UserError when no engine responds there. */
export async function connectSocket(path: string): Promise<Client> {
  const socket = createConnection(path);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', (error) => {
      reject(
        new UserError(`The engine at ${path} does not respond.`, {
          hint: 'Try again in a moment.',
          cause: error,
        }),
      );
    });
  });
  const reasons: ((reason: string) => void)[] = [];
  let why = 'The engine was closed.';
  socket.on('error', (error) => (why = `The connection to the engine broke: ${error.message}.`));
  socket.on('close', () => reasons.forEach((listener) => listener(why)));
  return connect({
    send: (message) => socket.write(frame(message)),
    onMessage: (listener) => readFrames(socket, (message) => listener(message as ServerMessage)),
    onClose: (listener) => void reasons.push(listener),
    close: () => socket.end(),
  });
}

/** A response that cannot travel becomes an error with its number, so that whoever asked does not wait for ever. */
function responseFrame(message: ServerMessage): Uint8Array {
  try {
    const whole = frame(message);
    if (whole.length - 4 <= largestFrame) return whole;
    throw new UserError('The response is larger than 1 GiB, too large to transfer from the running engine.', {
      hint: 'Close the app that has this workspace open and run the command again.',
    });
  } catch (error) {
    if (message.type !== 'response') throw error;
    return frame({ type: 'error', id: message.id, error: errorBody(error) });
  }
}

function frame(message: ClientMessage | ServerMessage): Uint8Array {
  const body = encodeMessage(message);
  const out = new Uint8Array(4 + body.length);
  new DataView(out.buffer).setUint32(0, body.length, true);
  out.set(body, 4);
  return out;
}

/** Cuts the stream into messages; a frame that is too long or no message ends the connection. */
function readFrames(socket: Socket, onMessage: (message: unknown) => void): void {
  let chunks: Buffer[] = [];
  let size = 0;
  let expected = -1;
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    size += chunk.length;
    if (expected >= 0 && size < expected) return;
    let bytes = Buffer.concat(chunks);
    for (;;) {
      if (bytes.length < 4) break;
      const length = bytes.readUInt32LE(0);
      if (length > largestFrame) return void socket.destroy();
      expected = 4 + length;
      if (bytes.length < expected) break;
      try {
        onMessage(decodeMessage(bytes.subarray(4, expected)));
      } catch {
        return void socket.destroy();
      }
      bytes = bytes.subarray(expected);
      expected = -1;
    }
    chunks = [bytes];
    size = bytes.length;
  });
}
