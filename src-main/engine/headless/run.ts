/** `basin worker`: one job in a worker process of its own, without an engine; what it tells goes into files. */
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { CancelledError, messageOf, UserError } from '../../../src-shared/errors.ts';
import { expectationText } from '../../../src-shared/expectation.ts';
import { isJobKind, jobKindNamed, type AnyJobKind } from '../../../src-shared/jobs/index.ts';
import type { JobEvent, Progress } from '../../../src-shared/progress.ts';
import { taskFiles, taskSpecSchema, type TaskFailure, type TaskSpec } from '../../../src-shared/task.ts';
import { writeFileAtomic } from '../../formats/atomic.ts';
import { configFileOf } from '../../formats/run-layout.ts';
import { planPool } from '../jobs/memory.ts';
import { runOfTraining } from '../jobs/training.ts';
import { WorkerProcess, type Outcome } from '../jobs/worker-process.ts';
import { linkMatrices, writeMatrices } from '../matrix-files.ts';
import { defaultEntry } from '../options.ts';
import { isFile } from '../store/workspace.ts';
import { takeClaim } from './claim.ts';
import { localBinding } from './local-library.ts';
import { TaskParts } from './task-parts.ts';

/** `known`: another process had done it. */
export type TaskEnd = { type: 'done' } | { type: 'known' } | { type: 'failed'; failure: TaskFailure };

/** Undefined for a kind that only the worker of a test knows. */
type FindKind = (name: string) => AnyJobKind | undefined;
const ownKind: FindKind = (name) => (isJobKind(name) ? jobKindNamed(name) : undefined);

const progressEvery = 2000;

/** @throws UserError naming the file and the field that is not as expected */
export function readSpec(path: string): TaskSpec {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UserError(`${path} cannot be read as JSON: ${messageOf(error)}`, { cause: error });
  }
  const parsed = taskSpecSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new UserError(`${path}: ${issue!.path.join('.') || 'the file'}: ${expectationText(issue!)}.`, {
      hint: 'A spec is an object with "kind" and "params".',
    });
  }
  const spec = parsed.data;
  if (spec.worker === undefined) checkKind(spec, path);
  return spec;
}

function checkKind({ kind, version }: TaskSpec, path: string): void {
  if (!isJobKind(kind)) throw new UserError(`${path}: kind: there is no kind of job "${kind}".`);
  const here = jobKindNamed(kind).version;
  if (version === undefined || version === here) return;
  throw new UserError(
    `${path}: it was written for version ${version} of ${kind}; this installation of Basin has version ${here}.`,
    { hint: 'Submit the job again.' },
  );
}

/**
 * Runs the job of a spec once: a task whose result is there is not run again, and two processes never work on it at the
 * same time. Result or failure is on the disk when this resolves.
 * @param signal aborted: the job stops and can go on from its last checkpoint
 * @throws UserError if the files cannot be written; CancelledError if another process took over
 */
export async function runTask(
  path: string,
  spec: TaskSpec,
  signal: AbortSignal,
  say: (line: string) => void,
  kindOf: FindKind = ownKind,
): Promise<TaskEnd> {
  const folder = dirname(path);
  const fileOf = (name: keyof typeof taskFiles): string => join(folder, taskFiles[name]);
  const isDone = (): boolean => isFile(fileOf('result'));
  if (isDone()) return { type: 'known' };
  let claim;
  try {
    claim = await takeClaim(spec.claim ?? join(folder, 'claim.json'), signal, isDone);
  } catch (error) {
    if (!(error instanceof CancelledError)) throw error;
    return fail(fileOf('failure'), { kind: 'stopped', message: stoppedText });
  }
  if (!claim) return { type: 'known' };
  try {
    if (isDone()) return { type: 'known' };
    rmSync(fileOf('failure'), { force: true });
    const stop = AbortSignal.any([signal, claim.lost]);
    const outcome = await outcomeOf(spec, folder, { signal: stop, say, kindOf });
    if (!claim.isHeld())
      throw new CancelledError(
        'Another process has taken over the task: this one had given no sign of life.',
      );
    if (outcome.type === 'result') {
      keep(fileOf('result'), fileOf('matrices'), outcome);
      return { type: 'done' };
    }
    return fail(fileOf('failure'), failureOf(outcome, stop.aborted));
  } finally {
    claim.release();
  }
}

const stoppedText = 'The task was told to stop before its end.';

function failureOf(outcome: Exclude<Outcome, { type: 'result' }>, stopped: boolean): TaskFailure {
  // However it went on its way out.
  if (stopped) return { kind: 'stopped', message: stoppedText };
  if (outcome.type === 'died') {
    const { cause, message, hint } = outcome.death;
    const stderr = outcome.stderr.trim();
    return { kind: 'died', cause, message, hint, ...(stderr !== '' && { stack: stderr }) };
  }
  const { kind, ...rest } = outcome.error;
  return { ...rest, kind: kind === 'cancelled' ? 'stopped' : kind };
}

