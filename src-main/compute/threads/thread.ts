/** The entry of a thread: answers one request after the other. */
import { parentPort } from 'node:worker_threads';
import { UserError } from '../../../src-shared/errors.ts';
import { runTask } from './tasks.ts';
import type { Reply, Request } from './tasks.ts';

function answer(request: Request): Reply {
  try {
    return { answer: runTask(request) };
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
