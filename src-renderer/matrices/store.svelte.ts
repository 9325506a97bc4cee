/** Matrices fetched from results, the ones looked at last kept while the window is open. */
import { SvelteMap } from 'svelte/reactivity';
import type { ResultRow } from '../../src-shared/api.ts';
import { valueRange } from '../../src-shared/figures/colour.ts';
import { kindsThatAre } from '../../src-shared/jobs/index.ts';
import type { Matrix } from '../../src-shared/matrix.ts';
import { engine } from '../state/engine.svelte.ts';
import { fetchResult } from '../state/results.ts';
import { standings } from '../state/standings.svelte.ts';
import { factsOf } from './run-facts.ts';
import { findMatrices, type MatrixSource, type RunFacts } from './sources.ts';

/** Kinds of job whose results hold matrices. */
export const matrixKinds = kindsThatAre('matrices');

export interface LoadedMatrix {
  matrix: Matrix;
  /** Of its finite entries. */
  range: [number, number] | null;
}

/** A result as the viewer needs it. */
export interface MatrixResult {
  row: ResultRow;
  params: unknown;
  sources: MatrixSource[];
}

const mostBytes = 512 * 2 ** 20;

export const keyOf = (source: MatrixSource): string => `${source.resultId} ${source.ref.$matrix}`;

function factsAt(path: string): RunFacts | undefined {
  const run = engine.runs.find((candidate) => candidate.path === path);
  return run && factsOf(run);
}

class MatrixStore {
  results = $state.raw<ResultRow[]>([]);
  /** `results` are those that the engine has. */
  listed = $state(false);
  /** By `keyOf`. */
  readonly loaded = new SvelteMap<string, LoadedMatrix>();
  readonly #pending = new Map<string, Promise<LoadedMatrix>>();

  async refresh(): Promise<void> {
    const rows = await engine.attempt('results.list', {});
    if (!rows) return;
    this.results = rows.filter((row) => matrixKinds.has(row.kind));
    this.listed = true;
    await standings.check(this.results.map(({ id }) => id));
  }

  async result(resultId: string): Promise<MatrixResult> {
    const { row, params, data } = await fetchResult(resultId);
    return { row, params, sources: findMatrices(resultId, data, params, factsAt) };
  }

  /** Fetches a matrix unless it is there; `loaded` has it then. */
  load(source: MatrixSource): Promise<LoadedMatrix> {
    const key = keyOf(source);
    const known = this.loaded.get(key);
    if (known) return Promise.resolve(known);
    const pending = this.#pending.get(key) ?? this.#fetch(source, key);
    this.#pending.set(key, pending);
    return pending;
  }

  /** Forgets the oldest ones but these, where all together are large. */
  trim(keep: readonly MatrixSource[]): void {
    const kept = keep.map(keyOf);
    let bytes = 0;
    for (const { matrix } of this.loaded.values()) bytes += matrix.data.byteLength;
    for (const [key, { matrix }] of [...this.loaded]) {
      if (bytes <= mostBytes) return;
      if (kept.includes(key)) continue;
      this.loaded.delete(key);
      bytes -= matrix.data.byteLength;
    }
  }

  async #fetch(source: MatrixSource, key: string): Promise<LoadedMatrix> {
    try {
      const name = source.ref.$matrix;
      const matrix = await engine.call('results.matrix', { resultId: source.resultId, name });
      const loaded = { matrix, range: valueRange(matrix.data) };
      this.loaded.set(key, loaded);
      return loaded;
    } finally {
      this.#pending.delete(key);
    }
  }
}

export const matrixStore = new MatrixStore();
