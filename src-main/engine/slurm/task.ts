/** The follower of one task: reads what it has written, and hands it to the queue as a worker's messages. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { readText } from '../folders.ts';
import { messageOf } from '../../../src-shared/errors.ts';
import { expectationText } from '../../../src-shared/expectation.ts';
import { progressSchema, type JobEvent } from '../../../src-shared/progress.ts';
import {
  taskFailureSchema,
  taskFiles,
  taskResultSchema,
  type TaskFailure,
} from '../../../src-shared/task.ts';
import { jobEventSchema } from '../../../src-shared/worker-protocol.ts';
import type { Runner } from '../jobs/hooks.ts';
import type { Outcome, WorkerJob } from '../jobs/worker-process.ts';
import { withFolder } from '../matrix-files.ts';

export type Found =
  | { type: 'result'; outcome: Outcome & { type: 'result' } }
  | { type: 'failure'; failure: TaskFailure }
  /** What it left is not as Basin writes it; `outcome` says which file. */
  | { type: 'unreadable'; outcome: Outcome };

/** What a task has left as its end; undefined: nothing yet. */
export function endOf(folder: string): Found | undefined {
  try {
    return readEnd(folder);
  } catch (error) {
    const hint = '`basin jobs retry ID` submits the job again.';
    const outcome = {
      type: 'error',
      error: { kind: 'user', message: messageOf(error), hint },
      residentBytes: 0,
    } as const;
    return { type: 'unreadable', outcome };
  }
}

function readEnd(folder: string): Found | undefined {
  const result = readJson(join(folder, taskFiles.result), taskResultSchema);
  if (result) {
    const data = withFolder(result.result, join(folder, taskFiles.matrices));
    const outcome = { type: 'result', result: data, backend: result.backend } as const;
    return { type: 'result', outcome: { ...outcome, residentBytes: 0, placed: true } };
  }
  const failure = readJson(join(folder, taskFiles.failure), taskFailureSchema);
  return failure && { type: 'failure', failure };
}

/** The last of what the task's script and Basin wrote, for an end that left nothing else. */
export function lastOutput(folder: string): string {
  return readText(join(folder, 'slurm.out')).trim().split('\n').slice(-20).join('\n').slice(-4000);
}

const mostPerLook = 2 ** 20;

export class TaskFollower implements Runner {
  readonly #folder: string;
  readonly #cancel: () => void;
  /** Lines that the catalog has: an engine that follows a task anew does not write them a second time. */
  readonly #knownLines: Set<string>;
  readonly #outcome = Promise.withResolvers<Outcome>();
  #job: WorkerJob | undefined;
  #offset = 0;
  #rest = '';
  #progress = '';

  constructor(folder: string, knownLines: readonly string[], cancel: () => void) {
    this.#folder = folder;
    this.#knownLines = new Set(knownLines);
    this.#cancel = cancel;
  }

  run(job: WorkerJob): Promise<Outcome> {
    this.#job = job;
    return this.#outcome.promise;
  }

  cancel(): void {
    this.#cancel();
  }

  /** Passes on what is new. */
  look(): void {
    const text = readText(join(this.#folder, taskFiles.progress));
    if (text !== '' && text !== this.#progress) {
      this.#progress = text;
      const progress = parseJson(text, progressSchema);
      if (progress) this.#tell({ type: 'progress', progress });
    }
    for (let more = true; more;) {
      const piece = this.#readOn();
      more = piece.length === mostPerLook;
      const lines = (this.#rest + piece.toString('latin1')).split('\n');
      this.#rest = lines.pop()!;
      for (const line of lines) this.#take(Buffer.from(line, 'latin1').toString('utf8'));
    }
  }

  /** The job has ended; all that it told is passed on first. */
  end(outcome: Outcome): void {
    this.look();
    this.#outcome.resolve(outcome);
  }

  #take(line: string): void {
    const event = parseJson(line, jobEventSchema) as JobEvent | undefined;
    if (!event) return;
    if (event.type === 'log') {
      const shown = event.level === 'warning' ? `warning: ${event.line}` : event.line;
      if (this.#knownLines.delete(shown)) return;
    }
    this.#tell(event);
  }

  #tell(event: JobEvent): void {
    this.#job?.onEvent(event);
  }

  #readOn(): Buffer {
    let file: number;
    try {
      file = openSync(join(this.#folder, taskFiles.events), 'r');
    } catch {
      return Buffer.alloc(0);
    }
    try {
      const size = Math.min(fstatSync(file).size - this.#offset, mostPerLook);
      if (size <= 0) return Buffer.alloc(0);
      const buffer = Buffer.alloc(size);
      const read = readSync(file, buffer, 0, size, this.#offset);
      this.#offset += read;
      return buffer.subarray(0, read);
    } finally {
      closeSync(file);
    }
  }
}

function parseJson<T extends z.ZodType>(text: string, schema: T): z.output<T> | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** @throws Error for a file that is there and not as it should be: it appears only when it is whole */
function readJson<T extends z.ZodType>(path: string, schema: T): z.output<T> | undefined {
  const text = readText(path);
  if (text === '') return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new Error(`${path} is damaged: ${whyDamaged(error)}.`, { cause: error });
  }
}

const whyDamaged = (error: unknown): string =>
  error instanceof z.ZodError ? expectationText(error.issues[0]!) : messageOf(error);
