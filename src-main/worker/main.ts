/** The worker process: takes one job at a time from its parent, over the protocol of `src-shared/worker-protocol.ts`. */
import { CancelledError, messageOf, UserError } from '../../src-shared/errors.ts';
import type { BackendInfo } from '../../src-shared/domain.ts';
import type { FromWorker, JobFailure } from '../../src-shared/worker-protocol.ts';
import { toWorkerSchema } from '../../src-shared/worker-protocol.ts';
import type { Backend } from '../compute/backend/index.ts';
import type { PartKeeper } from '../compute/context.ts';
import { loadBackend } from '../compute/backend/index.ts';
import { backendInfo } from '../compute/backend/info.ts';
import { runJob } from './run-job.ts';

interface RunningJob {
  id: string;
  controller: AbortController;
  usesBackend: boolean;
  /** Waits for the engine to say which parts are known. */
  known?: (known: boolean[]) => void;
}

let running: RunningJob | undefined;
let loading: Promise<Backend> | undefined;
let loaded: BackendInfo | null = null;

function send(message: FromWorker): void {
  // A parent that is gone cannot be told; 'disconnect' ends this process.
  if (process.connected) process.send?.(message, undefined, {}, () => undefined);
}

/** Loads the tensor back end once per worker. `BASIN_BACKEND` and `BASIN_THREADS` come from whoever started it. */
function backend(): Promise<Backend> {
  loading ??= loadBackend().then((value) => {
    loaded = backendInfo(value);
    send({ type: 'backend', backend: loaded });
    return value;
  });
  return loading;
}

/** Parts go to the engine one by one; a part counts as taken when it has left this process, so that few pile up here. */
function keeperOf(job: RunningJob): PartKeeper {
  const { id, controller } = job;
  return {
    known: (plan) =>
      new Promise((resolve, reject) => {
        job.known = resolve;
        controller.signal.addEventListener('abort', () => reject(new CancelledError()));
        send({ type: 'plan', id, parts: [...plan] });
      }),
    keep: (index, partial) =>
      new Promise((resolve) => {
        const backend = job.usesBackend ? loaded : null;
        const message: FromWorker = { type: 'event', id, event: { type: 'part', index, partial, backend } };
        if (process.connected) process.send?.(message, undefined, {}, () => resolve());
        else resolve();
      }),
  };
}

const defectHint = "This is a bug in Basin, not a problem with your data; the job's log has the details.";

function failureOf(thrown: unknown): JobFailure {
  const stack = thrown instanceof Error && thrown.stack !== undefined ? { stack: thrown.stack } : {};
  const message = messageOf(thrown);
  if (thrown instanceof CancelledError) return { kind: 'cancelled', message };
  if (thrown instanceof UserError) {
    return { kind: 'user', message, ...(thrown.hint === undefined ? {} : { hint: thrown.hint }), ...stack };
  }
  return { kind: 'defect', message, hint: defectHint, ...stack };
}

async function run(id: string, kind: string, params: unknown): Promise<void> {
  const controller = new AbortController();
  const job: RunningJob = { id, controller, usesBackend: false };
  running = job;
  let outcome: FromWorker;
  try {
    const result = await runJob(
      { kind, params },
      {
        signal: controller.signal,
        parts: keeperOf(job),
        emit: (event) => {
          send({ type: 'event', id, event });
        },
        backend: () => {
          job.usesBackend = true;
          return backend();
        },
      },
    );
    outcome = { type: 'result', id, result, backend: job.usesBackend ? loaded : null, residentBytes: 0 };
  } catch (thrown) {
    // Whatever a cancelled job stumbled over on its way out, it ended because it was told to.
    const failure = failureOf(controller.signal.aborted ? new CancelledError() : thrown);
    outcome = { type: 'error', id, error: failure, residentBytes: 0 };
  }
  running = undefined;
  send({ ...outcome, residentBytes: process.memoryUsage.rss() });
}

async function take(raw: unknown): Promise<void> {
  const parsed = toWorkerSchema.safeParse(raw);
  if (!parsed.success) throw new Error(`worker: not a message of the protocol: ${parsed.error.message}`);
  const message = parsed.data;
  switch (message.type) {
    case 'run':
      if (running !== undefined)
        throw new Error(`worker: job ${message.id} came while ${running.id} was running`);
      await run(message.id, message.kind, message.params);
      break;
    case 'known':
      if (running?.id === message.id) running.known?.(message.known);
      break;
    case 'cancel':
      if (running?.id === message.id) running.controller.abort();
      break;
    case 'shutdown':
      running?.controller.abort();
      while (running !== undefined) await new Promise((resolve) => setTimeout(resolve, 10));
      process.disconnect();
      break;
  }
}

/** A defect outside any job's own promise: tell whose job it ends, then end; a process in this state runs no other. */
function crash(thrown: unknown): void {
  const failure: JobFailure = { ...failureOf(thrown), kind: 'defect' };
  const id = running?.id;
  const leave = (): void => process.exit(1);
  if (id === undefined || !process.connected) {
    process.stderr.write(`${failure.stack ?? failure.message}\n`);
    leave();
    return;
  }
  const message: FromWorker = { type: 'error', id, error: failure, residentBytes: process.memoryUsage.rss() };
  process.send?.(message, undefined, {}, leave);
}

function start(): void {
  if (process.send === undefined) {
    process.stderr.write('This is a Basin worker process: the engine starts it; do not run it directly.\n');
    process.exit(2);
  }
  // Ctrl-C reaches the whole process group; the parent decides what it means and says `cancel`.
  for (const name of ['SIGINT', 'SIGHUP'] as const) process.on(name, () => undefined);
  process.on('disconnect', () => process.exit(0));
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
  process.on('message', (raw) => {
    take(raw).catch(crash);
  });
  send({ type: 'ready', pid: process.pid });
}

start();
