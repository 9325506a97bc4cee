/** Matrices fetched from results, kept while the window is open. */
import type { ResultRow } from '../../src-shared/api.ts';
import type { Matrix } from '../../src-shared/matrix.ts';
import { engine } from '../state/engine.svelte.ts';
import { findMatrices, type MatrixSource } from './sources.ts';

/** Kinds of job whose results hold matrices. */
export const matrixKinds = [
  'match-activations',
  'realization-cost',
  'realization-cost-ridge',
  'permutation-sensitivity',
];

class MatrixStore {
  results = $state.raw<ResultRow[]>([]);
  readonly #matrices = new Map<string, Promise<Matrix>>();

  async refresh(): Promise<void> {
    const rows = await engine.attempt('results.list', {});
    this.results = (rows ?? []).filter((row) => matrixKinds.includes(row.kind));
  }

  async sources(resultId: string): Promise<MatrixSource[]> {
    const result = await engine.call('results.get', { resultId });
    return findMatrices(resultId, result.data);
  }

  matrix(source: MatrixSource): Promise<Matrix> {
    const key = `${source.resultId} ${source.ref.$matrix}`;
    let matrix = this.#matrices.get(key);
    if (!matrix) {
      matrix = engine.call('results.matrix', { resultId: source.resultId, name: source.ref.$matrix });
      this.#matrices.set(key, matrix);
      matrix.catch(() => this.#matrices.delete(key));
    }
    return matrix;
  }
}

export const matrixStore = new MatrixStore();
