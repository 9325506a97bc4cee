/** The worker process on its own, driven over its protocol as the engine does. */
import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import type { FromWorker, ToWorker } from '../../src-shared/worker-protocol.ts';
import { fromWorkerSchema, workerEntry } from '../../src-shared/worker-protocol.ts';

const entry = fileURLToPath(new URL(`../../${workerEntry}`, import.meta.url));

class Driver {
  readonly process: ChildProcess;
  readonly messages: FromWorker[] = [];
  readonly exited: Promise<number | null>;
  readonly #waiting: (() => void)[] = [];

  constructor() {
    this.process = fork(entry, {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      execArgv: [],
    });
    this.exited = new Promise((resolve) => this.process.on('exit', resolve));
    this.process.on('message', (raw) => {
      this.messages.push(fromWorkerSchema.parse(raw));
      this.#waiting.splice(0).forEach((wake) => wake());
    });
  }

  send(message: ToWorker): void {
    this.process.send(message);
  }

  /** The first message, from now or before, that `wanted` takes. */
  async find<T extends FromWorker>(wanted: (message: FromWorker) => message is T): Promise<T> {
    for (;;) {
      const found = this.messages.find(wanted);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** How the job `id` ended. */
  outcome(id: string): Promise<Extract<FromWorker, { type: 'result' | 'error' }>> {
    return this.find(
      (message): message is Extract<FromWorker, { type: 'result' | 'error' }> =>
        (message.type === 'result' || message.type === 'error') && message.id === id,
    );
  }
}

let driver: Driver | undefined;
afterEach(() => {
  driver?.process.kill('SIGKILL');
});

function start(): Driver {
  driver = new Driver();
  return driver;
}

const quick = { size: 64, seconds: 0.05 };

describe('the worker', () => {
  test('is ready, gives results, says what computed, and takes the next job', async () => {
    const worker = start();
    await worker.find(
      (message): message is Extract<FromWorker, { type: 'ready' }> => message.type === 'ready',
    );
    worker.send({ type: 'run', id: 'a', kind: 'diagnose', params: quick });
    const first = await worker.outcome('a');
    expect(first).toMatchObject({ type: 'result', result: { repetitions: expect.any(Number) as number } });
    expect(first.residentBytes).toBeGreaterThan(1e7);
    worker.send({ type: 'run', id: 'b', kind: 'diagnose', params: quick });
    expect((await worker.outcome('b')).type).toBe('result');
    expect(worker.messages.filter((message) => message.type === 'backend')).toHaveLength(1);
  });

  test('a job without tensors never loads a back end', async () => {
    const worker = start();
    const params = { layers: 2, width: 2, starts: 4, seed: 1 };
    worker.send({ type: 'run', id: 'a', kind: 'linear-components', params });
    expect(await worker.outcome('a')).toMatchObject({ type: 'result', backend: null });
    expect(worker.messages.some((message) => message.type === 'backend')).toBe(false);
  });

  test('tells what a person can mend from a defect, and lives on', async () => {
    const worker = start();
    worker.send({ type: 'run', id: 'a', kind: 'diagnoze', params: {} });
    expect(await worker.outcome('a')).toMatchObject({
      type: 'error',
      error: { kind: 'user', message: expect.stringMatching(/"diagnose"/) as string },
    });
    worker.send({ type: 'run', id: 'b', kind: 'diagnose', params: { size: 'big' } });
    expect(await worker.outcome('b')).toMatchObject({
      type: 'error',
      error: { kind: 'user', message: expect.stringMatching(/size/) as string },
    });
    worker.send({ type: 'run', id: 'c', kind: 'diagnose', params: quick });
    expect((await worker.outcome('c')).type).toBe('result');
  });

  test('ends a cancelled job at once and takes the next', async () => {
    const worker = start();
    worker.send({ type: 'run', id: 'a', kind: 'diagnose', params: { size: 256, seconds: 60 } });
    await worker.find(
      (message): message is Extract<FromWorker, { type: 'backend' }> => message.type === 'backend',
    );
    worker.send({ type: 'cancel', id: 'a' });
    expect(await worker.outcome('a')).toMatchObject({ type: 'error', error: { kind: 'cancelled' } });
    worker.send({ type: 'cancel', id: 'a' });
    worker.send({ type: 'run', id: 'b', kind: 'diagnose', params: quick });
    expect((await worker.outcome('b')).type).toBe('result');
  });

  test('shutdown ends the running job as cancelled, then the process', async () => {
    const worker = start();
    worker.send({ type: 'run', id: 'a', kind: 'diagnose', params: { size: 64, seconds: 60 } });
    await worker.find(
      (message): message is Extract<FromWorker, { type: 'backend' }> => message.type === 'backend',
    );
    worker.send({ type: 'shutdown' });
    expect(await worker.outcome('a')).toMatchObject({ error: { kind: 'cancelled' } });
    expect(await worker.exited).toBe(0);
  });

  test('ends by itself when its parent is gone, even in the middle of a job of hours', async () => {
    const worker = start();
    const hours = { layers: 6, width: 16, starts: 5000, steps: 200_000 };
    worker.send({ type: 'run', id: 'a', kind: 'linear-components', params: hours });
    await worker.find(
      (message): message is Extract<FromWorker, { type: 'event' }> => message.type === 'event',
    );
    worker.process.disconnect();
    await worker.exited;
    expect(worker.messages.map(({ type }) => type)).not.toContain('result');
  });

  test('ignores Ctrl-C of the terminal: its parent decides', async () => {
    const worker = start();
    worker.send({ type: 'run', id: 'a', kind: 'diagnose', params: { ...quick, seconds: 1 } });
    await worker.find(
      (message): message is Extract<FromWorker, { type: 'backend' }> => message.type === 'backend',
    );
    worker.process.kill('SIGINT');
    expect((await worker.outcome('a')).type).toBe('result');
  });
});
