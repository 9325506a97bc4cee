/**
 * Small questions that a person asks while looking: computed by a worker of their own, so that they do not wait for
 * long jobs, and neither listed as jobs nor kept as results. Of each client only the newest question counts.
 */
import { randomUUID } from 'node:crypto';
import { CancelledError, UserError } from '../../src-shared/errors.ts';
import type { AnyJobKind } from '../../src-shared/jobs/index.ts';
import type { HashStore } from './inputs.ts';
import type { WorkerPool } from './jobs/pool.ts';
import { identify, parseQuestion, type Question } from './jobs/submit.ts';
import type { Outcome, WorkerProcess } from './jobs/worker-process.ts';

export interface QuestionsParts {
  pool: WorkerPool;
  hashes: HashStore;
  kindNamed: (name: string) => AnyJobKind;
}

interface Asked {
  client: string;
  question: Question;
  resolve: (result: unknown) => void;
  reject: (error: unknown) => void;
  /** At work on it. */
  worker?: WorkerProcess;
  moved: boolean;
}

/** Results kept in memory, of about 100 kB each. */
const mostKept = 64;

export class Questions {
  readonly #parts: QuestionsParts;
  readonly #results = new Map<string, unknown>();
  /** Counts each client's questions: while files are looked at a newer one may overtake. */
  readonly #newest = new Map<string, number>();
  /** The first one is at work. */
  #line: Asked[] = [];

  constructor(parts: QuestionsParts) {
    this.#parts = parts;
  }

  /**
   * The result, as the kind's result schema says. A question of the same client that is still open is given up.
   * @throws UserError for bad params and what the worker says; CancelledError where the client has moved on
   */
  async ask(client: string, kindName: string, params: unknown): Promise<unknown> {
    const turn = this.stop(client);
    const question = parseQuestion(this.#parts.kindNamed(kindName), params);
    const key = await this.#keyOf(question);
    if (this.#newest.get(client) !== turn) throw new CancelledError();
    const known = this.#results.get(key);
    if (known !== undefined) return known;
    const result = await new Promise<unknown>((resolve, reject) => {
      this.#line.push({ client, question, resolve, reject, moved: false });
      if (this.#line.length === 1) void this.#work();
    });
    // Of files that changed meanwhile the result is not kept.
    if ((await this.#keyOf(question)) === key) this.#keep(key, result);
    return result;
  }

  /** Gives up whatever this client still waits for. Returns the number of its next question. */
  stop(client: string): number {
    const turn = (this.#newest.get(client) ?? 0) + 1;
    this.#newest.set(client, turn);
    for (const asked of this.#line.filter((one) => one.client === client && !one.moved)) {
      asked.moved = true;
      asked.worker?.cancel();
      asked.reject(new CancelledError());
    }
    this.#line = this.#line.filter((one) => !one.moved || one.worker !== undefined);
    return turn;
  }

  async #keyOf({ kind, params }: Question): Promise<string> {
    const { key } = await identify({ kind: kind.kind, version: kind.version, params }, this.#parts.hashes);
    return key;
  }

  async #work(): Promise<void> {
    for (let asked = this.#line[0]; asked; asked = this.#line[0]) {
      const { question, resolve, reject } = asked;
      try {
        const worker = this.#parts.pool.take('quick');
        asked.worker = worker;
        const outcome = await this.#parts.pool.run(worker, {
          ...{ id: randomUUID(), kind: question.kind.kind, params: question.params },
          onEvent: () => undefined,
          onPlan: (parts) => Promise.resolve(parts.map(() => false)),
          onBackend: () => undefined,
        });
        resolve(resultOf(outcome));
      } catch (error) {
        // Where the client has moved on this changes nothing.
        reject(error);
      }
      this.#line = this.#line.filter((one) => one !== asked);
    }
  }

  #keep(key: string, result: unknown): void {
    this.#results.delete(key);
    this.#results.set(key, result);
    const oldest = this.#results.keys().next();
    if (this.#results.size > mostKept && !oldest.done) this.#results.delete(oldest.value);
  }
}

function resultOf(outcome: Outcome): unknown {
  if (outcome.type === 'result') return outcome.result;
  if (outcome.type === 'died') {
    const { message, hint } = outcome.death;
    throw new UserError(message, { hint });
  }
  const { kind: why, message, hint, stack } = outcome.error;
  if (why === 'cancelled') throw new CancelledError();
  if (why === 'user') throw new UserError(message, hint === undefined ? {} : { hint });
  throw Object.assign(new Error(message), stack === undefined ? {} : { stack });
}
