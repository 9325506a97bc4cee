/** The engine's side of a connection, whatever carries it: parse, run, answer. */
import { requests, type EngineEvent, type Handlers, type RequestName } from './api.ts';
import { CancelledError, messageOf, UserError } from './errors.ts';
import { clientMessageSchema, type ErrorBody, type ServerMessage } from './rpc.ts';

/** What every door (desktop, served app, command line) opens onto. */
export interface EngineApi {
  readonly handlers: Handlers;
  /** The returned function ends the subscription. */
  subscribe(listener: (event: EngineEvent) => void): () => void;
}

/** Parses and runs one message. Never throws: a message that breaks the schema runs nothing and is answered so. */
export async function dispatch(api: EngineApi, raw: unknown): Promise<ServerMessage> {
  const message = clientMessageSchema.safeParse(raw);
  if (!message.success) {
    return {
      type: 'error',
      id: -1,
      error: { kind: 'user', message: 'message refused: it is not a call {type, id, name, args}' },
    };
  }
  const { id, name, args } = message.data;
  if (!Object.hasOwn(requests, name)) {
    return { type: 'error', id, error: { kind: 'user', message: `there is no request named "${name}"` } };
  }
  const parsed = requests[name as RequestName].args.safeParse(args);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const where = [name, ...(issue?.path ?? [])].join('.');
    return {
      type: 'error',
      id,
      error: { kind: 'user', message: `${where}: ${issue?.message ?? 'invalid arguments'}` },
    };
  }
  try {
    // The schema of this very name has parsed the arguments; the type system cannot follow the pairing.
    const handler = api.handlers[name as RequestName] as (args: unknown) => unknown;
    return { type: 'answer', id, value: await handler(parsed.data) };
  } catch (thrown) {
    return { type: 'error', id, error: errorBody(thrown) };
  }
}

export function errorBody(thrown: unknown): ErrorBody {
  if (thrown instanceof UserError) {
    const body: ErrorBody = { kind: 'user', message: thrown.message };
    return thrown.hint === undefined ? body : { ...body, hint: thrown.hint };
  }
  if (thrown instanceof CancelledError) return { kind: 'cancelled', message: thrown.message };
  return { kind: 'defect', message: `Basin failed where it should not: ${messageOf(thrown)}` };
}
