/** A worker process for tests: the real protocol and the real import, besides jobs that misbehave. */
import type { ComputeContext } from '../../../src-main/compute/context.ts';
import { checkpointCancel } from '../../../src-main/compute/context.ts';
import { hashCheckpoints } from '../../../src-main/interop/import/hash.ts';
import { importRuns } from '../../../src-main/interop/import/import.ts';
import { runInParts } from '../../../src-main/compute/parts.ts';
import { CancelledError, messageOf, UserError } from '../../../src-shared/errors.ts';
import { matrix } from '../../../src-shared/matrix.ts';
import { toWorkerSchema, type FromWorker, type JobFailure } from '../../../src-shared/worker-protocol.ts';
import { actJob, squaresJob, tableJob, testKinds, trainJob } from './kinds.ts';
import { pretendSquares } from './pretend-squares.ts';
import { pretendTrain } from './pretend-train.ts';

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const hoard: Uint8Array[] = [];

async function act(given: unknown, context: ComputeContext): Promise<unknown> {
  const { what, ms, tag } = actJob.params.parse(given);
  switch (what) {
    case 'sleep':
      context.emit({ type: 'log', level: 'info', line: 'asleep' });
      for (let waited = 0; waited < ms; waited += 5) {
        await pause(5);
        await checkpointCancel(context);
      }
      return { said: `slept ${tag}` };
    case 'stubborn': {
      // Deaf to messages and to SIGTERM, as native code is.
      process.on('SIGTERM', () => undefined);
      const end = Date.now() + ms;
      while (Date.now() < end);
      return { said: 'woke' };
    }
    case 'eat':
      for (;;) {
        hoard.push(new Uint8Array(16 * 2 ** 20).fill(1));
        await pause(10);
      }
    case 'heap': {
      const lists: number[][] = [];
      for (;;) lists.push(Array.from({ length: 100_000 }, (_, i) => i + lists.length));
    }
    case 'segfault':
      process.kill(process.pid, 'SIGSEGV');
      return pause(10_000);
    case 'exit':
      process.stderr.write('Error: the pretended library gave up\n');
      process.exit(3);
    // falls through
    case 'refuse':
      throw new UserError('params.tag: expected a colour.', { hint: 'Write blue.' });
    case 'throw':
      throw new TypeError('undefined is not a number');
    case 'talk':
      for (let i = 1; i <= 3; i++) context.emit({ type: 'log', level: 'info', line: `line ${i}` });
      return { said: 'talked' };
  }
}

async function table(given: unknown, context: ComputeContext): Promise<unknown> {
  const { n, ms } = tableJob.params.parse(given);
  for (let waited = 0; waited < ms; waited += 5) {
    await pause(5);
    await checkpointCancel(context);
  }
  const data = new Float64Array(n * n).map((_, i) => (Math.floor(i / n) + 1) * ((i % n) + 1));
  return { layers: [{ name: 'P_0', products: matrix(n, n, data) }], pid: process.pid };
}

const compute: Record<string, (params: never, context: ComputeContext) => Promise<unknown>> = {
  act,
  table,
  squares: (params: unknown, context) =>
    runInParts(squaresJob.parts!, pretendSquares, squaresJob.params.parse(params), context),
  train: (params: unknown, context) => pretendTrain(trainJob.params.parse(params), context),
  interpolate: (params: { align: string }) => Promise.resolve({ align: params.align }),
  import: importRuns,
  hash: hashCheckpoints,
};

let controller: AbortController | undefined;
let busy: string | undefined;
let whenKnown: ((known: boolean[]) => void) | undefined;

function send(message: FromWorker): void {
  process.send?.(message);
}

function failureOf(thrown: unknown): JobFailure {
  if (controller?.signal.aborted || thrown instanceof CancelledError)
    return { kind: 'cancelled', message: 'cancelled' };
  if (thrown instanceof UserError) {
    return { kind: 'user', message: thrown.message, ...(thrown.hint && { hint: thrown.hint }) };
  }
  return {
    kind: 'defect',
    message: messageOf(thrown),
    stack: thrown instanceof Error ? (thrown.stack ?? '') : '',
  };
}

async function run(id: string, kind: string, params: unknown): Promise<void> {
  busy = id;
  controller = new AbortController();
  const context: ComputeContext = {
    signal: controller.signal,
    parts: {
      known: (plan) =>
        new Promise((resolve) => {
          whenKnown = resolve;
          send({ type: 'plan', id, parts: [...plan] });
        }),
      keep: (index, partial) =>
        new Promise((resolve) => {
          const message: FromWorker = {
            type: 'event',
            id,
            event: { type: 'part', index, partial, backend: null },
          };
          process.send?.(message, undefined, {}, () => resolve());
        }),
    },
    emit: (event) => send({ type: 'event', id, event }),
    backend: () => Promise.reject(new Error('no tensors in tests')),
  };
  try {
    const parsed = testKinds.find((candidate) => candidate.kind === kind)!.params.parse(params);
    const result = await compute[kind]!(parsed as never, context);
    send({ type: 'result', id, result, backend: null, residentBytes: process.memoryUsage.rss() });
  } catch (thrown) {
    send({ type: 'error', id, error: failureOf(thrown), residentBytes: process.memoryUsage.rss() });
  } finally {
    busy = undefined;
  }
}

process.on('disconnect', () => process.exit(0));
process.on('message', (raw) => {
  const message = toWorkerSchema.parse(raw);
  if (message.type === 'run') void run(message.id, message.kind, message.params);
  else if (message.type === 'known') whenKnown?.(message.known);
  else if (message.type === 'cancel' && message.id === busy) controller?.abort();
  else if (message.type === 'shutdown') {
    controller?.abort();
    setInterval(() => busy === undefined && process.exit(0), 5);
  }
});
send({ type: 'ready', pid: process.pid });
