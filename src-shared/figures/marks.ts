/** What can be drawn inside a panel, as data; and the range of values each of them covers. */
import type { ColourScale } from './colour.ts';
import type { RichText } from './text.ts';
import type { SeriesStyle } from './theme.ts';

export type Point = readonly [x: number, y: number];

/** A line through points; null, or a coordinate that is not finite, is a gap. */
export interface LineMark {
  kind: 'line';
  series?: string;
  /** Which of the series' curves it is, such as a pair of models. */
  name?: string;
  points: readonly (Point | null)[];
  style: SeriesStyle;
  /** 'thin' for single curves beside a mean. */
  weight?: 'normal' | 'thin';
  opacity?: number;
  /** Markers on the line: none, at most about ten, only at its ends, only where it ends, or at every point. */
  markers?: 'none' | 'some' | 'ends' | 'last' | 'all';
  /** Which of several series with markers this is: staggers them, so that equal curves stay visible. */
  stagger?: number;
}

/** The area between two curves. */
export interface BandMark {
  kind: 'band';
  series?: string;
  points: readonly (readonly [x: number, low: number, high: number])[];
  colour: string;
}

export interface PointsMark {
  kind: 'points';
  series?: string;
  points: readonly Point[];
  style: SeriesStyle;
  /** Factor on the usual marker size. */
  scale?: number;
  opacity?: number;
}

export interface BarsMark {
  kind: 'bars';
  series?: string;
  bars: readonly (readonly [x0: number, x1: number, y0: number, y1: number])[];
  style: SeriesStyle;
  /** 'outline' lets several histograms lie over one another. */
  look: 'filled' | 'outline';
}

export interface BoxSummary {
  low: number;
  q1: number;
  median: number;
  q3: number;
  high: number;
  mean: number;
  outliers: readonly number[];
}

export interface BoxMark {
  kind: 'box';
  series?: string;
  at: number;
  /** In units of the x axis. */
  width: number;
  summary: BoxSummary;
  style: SeriesStyle;
}

/** A matrix as one image. Row 0 lies at `y0`, column 0 at `x0`. */
export interface RasterMark {
  kind: 'raster';
  rows: number;
  columns: number;
  /** Row-major. */
  values: ArrayLike<number>;
  scale: ColourScale;
  extent: { x0: number; x1: number; y0: number; y1: number };
}

/** Filled or stroked rings (contours). */
export interface RingsMark {
  kind: 'rings';
  rings: readonly (readonly Point[])[];
  fill?: string;
  stroke?: string;
}

/** Text in the cells of a matrix; the colour is chosen for contrast with the cell. */
export interface CellsMark {
  kind: 'cells';
  cells: readonly { x: number; y: number; text: string; ink: 'light' | 'dark' }[];
}

/** A line across the whole panel at one value. */
export interface RuleMark {
  kind: 'rule';
  axis: 'x' | 'y';
  value: number;
  label?: RichText;
}

/** Crosses along the lower edge of a panel: here a series has no number. */
export interface MissingMark {
  kind: 'missing';
  series?: string;
  xs: readonly number[];
  colour: string;
  /** From the edge up, so that those of several series stay apart. */
  row: number;
}

/** A few words: in the emptiest corner, or at a point. */
export interface NoteMark {
  kind: 'note';
  text: RichText | readonly RichText[];
  at: 'corner' | Point;
  anchor?: 'start' | 'middle' | 'end';
  /** pt, down. */
  shift?: readonly [dx: number, dy: number];
  colour?: string;
}

export type Mark =
  | LineMark
  | BandMark
  | PointsMark
  | BarsMark
  | BoxMark
  | RasterMark
  | RingsMark
  | CellsMark
  | RuleMark
  | MissingMark
  | NoteMark;

/** Points that stand for a mark's ink: for the axes' ranges and for finding empty corners. */
export function inkPoints(mark: Mark): readonly Point[] {
  switch (mark.kind) {
    case 'line':
      return mark.points.filter((p) => p !== null);
    case 'band':
      return mark.points.flatMap(([x, low, high]): Point[] => [
        [x, low],
        [x, high],
      ]);
    case 'points':
      return mark.points;
    case 'bars':
      return mark.bars.flatMap(([x0, x1, y0, y1]): Point[] => [
        [x0, y0],
        [x1, y1],
        [(x0 + x1) / 2, y1],
      ]);
    case 'box': {
      const { low, q1, median, q3, high, outliers } = mark.summary;
      return [low, q1, median, q3, high, ...outliers].map((y): Point => [mark.at, y]);
    }
    case 'raster':
      return [
        [mark.extent.x0, mark.extent.y0],
        [mark.extent.x1, mark.extent.y1],
      ];
    case 'rings':
      return mark.rings.flat();
    case 'note':
      return mark.at === 'corner' ? [] : [mark.at];
    case 'rule':
    case 'cells':
    case 'missing':
      return [];
  }
}

/** Ends of the values on both axes, and the smallest positive ones (for logarithmic axes). */
export function valuesOn(marks: readonly Mark[]): { x: number[]; y: number[] } {
  const ends = () => ({ low: Infinity, high: -Infinity, positive: Infinity });
  const [x, y] = [ends(), ends()];
  const take = (end: ReturnType<typeof ends>, v: number): void => {
    if (!Number.isFinite(v)) return;
    end.low = Math.min(end.low, v);
    end.high = Math.max(end.high, v);
    if (v > 0) end.positive = Math.min(end.positive, v);
  };
  for (const mark of marks) {
    for (const [px, py] of inkPoints(mark)) {
      take(x, px);
      take(y, py);
    }
    if (mark.kind === 'rule') take(mark.axis === 'x' ? x : y, mark.value);
  }
  const list = (end: ReturnType<typeof ends>): number[] =>
    [end.low, end.high, end.positive].filter((v) => Number.isFinite(v));
  return { x: list(x), y: list(y) };
}
