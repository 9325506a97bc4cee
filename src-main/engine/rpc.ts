/** The one way in: a call is parsed, run, and gets its response or is refused; IPC, WebSocket and socket all use it. */
import { z } from 'zod';
import { requests, type EngineEvent, type RequestName } from '../../src-shared/api.ts';
import { CancelledError, messageOf, UserError } from '../../src-shared/errors.ts';
import {
  clientMessageSchema,
  RemoteError,
  type ErrorBody,
  type ServerMessage,
} from '../../src-shared/rpc.ts';

/** What a connection needs of an engine. */
export interface Callable {
  /** Parses `args` by the request's schema. Throws UserError for unknown names and bad arguments. */
  call(name: RequestName, args: unknown): Promise<unknown>;
  subscribe(listener: (event: EngineEvent) => void): () => void;
}

export function isRequestName(name: string): name is RequestName {
  return Object.hasOwn(requests, name);
}

/** Arguments as the request's schema says. Throws UserError naming the field. */
export function parseArgs(name: RequestName, args: unknown): unknown {
  const parsed = requests[name].args.safeParse(args);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new UserError(
    `${name}: ${issue?.path.join('.') || 'arguments'}: ${issue?.message ?? 'not as expected'}`,
  );
}

/** What an error looks like from outside: defects say no more than their message. */
export function errorBody(thrown: unknown): ErrorBody {
  if (thrown instanceof RemoteError)
    return withHint({ kind: thrown.kind, message: thrown.message }, thrown.hint);
  if (thrown instanceof CancelledError) return { kind: 'cancelled', message: thrown.message };
  if (thrown instanceof UserError) return withHint({ kind: 'user', message: thrown.message }, thrown.hint);
  return { kind: 'defect', message: messageOf(thrown) };
}

function withHint(body: ErrorBody, hint: string | undefined): ErrorBody {
  return hint === undefined ? body : { ...body, hint };
}

const idOnly = z.object({ id: z.int().nonnegative() });

/**
 * Responds to one message of a client, whatever it contains: never throws, never runs what breaks the schema.
 * Undefined when not even the number to respond to can be read.
 */
export async function dispatch(engine: Callable, raw: unknown): Promise<ServerMessage | undefined> {
  const parsed = clientMessageSchema.safeParse(raw);
  if (!parsed.success) {
    const id = idOnly.safeParse(raw);
    if (!id.success) return undefined;
    return {
      type: 'error',
      id: id.data.id,
      error: { kind: 'user', message: 'This is not a message of this API.' },
    };
  }
  const { id, name, args } = parsed.data;
  try {
    if (!isRequestName(name)) throw new UserError(`There is no request "${name}".`);
    return { type: 'response', id, value: await engine.call(name, args) };
  } catch (error) {
    return { type: 'error', id, error: errorBody(error) };
  }
}
