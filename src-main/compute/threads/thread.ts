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

parentPort?.on('message', (request: Request) => parentPort?.postMessage(answer(request)));
