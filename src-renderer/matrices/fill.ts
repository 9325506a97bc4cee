/** A result as the engine sends it keeps its matrices apart; this puts them back in their places. */
import { matrixRefSchema } from '../../src-shared/api.ts';
import { engine } from '../state/engine.svelte.ts';

export async function withMatrices(resultId: string, value: unknown): Promise<unknown> {
  if (Array.isArray(value)) return Promise.all(value.map((item) => withMatrices(resultId, item)));
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value)) return value;
  if ('$matrix' in value) {
    return engine.call('results.matrix', { resultId, name: matrixRefSchema.parse(value).$matrix });
  }
  const entries = Object.entries(value).map(
    async ([key, item]) => [key, await withMatrices(resultId, item)] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}
