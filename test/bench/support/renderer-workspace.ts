/** A workspace with as much in it as years of work leave: many runs, matrices of wide layers, a figure of many curves. */
import { join } from 'node:path';
import type { FigureRecipe } from '../../../src-shared/figures/index.ts';
import { matrix, type Matrix } from '../../../src-shared/matrix.ts';
import { openEngine } from '../../../src-main/engine/index.ts';
import { ResultStore } from '../../../src-main/engine/results.ts';
import { openDatabase } from '../../../src-main/engine/store/database.ts';
import { createWorkspace } from '../../../src-main/engine/store/workspace.ts';
import { makeManyRuns } from '../../engine/support/make-runs.ts';

export interface Filled {
  /** Result with one n x n similarity matrix, by n. */
  results: Record<number, string>;
}

/** Values in [-1, 1] with structure at several scales, as similarities have; cheap, and the same on every machine. */
function similarity(n: number): Matrix {
  const data = new Float64Array(n * n);
  let state = 7;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      const band = i === j ? 0.5 : 0.3 * Math.cos((i - j) / 90);
      data[i * n + j] = band + 0.5 * (state / 2 ** 32) - 0.25;
    }
  }
  return matrix(n, n, data);
}

/** 200 pairs of two families, 25 points each. */
function manyCurves(): FigureRecipe<'interpolation'> & { options: Record<string, unknown> } {
  const lambdas = Array.from({ length: 25 }, (_, i) => i / 24);
  const series = (label: string, depth: number) => ({
    label,
    lambdas,
    curves: Array.from({ length: 100 }, (_, pair) => ({
      pair: `pair ${pair + 1}`,
      values: lambdas.map((l) => 94 - depth * (1 + Math.sin(pair) / 3) * Math.exp(-((l - 0.5) ** 2) / 0.03)),
    })),
  });
  return {
    kind: 'interpolation',
    data: {
      metric: 'accuracy',
      split: 'test',
      draw: 'both',
      panels: [{ title: '200 pairs', series: [series('standard', 40), series('W-asymmetric', 3)] }],
    },
    options: {},
  };
}

/** Fills an empty folder through the engine and its stores. */
export async function fillWorkspace(root: string, runs: number, sizes: readonly number[]): Promise<Filled> {
  const folder = join(root, 'runs-made');
  const workspace = join(root, 'workspace');
  makeManyRuns(folder, runs, 2, [0, 1, 2, 5, 10]);
  const engine = await openEngine({ workspace, queue: 'own' });
  const job = await engine.call('jobs.submit', { kind: 'import', params: { paths: [folder] } });
  const ended = await engine.wait(job.id);
  if (ended.resultId === null) throw new Error(ended.error ?? 'the import gave no result');
  // The checkpoints' hashes are computed in the background; a window at work is measured, not a first import.
  for (const other of await engine.call('jobs.list', {})) await engine.wait(other.id);
  await engine.call('figures.save', { title: '200 curves', resultIds: [], recipe: manyCurves() });
  await engine.close();

  const place = createWorkspace(workspace);
  const db = openDatabase(place.database);
  const store = new ResultStore(db, place);
  const results: Record<number, string> = {};
  for (const n of sizes) {
    const file = store.write({
      kind: 'match-activations',
      version: 1,
      title: `${n} neurons`,
      jobId: null,
      origin: 'computed',
      cacheKey: null,
      runIds: [],
      params: {},
      provenance: { basinVersion: 'bench' },
      data: { rows: [{ matching_results: [{ layer: 'lins.0', similarity: similarity(n) }] }] },
    });
    results[n] = store.register(file).id;
  }
  db.close();
  return { results };
}
