/** What training needs besides other jobs: its run appears in the catalog while it grows, and it can be resumed. */
import { createHash } from 'node:crypto';
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { messageOf } from '../../../src-shared/errors.ts';
import type { FoundCheckpoint, FoundRun } from '../../../src-shared/interop.ts';
import { kindsThatAre } from '../../../src-shared/jobs/index.ts';
import { accuracyPercent, accuracyUnit } from '../../formats/accuracy.ts';
import { sampleHash } from '../../formats/run-contents.ts';
import { checkpointHeader, readRunDirectory, type CheckpointFile } from '../../formats/run-directory.ts';
import { configFileOf } from '../../formats/run-layout.ts';
import type { RunState } from '../catalog/run-rows.ts';
import type { RunStore } from '../catalog/runs.ts';
import type { Job } from './states.ts';

/** Kinds that write a run folder and continue from its last checkpoint. */
export const resumableKinds = kindsThatAre('resumable');

const lookEvery = 1000;

/**
 * The run folder that a training job makes or goes on with; null when there is one already that it was not told to go
 * on with: such a job must fail, and never touch that run in a later attempt.
 */
export function runOfTraining(kind: string, params: unknown): string | null {
  if (!resumableKinds.has(kind) || params === null || typeof params !== 'object') return null;
  if (!('run' in params) || typeof params.run !== 'string') return null;
  const told = 'resume' in params && params.resume === true;
  return told || configFileOf(params.run) === undefined ? params.run : null;
}

/** Params for this attempt: a run that an earlier attempt began is gone on with. */
export function resumedParams(job: Job, runPath: string | null): unknown {
  if (runPath === null || job.attempt === 0 || configFileOf(runPath) === undefined) return job.params;
  return { ...(job.params as object), resume: true };
}

/** Keeps the catalog's picture of the run folders that are being trained up to date. */
export class TrainingWatch {
  readonly #runs: RunStore;
  readonly #changed: () => void;
  readonly #seen = new Map<string, Seen>();

  constructor(runs: RunStore, changed: () => void) {
    this.#runs = runs;
    this.#changed = changed;
  }

  start(kind: string, runPath: string | null): void {
    if (resumableKinds.has(kind) && runPath !== null) this.#look(runPath, 'training');
  }

  /** A checkpoint is complete on the disk. */
  checkpoint(path: string): void {
    const run = dirname(path);
    if (performance.now() - (this.#seen.get(run)?.at ?? -Infinity) >= lookEvery) this.#look(run, 'training');
  }

  end(job: Job, runPath: string | null): void {
    if (!resumableKinds.has(job.kind) || runPath === null) return;
    this.#look(runPath, job.state === 'done' ? 'ready' : 'interrupted');
    this.#seen.delete(runPath);
  }

  /** The folder was written by Basin's own worker: its config and headers may be read here. */
  #look(run: string, state: RunState): void {
    if (configFileOf(run) === undefined) return;
    const seen = this.#seen.get(run) ?? { at: 0, files: new Map() };
    seen.at = performance.now();
    this.#seen.set(run, seen);
    this.#runs.take(scanOwnRun(run, seen), 'trained', state);
    this.#changed();
  }
}

interface Seen {
  at: number;
  /** File name, size and time -> what was read of it, the accuracy as stored; a file is read once. */
  files: Map<string, Pick<FoundCheckpoint, 'valAccuracy' | 'sample'>>;
}

function scanOwnRun(folder: string, seen: Seen): FoundRun {
  const { config, configPath, checkpoints, notes } = readRunDirectory(folder);
  return {
    path: realpathSync(folder),
    config,
    configHash: createHash('sha256').update(readFileSync(configPath)).digest('hex'),
    checkpoints: inPercent(checkpoints.flatMap((file) => describe(folder, file, seen))),
    problems: notes.map((note) => `${folder}: ${note}`),
  };
}

/** As stored, in the unit of the run. */
function inPercent(checkpoints: readonly FoundCheckpoint[]): FoundCheckpoint[] {
  const unit = accuracyUnit(checkpoints.map(({ valAccuracy }) => valAccuracy ?? undefined));
  return checkpoints.map((checkpoint) => ({
    ...checkpoint,
    valAccuracy: accuracyPercent(checkpoint.valAccuracy ?? undefined, unit) ?? null,
  }));
}

/** Its accuracy is as stored. */
function describe(folder: string, file: CheckpointFile, seen: Seen): FoundCheckpoint[] {
  const found = statSync(file.path, { throwIfNoEntry: false });
  if (!found) return [];
  const name = relative(folder, file.path);
  const facts = {
    file: name,
    model: file.model,
    epoch: file.epoch,
    bytes: found.size,
    mtimeMs: found.mtimeMs,
  };
  const key = `${facts.file} ${facts.bytes} ${facts.mtimeMs}`;
  try {
    const read = seen.files.get(key) ?? { valAccuracy: accuracyIn(file), sample: sampleHash(file.path) };
    seen.files.set(key, read);
    return [{ ...facts, ...read, problem: null }];
  } catch (error) {
    return [{ ...facts, valAccuracy: null, problem: messageOf(error) }];
  }
}

/** As stored. Only Basin's own format is read in this process. */
function accuracyIn(file: CheckpointFile): number | null {
  if (file.format !== 'safetensors') return null;
  return checkpointHeader(file.path).storedAccuracy ?? null;
}
