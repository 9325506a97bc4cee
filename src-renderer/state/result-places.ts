import { isJobKind, jobKindNamed } from '../../src-shared/jobs/index.ts';
import type { PlaceId } from './router.svelte.ts';

/**
 * The view that shows the result of a job; matrices that were asked for are shown as such. Undefined: none does. Imported
 * files of matchings come without params: they have no matrices, so their numbers are shown.
 */
export function resultPlace(kind: string, params?: unknown): PlaceId | undefined {
  if (!isJobKind(kind)) return undefined;
  const { place, matrices } = jobKindNamed(kind);
  const asksForMatrices = params !== null && typeof params === 'object' && 'withMatrices' in params;
  if (matrices && asksForMatrices && params.withMatrices === true) return 'matrices';
  return place?.view;
}
