/** The entry of a thread: answers one request after the other. */
import { parentPort } from 'node:worker_threads';
import { UserError } from '../../../src-shared/errors.ts';
import type { Reply, Request } from './tasks.ts';

async function answer({ module, name, args }: Request): Promise<Reply> {
  try {
    const exported = (await import(module)) as Record<string, (...given: unknown[]) => unknown>;
    return { answer: exported[name]!(...args) };
  } catch (thrown) {
    if (thrown instanceof UserError) return { complaint: thrown.message, hint: thrown.hint };
    return { defect: thrown };
  }
}

/** Arrays of an answer go over whole instead of being copied. */
function ownArrays(answered: unknown): ArrayBuffer[] {
  return Object.values(answered ?? {}).flatMap((value) =>
    value instanceof Float64Array && value.buffer instanceof ArrayBuffer ? [value.buffer] : [],
  );
}

parentPort?.on('message', (request: Request) => {
  void answer(request).then((reply) => {
    parentPort?.postMessage(reply, 'answer' in reply ? ownArrays(reply.answer) : []);
  });
});
