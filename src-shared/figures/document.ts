/** What a figure is before it is drawn (a recipe) and after (a document). */
import { z } from 'zod';
import type { Provenance } from '../provenance.ts';
import type { LegendPlace } from './legend.ts';
import type { PlacedText } from './sheet.ts';
import { sizeSchema } from './size.ts';
import { axisStyleSchema } from './style.ts';
import { themeNames } from './theme.ts';

export const legendPlaces = ['bottom', 'top', 'right', 'inside', 'none'] as const;

/** Options every kind of figure takes. All sizes are true physical sizes. */
export const figureOptionsSchema = z.strictObject({
  theme: z.enum(themeNames).default('paper'),
  /**
   * A preset or a width in a unit; without height the figure keeps its kind's proportion. Left out: one column for a
   * single panel, two for several.
   */
  size: sizeSchema.optional(),
  /** Size of axis labels in pt; the other texts keep their proportion to it. */
  fontSize: z.number().min(3).max(48).optional(),
  /** `inside`: in an empty place of a panel, below if there is none. */
  legend: z.enum(legendPlaces).default('bottom'),
  /** Range, scale and label of the axes. */
  x: axisStyleSchema.optional(),
  y: axisStyleSchema.optional(),
  /** Heading above all panels. */
  title: z.string().max(500).optional(),
  /** Draw the caption and the provenance line under the figure, not only into the file's metadata. */
  captionBelow: z.boolean().default(false),
  background: z.enum(['theme', 'none']).default('theme'),
  /** Mark panels with (a), (b) ... */
  letters: z.boolean().default(false),
});

export type FigureOptions = z.output<typeof figureOptionsSchema>;
export type FigureOptionsInput = z.input<typeof figureOptionsSchema>;

/** An axis of a drawn panel: enough to turn a pointer's place into a value. */
export interface AxisGeometry {
  label: string;
  scale: 'linear' | 'log' | 'category';
  /** Values at the left (bottom) and right (top) end. */
  from: number;
  to: number;
  /** Its tick labels that are shown. */
  ticks: readonly string[];
}

/** A curve as it can be read off. */
export interface CurveGeometry {
  series: string;
  /** Which of the series' curves, such as a pair of models; absent: their mean, or the only one. */
  name: string | undefined;
  colour: string;
  points: readonly (readonly [number, number] | null)[];
}

/** Where a panel's plotting area lies, in pt from the figure's top left corner. */
export interface PanelGeometry {
  title: string;
  row: number;
  column: number;
  left: number;
  top: number;
  width: number;
  height: number;
  x: AxisGeometry;
  y: AxisGeometry;
  /** What is drawn of it, in the order of drawing. */
  curves: readonly CurveGeometry[];
  bands: readonly { series: string; points: readonly (readonly [number, number, number])[] }[];
  /** One unit is as long on both axes, or its cells are squares. */
  equal: boolean;
}

/** A series as the legend shows it; `id` is the `data-series` of its marks in the SVG. */
export interface SeriesInfo {
  id: string;
  label: string;
  colour: string;
}

export interface FigureDocument {
  svg: string;
  /** pt */
  width: number;
  height: number;
  title: string;
  caption: string | undefined;
  provenance: Provenance | undefined;
  panels: readonly PanelGeometry[];
  series: readonly SeriesInfo[];
  /** Where the legend lies, in pt; null if there is none. */
  legend: { left: number; top: number; width: number; height: number } | null;
  /** Where its items lie. */
  legendItems: readonly LegendPlace[];
  /** Every text with its place: for overlays, and for checking that none collide. */
  texts: readonly PlacedText[];
}

/** What is told of a figure besides its data: goes into the file's metadata, and below it when asked for. */
export interface FigureNotes {
  caption?: string | undefined;
  provenance?: Provenance | undefined;
}

/** The numbers behind a figure as one table, for CSV and JSON. */
export interface NumberTable {
  columns: readonly string[];
  rows: readonly (readonly (string | number | null)[])[];
}
