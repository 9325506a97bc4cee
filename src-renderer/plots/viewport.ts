/** Parts of a panel: zoomed about a place, moved, or cut out by a box. */
import type { PanelGeometry, Zoom } from '../../src-shared/figures/index.ts';

type Axis = PanelGeometry['x'];
type Range = readonly [number, number];

/** The value at a share of the axis' length, from its start (left, or below). */
export function valueAt(axis: Axis, share: number): number {
  if (axis.scale !== 'log') return axis.from + share * (axis.to - axis.from);
  return axis.from * (axis.to / axis.from) ** share;
}

export function shareOf(axis: Axis, value: number): number {
  if (axis.scale !== 'log') return (value - axis.from) / (axis.to - axis.from);
  return Math.log(value / axis.from) / Math.log(axis.to / axis.from);
}

/** Closer than this share of the whole nothing can be told apart. */
const closest = 1e-5;

/** From one share of the axis to another; inside of the whole, and null if that is all of it. */
function part(axis: Axis, whole: Axis, [start, end]: Range): Range | null {
  if (axis.scale === 'category') return null;
  let [low, high] = [shareOf(whole, valueAt(axis, start)), shareOf(whole, valueAt(axis, end))];
  const length = Math.max(high - low, closest);
  if (length >= 1 - 1e-9) return null;
  low = Math.max(0, Math.min(1 - length, low));
  high = low + length;
  const ends = [valueAt(whole, low), valueAt(whole, high)] as const;
  return ends[0] <= ends[1] ? ends : [ends[1], ends[0]];
}

/** What is shown, and all there is. */
export interface Place {
  index: number;
  panel: PanelGeometry;
  whole: PanelGeometry;
}

const zoomOf = ({ index, panel, whole }: Place, x: Range, y: Range): Zoom => ({
  panel: index,
  x: part(panel.x, whole.x, x),
  y: part(panel.y, whole.y, y),
});

/** @param at shares of both axes that stay where they are; a factor above 1 enlarges */
export function zoomAbout(place: Place, at: Range, factor: number): Zoom {
  const around = (share: number): Range => [share - share / factor, share + (1 - share) / factor];
  return zoomOf(place, around(at[0]), around(at[1]));
}

/** @param by shares of both axes that what is shown moves by, to the right and up */
export const panned = (place: Place, [right, up]: Range): Zoom =>
  zoomOf(place, [-right, 1 - right], [-up, 1 - up]);

/** A box in shares of both axes. Thin ones zoom along one axis only; equal units stay equal. */
export function boxed(place: Place, from: Range, to: Range, thin: Range): Zoom | null {
  const sides = ([0, 1] as const).map((k): Range => [Math.min(from[k], to[k]), Math.max(from[k], to[k])]);
  const [x, y] = sides as [Range, Range];
  const isThin = ([start, end]: Range, k: 0 | 1): boolean => end - start < thin[k];
  if (isThin(x, 0) && isThin(y, 1)) return null;
  if (place.panel.equal) {
    const half = Math.max(x[1] - x[0], y[1] - y[0]) / 2;
    const around = ([start, end]: Range): Range => [(start + end) / 2 - half, (start + end) / 2 + half];
    return zoomOf(place, around(x), around(y));
  }
  return zoomOf(place, isThin(x, 0) ? [0, 1] : x, isThin(y, 1) ? [0, 1] : y);
}

/** The zooms with this one as the last; none if all panels are shown whole then. */
export function withZoom(zooms: readonly Zoom[], zoom: Zoom): Zoom[] {
  const others = zooms.filter(({ panel }) => panel !== zoom.panel);
  const all = [...others, zoom];
  return all.some(({ x, y }) => x !== null || y !== null) ? all : [];
}
