/** A legend in the emptiest place of a panel, if there is one that covers nothing. */
import { frameOf } from './draw.ts';
import type { Layout } from './layout.ts';
import { layoutLegend, type LegendItem } from './legend.ts';
import { emptiest, type Box } from './notes.ts';
import type { Theme } from './theme.ts';

/** Room between the legend and the edge of its ground, in pt. */
export const legendGround = 2;

export interface InsideLegend {
  panel: Layout['panels'][number];
  place: Layout['legend'];
  box: Box;
}

export function placeInside(
  items: readonly LegendItem[],
  theme: Theme,
  panels: Layout['panels'],
): InsideLegend | undefined {
  for (const panel of panels) {
    const layout = layoutLegend(items, theme, panel.width * 0.8, true);
    const size = { width: layout.width + 2 * legendGround, height: layout.height + 2 * legendGround };
    if (size.width > panel.width - 8 || size.height > panel.height - 8) continue;
    const { box, covered } = emptiest(frameOf(panel), panel.spec.marks, size, []);
    if (covered > 0) continue;
    return { panel, box, place: { layout, left: box.left + legendGround, top: box.top + legendGround } };
  }
  return undefined;
}
