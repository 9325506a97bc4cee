/** Where the app shows a result follows from what its kind declares. */
import { expect, it } from 'vitest';
import { resultPlace } from '../../../src-renderer/state/result-places.ts';

it.each([
  ['train', 'catalog'],
  ['merge', 'catalog'],
  ['interpolate', 'interpolation'],
  ['symmetry-curve', 'symmetry'],
  ['similarity', 'identifiability'],
  ['match-activations', 'identifiability'],
])('%s: %s', (kind, place) => {
  expect(resultPlace(kind)).toBe(place);
});

it('matrices that were asked for are shown as matrices', () => {
  expect(resultPlace('match-activations', { withMatrices: true })).toBe('matrices');
  expect(resultPlace('match-activations', { withMatrices: false })).toBe('identifiability');
  expect(resultPlace('similarity', { withMatrices: true })).toBe('identifiability');
});

it('reports, and kinds of an older Basin, have no view to open', () => {
  for (const kind of ['hash', 'diagnose', 'export-checkpoints', 'of-an-older-basin'])
    expect(resultPlace(kind)).toBeUndefined();
});
