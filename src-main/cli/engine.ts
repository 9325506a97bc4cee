/** The CLI's way to an engine. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { EngineEvent, Job } from '../../src-shared/api.ts';
import type { Client } from '../../src-shared/rpc.ts';
import { fromWorkerSchema, workerEntry } from '../../src-shared/worker-protocol.ts';
import type { Globals } from './globals.ts';

/** Opens the engine of the workspace, or reaches the one that is running there; closes it when `use` has ended. */
export async function withEngine<T>(globals: Globals, use: (client: Client) => Promise<T>): Promise<T> {
  const client = interimClient(globals);
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

/** INTERIM: one worker, no catalog; goes when openEngine is there. */
function interimClient(globals: Globals): Client {
  const listeners = new Set<(event: EngineEvent) => void>();
  const jobs = new Map<string, Job>();
  const results = new Map<string, unknown>();
  const worker = fork(fileURLToPath(new URL(`../../${workerEntry}`, import.meta.url)), {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const announce = (event: EngineEvent): void => listeners.forEach((listener) => listener(event));
  const change = (id: string, part: Partial<Job>): void => {
    const job = { ...jobs.get(id)!, ...part };
    jobs.set(id, job);
    announce({ type: 'job-changed', job });
  };
  worker.on('message', (raw) => {
    const message = fromWorkerSchema.parse(raw);
    if (message.type === 'event') {
      const { event, id: jobId } = message;
      if (event.type === 'progress') announce({ type: 'job-progress', jobId, progress: event.progress });
      if (event.type === 'log') announce({ type: 'job-log', jobId, line: event.line });
      if (event.type === 'epoch') announce({ type: 'job-epoch', jobId, metrics: event.metrics });
    }
    if (message.type === 'result') {
      results.set(message.id, { result: message.result, backend: message.backend });
      change(message.id, { state: 'done', resultId: message.id, backend: message.backend });
    }
    if (message.type === 'error') {
      const { kind, message: error, hint, stack } = message.error;
      if (globals.terminal.debug && stack) globals.terminal.note(stack);
      change(message.id, { state: kind === 'cancelled' ? 'cancelled' : 'failed', error, hint: hint ?? null });
    }
  });
  worker.on('exit', (code, signal) => {
    for (const job of jobs.values()) {
      if (job.state === 'running') change(job.id, { state: 'failed', error: `worker ended: ${code ?? signal}` });
    }
  });
  let next = 1;
  const call = async (name: string, args: Record<string, unknown>): Promise<unknown> => {
    switch (name) {
      case 'jobs.submit': {
        const id = `job-${next++}`;
        const job = { id, kind: args.kind, params: args.params, state: 'running', error: null, hint: null, resultId: null } as unknown as Job;
        jobs.set(id, job);
        worker.send({ type: 'run', id, kind: job.kind, params: job.params });
        return job;
      }
      case 'jobs.cancel':
        worker.send({ type: 'cancel', id: args.jobId });
        return jobs.get(args.jobId as string);
      case 'results.get': {
        const stored = results.get(args.resultId as string) as { result: unknown; backend: unknown };
        return { row: {}, params: {}, data: stored.result, provenance: { backend: stored.backend } };
      }
      default:
        throw new Error(`interim engine has no ${name}`);
    }
  };
  return {
    call: call as unknown as Client['call'],
    listen: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onClose: () => undefined,
    close: () => {
      if (worker.connected) worker.disconnect();
    },
  };
}
