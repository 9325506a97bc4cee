/**
 * How requests, responses and events travel. A transport carries messages either as they are (Electron IPC clones typed
 * arrays itself) or as bytes (WebSocket, unix socket) through `encodeMessage` / `decodeMessage`.
 */
import { z } from 'zod';
import type { ArgsOf, EngineEvent, RequestName, ResponseOf } from './api.ts';
import { UserError } from './errors.ts';

export const clientMessageSchema = z.object({
  type: z.literal('call'),
  id: z.int().nonnegative(),
  name: z.string().max(100),
  args: z.unknown(),
});
export type ClientMessage = z.infer<typeof clientMessageSchema>;

export const errorBodySchema = z.object({
  /** `user`: a person can mend it. `defect`: Basin's own fault. `closed`: the engine went away. */
  kind: z.enum(['user', 'cancelled', 'defect', 'closed']),
  message: z.string(),
  hint: z.string().optional(),
});
export type ErrorBody = z.infer<typeof errorBodySchema>;

export type ServerMessage =
  | { type: 'response'; id: number; value: unknown }
  | { type: 'error'; id: number; error: ErrorBody }
  | { type: 'event'; event: EngineEvent };

/** An error that came from the other side. */
export class RemoteError extends UserError {
  readonly kind: ErrorBody['kind'];
  constructor(body: ErrorBody) {
    super(body.message, body.hint === undefined ? {} : { hint: body.hint });
    this.kind = body.kind;
  }
}

/** What a client needs of a connection. `onClose` fires once, with a sentence that says why. */
export interface Transport {
  send(message: ClientMessage): void;
  onMessage(listener: (message: ServerMessage) => void): void;
  onClose(listener: (reason: string) => void): void;
  close(): void;
}

export interface Client {
  call<N extends RequestName>(name: N, args: ArgsOf<N>): Promise<ResponseOf<N>>;
  listen(listener: (event: EngineEvent) => void): () => void;
  /** Called once when the engine can no longer be reached. */
  onClose(listener: (reason: string) => void): void;
  close(): void;
}

/** When the connection ends every pending call fails with the reason: nothing hangs. */
export function connect(transport: Transport): Client {
  const pending = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  const listeners = new Set<(event: EngineEvent) => void>();
  const closeListeners = new Set<(reason: string) => void>();
  let closed: string | undefined;
  let nextId = 1;

  transport.onMessage((message) => {
    if (message.type === 'event') {
      for (const listener of listeners) listener(message.event);
      return;
    }
    const call = pending.get(message.id);
    if (!call) return;
    pending.delete(message.id);
    if (message.type === 'response') call.resolve(message.value as never);
    else call.reject(new RemoteError(message.error));
  });
  transport.onClose((reason) => {
    if (closed !== undefined) return;
    closed = reason;
    for (const call of pending.values()) call.reject(new RemoteError({ kind: 'closed', message: reason }));
    pending.clear();
    for (const listener of closeListeners) listener(reason);
  });

  return {
    call: (name, args) =>
      new Promise((resolve, reject) => {
        if (closed !== undefined) return reject(new RemoteError({ kind: 'closed', message: closed }));
        const id = nextId++;
        pending.set(id, { resolve, reject });
        transport.send({ type: 'call', id, name, args });
      }),
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onClose: (listener) => void closeListeners.add(listener),
    close: () => transport.close(),
  };
}

const arrayTypes = { Uint8Array, Float32Array, Float64Array, Int32Array } as const;
type ArrayName = keyof typeof arrayTypes;
interface Attachment {
  $bytes: number;
  type: ArrayName;
  length: number;
}

function arrayName(view: ArrayBufferView): ArrayName | undefined {
  return (Object.keys(arrayTypes) as ArrayName[]).find((name) => view instanceof arrayTypes[name]);
}

/**
 * JSON with typed arrays beside it: [header length, u32 LE][header JSON][padding to 8][arrays, each padded to 8].
 * In the header an array stands as `{ $bytes: offset, type, length }`; a Node Buffer arrives as a Uint8Array.
 * Throws TypeError for an array of another type.
 */
export function encodeMessage(message: ClientMessage | ServerMessage): Uint8Array {
  const parts: Uint8Array[] = [];
  let offset = 0;
  // `this[key]`, not `value`: Node's Buffer is an Uint8Array whose toJSON has already made a list of numbers of `value`.
  const header = JSON.stringify(message, function (this: Record<string, unknown>, key, value: unknown) {
    const view = this[key];
    if (!ArrayBuffer.isView(view)) return value;
    const type = arrayName(view);
    if (!type) throw new TypeError(`message: a ${view.constructor.name} cannot be encoded`);
    const { length } = view as Uint8Array | Float32Array | Float64Array | Int32Array;
    const attachment: Attachment = { $bytes: offset, type, length };
    parts.push(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
    offset += Math.ceil(view.byteLength / 8) * 8;
    return attachment;
  });
  const headerBytes = new TextEncoder().encode(header);
  const bodyStart = Math.ceil((4 + headerBytes.length) / 8) * 8;
  const out = new Uint8Array(bodyStart + offset);
  new DataView(out.buffer).setUint32(0, headerBytes.length, true);
  out.set(headerBytes, 4);
  let at = bodyStart;
  for (const part of parts) {
    out.set(part, at);
    at += Math.ceil(part.length / 8) * 8;
  }
  return out;
}

const attachmentSchema = z.object({
  $bytes: z.int().nonnegative().multipleOf(8),
  type: z.enum(Object.keys(arrayTypes) as [ArrayName, ...ArrayName[]]),
  length: z.int().nonnegative(),
});

/** Throws UserError for bytes that are no message; what the message means is for the caller's schema to check. */
export function decodeMessage(input: Uint8Array): unknown {
  // Typed array views need an aligned buffer, which a part of a socket's chunk need not be; slice() of a Node Buffer
  // would be a view again, not a copy.
  const bytes = input.byteOffset % 8 === 0 ? input : new Uint8Array(input);
  if (bytes.length < 4) throw new UserError('message: expected at least 4 bytes');
  const headerLength = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  if (headerLength > bytes.length - 4) throw new UserError('message: the header is longer than the message');
  const bodyStart = Math.ceil((4 + headerLength) / 8) * 8;
  const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(4, 4 + headerLength));
  // Most messages hold no array; looking at every value of a long list takes ten times as long as reading it.
  if (!text.includes('"$bytes"')) return JSON.parse(text);
  return JSON.parse(text, (_key, value: unknown) => {
    if (value === null || typeof value !== 'object' || !('$bytes' in value)) return value;
    const { $bytes, type, length } = attachmentSchema.parse(value);
    const ArrayType = arrayTypes[type];
    const start = bodyStart + $bytes;
    if (start + length * ArrayType.BYTES_PER_ELEMENT > bytes.length) {
      throw new UserError('message: an array reaches past the end of the message');
    }
    return new ArrayType(bytes.buffer as ArrayBuffer, bytes.byteOffset + start, length);
  });
}
