/**
 * Runs Parquet reads, one after the other, in a process of their own that can be ended. The parser trusts what it
 * reads: a few flipped bits can make it loop, or fill the memory (and a thread that does takes its process along).
 */
import { fork, type ChildProcess } from 'node:child_process';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { UserError, messageOf } from '../../src-shared/errors.ts';
import type { ParquetTable } from './parquet-read.ts';

export interface ParquetRequest {
  path: string;
  columns?: string[];
}

/** `refusal`: what is wrong, without the file's name. `complaint`: a whole sentence. `defect`: ours. */
type Reply = { table: ParquetTable } | { refusal: string } | { complaint: string } | { defect: string };

const role = 'basin-parquet-reader';
/** Heap in MiB for files of up to so many bytes. */
const heapLimits = [
  { bytes: 2 ** 20, heap: 96 },
  { bytes: 16 * 2 ** 20, heap: 400 },
  { bytes: Infinity, heap: 4096 },
] as const;
const requestSchema = z.object({ path: z.string(), columns: z.array(z.string()).optional() });

let reader: { child: ChildProcess; heap: number } | undefined;
/** The process before, while it ends: two at once would take twice the memory. */
let ending: Promise<unknown> = Promise.resolve();
let queue: Promise<unknown> = Promise.resolve();

/** Reads a table in the process, which is started when first needed and kept for the next read. */
export function readInProcess(request: ParquetRequest): Promise<ParquetTable> {
  const result = queue.then(() => ask(request));
  queue = result.catch(() => undefined);
  return result;
}

async function ask(request: ParquetRequest): Promise<ParquetTable> {
  const size = statSync(request.path, { throwIfNoEntry: false })?.size ?? 0;
  const limit = timeLimit(size);
  const child = await readerFor(size);
  hold(child, true);
  const reply = await new Promise<Reply>((resolve) => {
    const finish = (outcome: Reply, ended: boolean): void => {
      clearTimeout(timer);
      for (const event of ['message', 'error', 'exit']) child.removeAllListeners(event);
      // What is still on its way to a process that ends has nobody waiting for it.
      child.on('error', () => undefined);
      if (ended) end(child);
      else hold(child, false);
      resolve(outcome);
    };
    const timer = setTimeout(
      () => finish({ refusal: `it took more than ${limit / 1000} s to read` }, true),
      limit,
    );
    child.once('message', (message: Reply) => finish(message, false));
    child.once('error', (error) => finish({ refusal: messageOf(error) }, true));
    child.once('exit', () => finish({ refusal: 'reading it takes far more memory than it should' }, true));
    child.send(request);
  });
  if ('table' in reply) return reply.table;
  if ('defect' in reply) throw new Error(reply.defect);
  if ('complaint' in reply) throw new UserError(reply.complaint);
  throw new UserError(`${request.path}: not a Parquet file, or a damaged one: ${reply.refusal}.`);
}

/** In ms: just under two seconds, and one second more per 2 MB (a sound file takes about a tenth of that). */
function timeLimit(size: number): number {
  return Math.round(1800 + size / 2000);
}

/** An idle reader does not keep this process alive. */
function hold(child: ChildProcess, busy: boolean): void {
  if (busy) {
    child.ref();
    child.channel?.ref();
  } else {
    child.unref();
    child.channel?.unref();
  }
}

function end(child: ChildProcess): void {
  reader = undefined;
  const running = child.exitCode === null && child.signalCode === null;
  ending = running ? new Promise((resolve) => child.once('exit', resolve)) : Promise.resolve();
  child.kill('SIGKILL');
}

/** The process that is there, or a new one if there is none or its heap is of the wrong size. */
async function readerFor(size: number): Promise<ChildProcess> {
  const { heap } = heapLimits.find(({ bytes }) => size <= bytes)!;
  if (reader && (reader.heap !== heap || !reader.child.connected)) end(reader.child);
  await ending;
  reader ??= { child: await start(heap), heap };
  return reader.child;
}

function start(heap: number): Promise<ChildProcess> {
  const child = fork(fileURLToPath(import.meta.url), [role], {
    serialization: 'advanced',
    execArgv: [`--max-old-space-size=${heap}`, '--max-semi-space-size=8'],
    // What a dying process prints says nothing to a person that the refusal does not say.
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the reader of Parquet files ended with code ${code}`)));
    child.once('message', () => {
      child.removeAllListeners('error');
      child.removeAllListeners('exit');
      resolve(child);
    });
  });
}

async function replyTo(message: unknown): Promise<Reply> {
  const { readTableFrom } = await import('./parquet-read.ts');
  try {
    const { path, columns } = requestSchema.parse(message);
    return { table: await readTableFrom(path, columns) };
  } catch (thrown) {
    return thrown instanceof UserError ? { complaint: thrown.message } : { defect: messageOf(thrown) };
  }
}

if (process.argv[2] === role && process.send) {
  const reply = (message: Reply | 'ready'): void => void process.send?.(message);
  process.on('message', (message) => void replyTo(message).then(reply));
  process.on('disconnect', () => process.exit());
  reply('ready');
}
