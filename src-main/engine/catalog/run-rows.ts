/** Rows of the catalog as the database keeps them and as the API shows them. */
import { join } from 'node:path';
import type { CheckpointRow, RunRow } from '../../../src-shared/api.ts';
import type { Family } from '../../../src-shared/domain.ts';
import type { RunLabels } from '../../../src-shared/run-labels.ts';
import { flatten, keepsRunningStatistics } from './summary.ts';

/** What is read off a run's folder. */
export interface FolderRecord {
  id: string;
  name: string;
  path: string;
  architecture: string;
  family: Family | null;
  sigma_f: number | null;
  dataset: string | null;
  widths: string | null;
  config: string;
  config_hash: string;
  fingerprint: string;
  /** Hash over the samples of its checkpoints; null if an older Basin took it in, or if it has no checkpoints. */
  contents: string | null;
  origin: 'trained' | 'imported';
  state: 'ready' | 'training' | 'interrupted' | 'broken';
  missing: number;
  problems: string;
  added_at: number;
}

/** With what a person says of it (run-labels.ts). */
export interface RunRecord extends FolderRecord {
  title: string | null;
  notes: string;
  /** JSON list. */
  tags: string;
  starred: number;
  archived: number;
  /** When it was moved to the trash. */
  trashed_at: number | null;
}

export type RunState = RunRecord['state'];

/** Who found a run, and what state it is in if that is known. */
export interface Source {
  origin: RunRecord['origin'];
  state?: RunState | undefined;
}

export interface CheckpointRecord {
  run_id: string;
  model: number;
  epoch: number;
  file: string;
  bytes: number;
  mtime_ms: number;
  sample: string | null;
  sha256: string | null;
  val_accuracy: number | null;
  missing: number;
  problem: string | null;
}

export function checkpointId(runId: string, epoch: number, model: number): string {
  return `${runId}/e${epoch}m${model}`;
}

export interface CheckpointFacts {
  models: Set<number>;
  epochs: number[];
  count: number;
  /** Accuracies at the last epoch. */
  last: number[];
}

/** One value has no spread. */
function meanAndStd(values: readonly number[]): RunRow['valAccuracy'] {
  if (values.length === 0) return null;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, std: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : null };
}

/** What is read off a run's config: `properties` are its dotted keys. */
export type FromConfig = Pick<RunRow, 'properties' | 'runningStatistics'>;

/** Reading a thousand configs takes longer than all the rest of a list. */
export class ConfigMemo {
  readonly #known = new Map<string, { config: string; read: FromConfig }>();
  /** By the model's section: a thousand runs have few networks. */
  readonly #statistics = new Map<string, boolean>();

  of({ id, config }: RunRecord): FromConfig {
    const known = this.#known.get(id);
    if (known?.config === config) return known.read;
    const parsed = JSON.parse(config) as Record<string, unknown>;
    const read = { properties: flatten(parsed), runningStatistics: this.#keepsStatistics(parsed) };
    this.#known.set(id, { config, read });
    return read;
  }

  #keepsStatistics(config: Record<string, unknown>): boolean {
    const model = JSON.stringify(config['model'] ?? null);
    const known = this.#statistics.get(model) ?? keepsRunningStatistics(config);
    this.#statistics.set(model, known);
    return known;
  }

  /** Forgets the runs that are not among these. */
  keep(runs: readonly { id: string }[]): void {
    const ids = new Set(runs.map(({ id }) => id));
    for (const id of this.#known.keys()) if (!ids.has(id)) this.#known.delete(id);
  }
}

export const labelsOf = (run: RunRecord): RunLabels => ({
  title: run.title,
  notes: run.notes,
  tags: JSON.parse(run.tags) as string[],
  starred: run.starred === 1,
  archived: run.archived === 1,
});

export function rowOf(
  run: RunRecord,
  name: string,
  { properties, runningStatistics }: FromConfig,
  facts: CheckpointFacts | undefined,
  groupIds: string[] = [],
): RunRow {
  return {
    id: run.id,
    name: run.title ?? name,
    path: run.path,
    architecture: run.architecture,
    family: run.family,
    sigmaF: run.sigma_f,
    runningStatistics,
    dataset: run.dataset,
    models: facts?.models.size ?? 0,
    epochs: facts?.epochs ?? [],
    checkpoints: facts?.count ?? 0,
    valAccuracy: meanAndStd(facts?.last ?? []),
    origin: run.origin,
    state: run.missing ? 'missing' : run.state,
    problems: JSON.parse(run.problems) as string[],
    groupIds,
    addedAt: run.added_at,
    properties,
    ...labelsOf(run),
  };
}

export function checkpointRowOf(row: CheckpointRecord, folder: string): CheckpointRow {
  return {
    id: checkpointId(row.run_id, row.epoch, row.model),
    runId: row.run_id,
    model: row.model,
    epoch: row.epoch,
    path: join(folder, row.file),
    bytes: row.bytes,
    sha256: row.sha256,
    valAccuracy: row.val_accuracy,
    state: row.missing ? 'missing' : row.problem === null ? 'ready' : 'broken',
    problem: row.problem,
  };
}
