/** A result as the engine sends it keeps its matrices apart; this puts them back in their places. */
import { matrixRefSchema } from '../../src-shared/api.ts';
import { matrix } from '../../src-shared/matrix.ts';
import { drawnOf } from '../../src-shared/presentations/index.ts';
import { engine } from '../state/engine.svelte.ts';

/** 200 MB of float64: more would make the window slow, and no figure can show them. */
const mostEntries = 25e6;

export interface Filled {
  data: unknown;
  /** What is not there, in words; null where all is. */
  left: string | null;
}

/** Of a result about many checkpoints whose matrices are too many, only those come that figures are drawn of. */
export async function withMatrices(resultId: string, data: unknown): Promise<Filled> {
  if (!Array.isArray(data) || entriesIn(data) <= mostEntries)
    return { data: await fill(resultId, data, true), left: null };
  const wanted = new Set(drawnOf(data));
  const rows = await Promise.all(data.map((row) => fill(resultId, row, wanted.has(row))));
  return {
    data: rows,
    left: `${data.length} checkpoints have too many matrices to load at once: means and shares of costs cover ${wanted.size} of them.`,
  };
}

/** Numbers in all matrices of a result as the engine sends it. */
export function entriesIn(value: unknown): number {
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value)) return 0;
  if ('$matrix' in value) {
    const { rows, columns } = matrixRefSchema.parse(value);
    return rows * columns;
  }
  return Object.values(value).reduce<number>((sum, item) => sum + entriesIn(item), 0);
}

async function fill(resultId: string, value: unknown, load: boolean): Promise<unknown> {
  if (Array.isArray(value)) return Promise.all(value.map((item) => fill(resultId, item, load)));
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value)) return value;
  if ('$matrix' in value) {
    if (!load) return matrix(0, 0, new Float64Array());
    return engine.call('results.matrix', { resultId, name: matrixRefSchema.parse(value).$matrix });
  }
  const entries = Object.entries(value).map(
    async ([key, item]) => [key, await fill(resultId, item, load)] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}