function fail(path: string, failure: TaskFailure): TaskEnd {
  writeFileAtomic(path, `${JSON.stringify(failure)}\n`);
  return { type: 'failed', failure };
}

function keep(path: string, matrices: string, outcome: Outcome & { type: 'result' }): void {
  rmSync(matrices, { recursive: true, force: true });
  mkdirSync(matrices);
  const result = (outcome.placed ? linkMatrices : writeMatrices)(outcome.result, matrices);
  writeFileAtomic(path, `${JSON.stringify({ result, backend: outcome.backend })}\n`);
}

interface Around {
  signal: AbortSignal;
  say: (line: string) => void;
  kindOf: FindKind;
}

async function outcomeOf(spec: TaskSpec, folder: string, { signal, say, kindOf }: Around): Promise<Outcome> {
  const { kind, env, localCache } = spec;
  try {
    const binding = localCache === undefined ? undefined : await localBinding(localCache, signal);
    const { threads, memoryLimit } = share();
    const worker = new WorkerProcess({
      ...{ entry: spec.worker ?? defaultEntry(), node: process.execPath, threads, memoryLimit, niceness: 0 },
      env: { ...env, ...(binding !== undefined && { BASIN_BINDING: binding }) },
    });
    const parts = new TaskParts(spec, join(folder, 'parts'), kindOf(spec.kind));
    const files = new EventFiles(folder, say);
    const cancel = (): void => worker.cancel();
    signal.addEventListener('abort', cancel);
    try {
      const running = worker.run({
        ...{ id: 'task', kind, params: resumed(spec, folder) },
        onEvent: (event) => (event.type === 'part' ? parts.keep(event) : files.take(event)),
        onPlan: (plan) => parts.plan(plan),
        onBackend: () => undefined,
      });
      if (signal.aborted) cancel();
      const outcome = await running;
      await parts.settled();
      return outcome.type === 'result' ? await parts.joined(outcome) : outcome;
    } finally {
      signal.removeEventListener('abort', cancel);
      await worker.stop();
    }
  } catch (error) {
    if (error instanceof CancelledError) return ended({ kind: 'cancelled', message: stoppedText });
    if (!(error instanceof UserError)) throw error;
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    return ended({ kind: 'user', message: error.message, ...hint });
  }
}

const ended = (error: (Outcome & { type: 'error' })['error']): Outcome => ({
  ...{ type: 'error', error, residentBytes: 0 },
});

/** What Slurm gave this task; elsewhere, what a job of the engine would have. */
function share(): { threads: number; memoryLimit: number } {
  const { SLURM_CPUS_PER_TASK, SLURM_CPUS_ON_NODE, SLURM_MEM_PER_NODE } = process.env;
  const cpus = Number(SLURM_CPUS_PER_TASK ?? SLURM_CPUS_ON_NODE ?? availableParallelism());
  const megabytes = Number(SLURM_MEM_PER_NODE ?? 0);
  const plan = planPool({ workers: 1, threads: cpus });
  return megabytes > 0 ? { ...plan, memoryLimit: megabytes * 2 ** 20 } : plan;
}

/** A run that an earlier attempt of this task began is gone on with; one that was there before is not touched. */
function resumed({ kind, params }: TaskSpec, folder: string): unknown {
  const mark = join(folder, 'begun');
  const begun = isFile(mark) ? readFileSync(mark, 'utf8') : undefined;
  if (begun !== undefined && configFileOf(begun) !== undefined)
    return { ...(params as object), resume: true };
  const run = runOfTraining(kind, params);
  if (run !== null) writeFileSync(mark, run);
  return params;
}

/** What a job tells besides its result. */
class EventFiles {
  readonly #folder: string;
  readonly #say: (line: string) => void;
  #last = -Infinity;

  constructor(folder: string, say: (line: string) => void) {
    this.#folder = folder;
    this.#say = say;
  }

  take(event: JobEvent): void {
    if (event.type === 'progress') this.#progress(event.progress);
    else appendFileSync(join(this.#folder, taskFiles.events), `${JSON.stringify(event)}\n`);
    if (event.type === 'log') this.#say(event.line);
  }

  #progress(progress: Progress): void {
    if (performance.now() - this.#last < progressEvery && progress.fraction < 1) return;
    this.#last = performance.now();
    writeFileAtomic(join(this.#folder, taskFiles.progress), `${JSON.stringify(progress)}\n`);
  }
}
