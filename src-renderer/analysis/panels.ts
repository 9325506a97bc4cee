/** How wide a figure wants to be. */
import type { FigureRecipe } from '../../src-shared/figures/index.ts';

/** Panels side by side: with more than two a figure needs the whole width of the view. */
export function panelsAcross({ data }: FigureRecipe): number {
  if ('columns' in data && typeof data.columns === 'number' && 'panels' in data) {
    return Math.min(data.columns, data.panels.length);
  }
  if ('panels' in data) return Math.min(data.panels.length, 4);
  if ('rows' in data) return Math.max(...data.rows.map((row) => row.length));
  return 1;
}
