/** Anisotropies against the eigenvalues of S_i - p I itself. */
import { describe, expect, test } from 'vitest';
import { anisotropiesOf } from '../../../src-main/compute/identifiability/anisotropy.ts';
import { GramMatrices } from '../../../src-main/compute/identifiability/gram-matrices.ts';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import { symmetricEigenvalues } from '../../../src-main/compute/linalg/symmetric-eigen.ts';
import { layerCase } from './support.ts';

const [neurons, full] = [7, 40];

function plain(...[space, mask, p]: Parameters<typeof anisotropiesOf>): number[] {
  const k = space.dimension;
  const grams = new GramMatrices(space, mask);
  return Array.from({ length: neurons }, (_, i) => {
    const apart = grams.of(i).slice();
    for (let j = 0; j < k; j++) apart[j * k + j]! -= p;
    return Math.max(...symmetricEigenvalues(apart, k).map(Math.abs));
  });
}

// Few entries free or fixed, as many as dimensions, more.
describe.each([2, 12, 30])('%i dimensions', (dimension) => {
  test.each([0, 0.1, 0.5, 0.9, 1])('a share of %d of the entries is free', async (share) => {
    const { space, stream } = layerCase('w', 3, neurons, full, dimension);
    const mask = Float32Array.from({ length: neurons * full }, () => (stream.uniform() < share ? 1 : 0));
    if (share > 0 && share < 1) {
      mask.fill(0, 0, full); // nothing free
      mask.fill(1, full, 2 * full); // nothing fixed
    }
    const { native } = await loadBackend();
    for (const p of [share, 0.3])
      for (const doubles of [undefined, native?.doubles]) {
        const anisotropies = anisotropiesOf(space, mask, p, doubles);
        const found = [...anisotropies.of(0, 4), ...anisotropies.of(4, neurons)];
        plain(space, mask, p).forEach((norm, i) => {
          expect(found[i]).toBeCloseTo(norm, 12);
        });
      }
  });
});
