import type { ResultRow } from '../../src-shared/api.ts';
import type { PlaceId } from './router.svelte.ts';

const placeOfKind: Record<string, PlaceId> = {
  train: 'catalog',
  import: 'catalog',
  interpolate: 'interpolation',
  'linear-components': 'symmetry',
  'skip-connections': 'symmetry',
  'symmetry-curve': 'symmetry',
  'rescaling-barrier': 'symmetry',
  'detect-symmetry': 'symmetry',
  'weight-decay-study': 'symmetry',
  'curvature-bound': 'symmetry',
};

/** The view that shows the result of a job; matchings are shown as matrices where these were asked for. */
export function resultPlace(kind: string, params?: unknown): PlaceId {
  const wantsMatrices = params !== null && typeof params === 'object' && 'withMatrices' in params;
  if (kind === 'match-activations' && wantsMatrices && params.withMatrices === true) return 'matrices';
  return placeOfKind[kind] ?? 'identifiability';
}

/** Where an imported result is shown: files of matchings have no matrices, so their numbers are shown instead. */
export function importedPlace({ kind }: Pick<ResultRow, 'kind'>): PlaceId {
  return resultPlace(kind);
}
