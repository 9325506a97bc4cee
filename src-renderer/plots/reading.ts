/** What a panel shows at one place of its horizontal axis. */
import type { PanelGeometry } from '../../src-shared/figures/index.ts';
import { shareOf } from './viewport.ts';

export interface ReadRow {
  series: string;
  /** Which of the series' curves; absent: their mean, or the only one. */
  name: string | undefined;
  colour: string;
  value: number;
  /** Lowest and highest of the series' curves there, or whatever its band shows. */
  band: readonly [number, number] | undefined;
}

export interface Reading {
  x: number;
  rows: ReadRow[];
  /** Of the rows: the curve nearest to the pointer; -1 without one. */
  nearest: number;
}

const inside = (axis: PanelGeometry['x'], value: number): boolean => {
  const share = shareOf(axis, value);
  return share >= -1e-9 && share <= 1 + 1e-9;
};

/** Every place of the axis that a curve has a point at, from left to right. */
export function stopsOf({ curves, x }: PanelGeometry): number[] {
  const all = curves.flatMap(({ points }) =>
    points.flatMap((point) =>
      point && point.every(Number.isFinite) && inside(x, point[0]) ? [point[0]] : [],
    ),
  );
  return [...new Set(all)].sort((a, b) => shareOf(x, a) - shareOf(x, b));
}

/** @param at shares of both axes; without the second no curve is nearest. Null where there are no curves. */
export function readingAt(panel: PanelGeometry, at: readonly [number, number | null]): Reading | null {
  const stops = stopsOf(panel);
  if (stops.length === 0) return null;
  const distance = (stop: number): number => Math.abs(shareOf(panel.x, stop) - at[0]);
  const x = stops.reduce((best, stop) => (distance(stop) < distance(best) ? stop : best));
  const rows = panel.curves.flatMap(({ series, name, colour, points }): ReadRow[] => {
    const value = points.find((point) => point?.[0] === x)?.[1];
    if (value === undefined || !Number.isFinite(value)) return [];
    const band =
      name === undefined
        ? panel.bands.find((each) => each.series === series)?.points.find((point) => point[0] === x)
        : undefined;
    const hasBand = band !== undefined && Number.isFinite(band[1]) && band[2] > band[1];
    return [{ series, name, colour, value, band: hasBand ? [band[1], band[2]] : undefined }];
  });
  const gaps = rows.map(({ value }) => Math.abs(shareOf(panel.y, value) - (at[1] ?? NaN)));
  const nearest = gaps.findIndex((gap) => gap === Math.min(...gaps));
  return { x, rows, nearest };
}
