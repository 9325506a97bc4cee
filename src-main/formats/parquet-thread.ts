/** Runs Parquet reads, one after the other, in a thread that can be ended. */
import { statSync } from 'node:fs';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { z } from 'zod';
import { UserError, messageOf } from '../../src-shared/errors.ts';
import { readTableFrom } from './parquet-read.ts';
import type { ParquetTable } from './parquet-read.ts';

export interface ParquetRequest {
  path: string;
  columns?: string[];
}

type Reply = { table: ParquetTable } | { refusal: string } | { defect: string };

const role = 'basin parquet reader';
/** Heap in MiB for files of up to so many bytes. */
const heapLimits = [
  { bytes: 2 ** 20, heap: 128 },
  { bytes: 16 * 2 ** 20, heap: 400 },
  { bytes: Infinity, heap: 4096 },
] as const;
const requestSchema = z.object({ path: z.string(), columns: z.array(z.string()).optional() });

let thread: { worker: Worker; heap: number } | undefined;
/** The thread before, while it ends: two at once would take twice the memory. */
let ending: Promise<unknown> = Promise.resolve();
let queue: Promise<unknown> = Promise.resolve();

/** Reads a table in the thread, which is started when first needed and kept for the next read. */
export function readInThread(request: ParquetRequest): Promise<ParquetTable> {
  const result = queue.then(() => ask(request));
  queue = result.catch(() => undefined);
  return result;
}

async function ask(request: ParquetRequest): Promise<ParquetTable> {
  const size = statSync(request.path, { throwIfNoEntry: false })?.size ?? 0;
  const limit = timeLimit(size);
  const worker = await threadFor(size);
  worker.ref();
  const reply = await new Promise<Reply>((resolve) => {
    const finish = (outcome: Reply, ended: boolean): void => {
      clearTimeout(timer);
      for (const event of ['message', 'error', 'exit']) worker.removeAllListeners(event);
      worker.unref();
      if (ended) {
        thread = undefined;
        // A thread that dies once more while it is ended has nothing left to say.
        worker.on('error', () => undefined);
        ending = worker.terminate();
      }
      resolve(outcome);
    };
    const timer = setTimeout(
      () => finish({ refusal: `it took more than ${limit / 1000} s to read` }, true),
      limit,
    );
    worker.once('message', (message: Reply) => finish(message, false));
    worker.once('error', (error) => finish({ refusal: messageOf(error) }, true));
    worker.once('exit', () => finish({ refusal: 'the reader ended' }, true));
    worker.postMessage(request);
  });
  if ('table' in reply) return reply.table;
  if ('defect' in reply) throw new Error(reply.defect);
  if (reply.refusal.startsWith('! ')) throw new UserError(reply.refusal.slice(2));
  throw new UserError(`${request.path}: no Parquet file, or a damaged one: ${reply.refusal}.`);
}

/** In ms: just under two seconds, and one second more per 2 MB (a sound file takes about a tenth of that). */
function timeLimit(size: number): number {
  return Math.round(1800 + size / 2000);
}

/** The thread that is there, or a new one if there is none or its heap is of the wrong size. */
async function threadFor(size: number): Promise<Worker> {
  await ending;
  const { heap } = heapLimits.find(({ bytes }) => size <= bytes)!;
  if (thread && thread.heap !== heap) {
    await thread.worker.terminate();
    thread = undefined;
  }
  thread ??= { worker: await startThread(heap), heap };
  return thread.worker;
}

function startThread(heap: number): Promise<Worker> {
  const worker = new Worker(new URL(import.meta.url), {
    workerData: role,
    resourceLimits: { maxOldGenerationSizeMb: heap },
  });
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', () => {
      worker.removeAllListeners('error');
      resolve(worker);
    });
  });
}

async function answer(message: unknown): Promise<Reply> {
  try {
    const { path, columns } = requestSchema.parse(message);
    return { table: await readTableFrom(path, columns) };
  } catch (thrown) {
    return thrown instanceof UserError ? { refusal: `! ${thrown.message}` } : { defect: messageOf(thrown) };
  }
}

if (!isMainThread && workerData === role) {
  parentPort?.on(
    'message',
    (message) => void answer(message).then((reply) => parentPort?.postMessage(reply)),
  );
  parentPort?.postMessage('ready');
}
