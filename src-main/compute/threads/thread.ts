/** The entry of a thread: deals with one request after the other. */
import { parentPort } from 'node:worker_threads';
import { UserError } from '../../../src-shared/errors.ts';
import type { Reply, Request } from './tasks.ts';

async function replyTo({ module, name, args }: Request): Promise<Reply> {
  try {
    const exported = (await import(module)) as Record<string, (...given: unknown[]) => unknown>;
    return { result: exported[name]!(...args) };
  } catch (thrown) {
    if (thrown instanceof UserError) return { complaint: thrown.message, hint: thrown.hint };
    return { defect: thrown };
  }
}

/** Arrays of a result go over whole instead of being copied. */
function ownArrays(result: unknown): ArrayBuffer[] {
  return Object.values(result ?? {}).flatMap((value) =>
    value instanceof Float64Array && value.buffer instanceof ArrayBuffer ? [value.buffer] : [],
  );
}

parentPort?.on('message', (request: Request) => {
  void replyTo(request).then((reply) => {
    parentPort?.postMessage(reply, 'result' in reply ? ownArrays(reply.result) : []);
  });
});
