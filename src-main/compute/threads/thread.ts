/** The entry of a thread: answers one request after the other. */
import { parentPort } from 'node:worker_threads';
import { UserError } from '../../../src-shared/errors.ts';
import { tasks } from './tasks.ts';
import type { Reply, Request } from './tasks.ts';

function answer({ name, args }: Request): Reply {
  const run = tasks[name] as (...given: unknown[]) => unknown;
  try {
    return { answer: run(...args) };
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
  const reply = answer(request);
  parentPort?.postMessage(reply, 'answer' in reply ? ownArrays(reply.answer) : []);
});
