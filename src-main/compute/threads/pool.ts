/**
 * Threads beside the one that runs TensorFlow's kernels, for work that is not theirs: while some solve small systems,
 * TensorFlow goes on with the next layer. What is computed is the same on however many threads (docs/determinism.md).
 */
import { Worker } from 'node:worker_threads';
import { UserError } from '../../../src-shared/errors.ts';
import { wantedThreads } from '../backend/load.ts';
import type { Reply, Request, Task } from './tasks.ts';

interface Asked {
  request: Request;
  transfer: readonly ArrayBuffer[];
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** More would cost more memory (some 40 MiB each) than they save time. */
const mostThreads = 8;

/** One less than TensorFlow may use, since whoever asks works too; eight at most. With none, work is done where asked. */
export const threadCount = (): number => Math.min(wantedThreads() - 1, mostThreads);

const queue: Asked[] = [];
const idle: Worker[] = [];
let alive = 0;

/** Starts a first thread, so that it is there when the first question comes. */
export function startThreads(): void {
  if (alive === 0 && threadCount() > 0) idle.push(start());
}

/**
 * Runs a task in a thread, in the order asked. Threads are started as they are needed and stay; idle ones keep no
 * process alive.
 * @param transfer buffers handed over instead of copied: they are empty here afterwards
 */
export function inThread<Args extends unknown[], Result>(
  { module, name, run: work }: Task<Args, Result>,
  args: Args,
  transfer: readonly ArrayBuffer[] = [],
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const settle = resolve as (result: unknown) => void;
    if (threadCount() === 0) return settle(work(...args));
    queue.push({ request: { module, name, args }, transfer, resolve: settle, reject });
    assign();
  });
}

function assign(): void {
  while (queue.length > 0) {
    const worker = idle.pop() ?? (alive < threadCount() ? start() : undefined);
    if (!worker) return;
    run(worker, queue.shift()!);
  }
}

function start(): Worker {
  alive += 1;
  // Flags of this process (--input-type, say) are not meant for the thread.
  const worker = new Worker(new URL('thread.ts', import.meta.url), { execArgv: [] });
  // Whoever waits for a result hears of it; one that was idle only has to make room.
  worker.on('error', () => undefined);
  worker.once('exit', () => {
    alive -= 1;
    const at = idle.indexOf(worker);
    if (at >= 0) idle.splice(at, 1);
    assign();
  });
  worker.unref();
  return worker;
}

function run(worker: Worker, { request, transfer, resolve, reject }: Asked): void {
  const finish = (): void => {
    worker.off('message', onMessage).off('error', onError).off('exit', onExit);
    worker.unref();
  };
  const free = (): void => {
    finish();
    idle.push(worker);
  };
  const onMessage = (reply: Reply): void => {
    free();
    if ('result' in reply) resolve(reply.result);
    else if ('complaint' in reply) {
      reject(new UserError(reply.complaint, reply.hint === undefined ? {} : { hint: reply.hint }));
    } else reject(reply.defect instanceof Error ? reply.defect : new Error(String(reply.defect)));
    assign();
  };
  // An error ends the thread; `exit` follows and makes room for another.
  const onError = (error: Error): void => {
    finish();
    reject(error);
  };
  const onExit = (code: number): void => {
    finish();
    reject(new Error(`the thread that ran ${request.name} ended with code ${code}`));
  };
  worker.on('message', onMessage).on('error', onError).on('exit', onExit);
  worker.ref();
  try {
    worker.postMessage(request, [...transfer]);
  } catch (error) {
    free(); // something in the request cannot travel
    reject(error as Error);
  }
}
