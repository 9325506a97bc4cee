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
