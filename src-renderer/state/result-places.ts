import type { ResultRow } from '../../src-shared/api.ts';
import type { PlaceId } from './router.svelte.ts';

const placeOfKind: Record<string, PlaceId> = {
  train: 'catalog',
  import: 'catalog',
  interpolate: 'interpolation',
  'match-activations': 'matrices',
  'match-weights': 'matrices',
  'linear-components': 'symmetry',
  'skip-connections': 'symmetry',
  'symmetry-curve': 'symmetry',
  'rescaling-barrier': 'symmetry',
  'detect-symmetry': 'symmetry',
  'weight-decay-study': 'symmetry',
  'curvature-bound': 'symmetry',
};

/** The view that shows the result of this kind of job. */
export function resultPlace(kind: string): PlaceId {
  return placeOfKind[kind] ?? 'identifiability';
}

/** Where an imported result is shown: files of matchings have no matrices, so their numbers are shown instead. */
export function importedPlace({ kind }: Pick<ResultRow, 'kind'>): PlaceId {
  return kind === 'match-activations' ? 'identifiability' : resultPlace(kind);
}
