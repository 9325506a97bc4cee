/** Figures of the documentation that are kept with their recipes. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { drawFigure } from '../../../src-shared/figures/index.ts';

const page = (name: string): string =>
  readFileSync(new URL(`../../../docs/pytorch/${name}`, import.meta.url), 'utf8');

// If drawing changed: npx basin figure docs/pytorch/curves.json --out docs/pytorch/curves.svg --force
it('training curves of exported networks are drawn from their recipe, byte for byte', () => {
  const { svg } = drawFigure(JSON.parse(page('curves.json')));
  expect(page('curves.svg').replace(/^<\?xml[^>]*>\n/, '')).toBe(svg);
});
