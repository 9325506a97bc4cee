/** How a figure is looked at on the screen: a part of its panels, without some of its series. No recipe holds it. */
import type { FigureSpec, PanelSpec } from './layout.ts';
import type { AxisSpec } from './axis.ts';
import type { Mark } from './marks.ts';

export interface Zoom {
  /** Row by row, from 0. */
  panel: number;
  /** From the low to the high end; null: all of it. */
  x: readonly [number, number] | null;
  y: readonly [number, number] | null;
}

export interface Viewing {
  /** The last one counts where panels share an axis. */
  zooms: readonly Zoom[];
  /** Ids of series that are not drawn; the legend keeps them, pale. */
  hidden: readonly string[];
}

type Content = Pick<FigureSpec, 'rows' | 'legend' | 'shareX' | 'shareY'>;

/** The axis of a part: with ticks of its own if those of the whole are too few there. */
function partOf(spec: AxisSpec, range: readonly [number, number]): AxisSpec {
  const { ticks, tickLabels, ...rest } = spec;
  const inside = (ticks ?? []).filter((tick) => tick >= range[0] && tick <= range[1]);
  const kept = ticks && inside.length >= 2 ? { ticks, ...(tickLabels && { tickLabels }) } : {};
  return { ...rest, ...kept, domain: range, cut: true };
}

const isInside = (mark: Mark, x: readonly [number, number] | null, y: readonly [number, number] | null) => {
  const within = (value: number, range: typeof x) =>
    range === null || (value >= range[0] && value <= range[1]);
  if (mark.kind === 'rule') return within(mark.value, mark.axis === 'x' ? x : y);
  if (mark.kind === 'note' && mark.at !== 'corner') return within(mark.at[0], x) && within(mark.at[1], y);
  return true;
};

function zoomed(panel: PanelSpec, x: Zoom['x'], y: Zoom['y']): PanelSpec {
  if (x === null && y === null) return panel;
  return {
    ...panel,
    ...(x && { x: partOf(panel.x, x) }),
    ...(y && { y: partOf(panel.y, y) }),
    marks: panel.marks.filter((mark) => isInside(mark, x, y)),
  };
}

export function viewed<C extends Content>(content: C, { zooms, hidden }: Viewing): C {
  let index = 0;
  const rows = content.rows.map((row, r) =>
    row.map((panel) => {
      const own = index++;
      const rowOf = (one: number): number => {
        let count = 0;
        return content.rows.findIndex((each) => (count += each.length) > one);
      };
      const x = zooms.findLast((zoom) => content.shareX === true || zoom.panel === own)?.x ?? null;
      const sharesY = (one: number): boolean =>
        content.shareY === 'all' || (content.shareY === 'row' && rowOf(one) === r) || one === own;
      const y = zooms.findLast((zoom) => sharesY(zoom.panel))?.y ?? null;
      const marks = panel.marks.filter(
        (mark) => !('series' in mark) || mark.series === undefined || !hidden.includes(mark.series),
      );
      return zoomed({ ...panel, marks }, x, y);
    }),
  );
  const legend = content.legend?.map((item) => (hidden.includes(item.id) ? { ...item, off: true } : item));
  return { ...content, rows, ...(legend && { legend }) };
}
