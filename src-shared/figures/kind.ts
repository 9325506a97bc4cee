/** What a kind of figure consists of, and the pieces of data most kinds share. */
import { z } from 'zod';
import {
  figureOptionsSchema,
  type FigureDocument,
  type FigureNotes,
  type FigureOptionsInput,
  type NumberTable,
} from './document.ts';
import { figure, type FigureContent } from './figure.ts';
import type { LegendItem } from './legend.ts';
import type { BandMark, LineMark, Mark } from './marks.ts';
import { coloursOf } from '../series-colours.ts';
import { seriesStyle, type Theme } from './theme.ts';
import type { Viewing } from './viewing.ts';

/** A kind of figure as it is written: what data it takes and what it makes of them. */
export interface KindDefinition<Schema extends z.ZodType> {
  /** For menus. */
  title: string;
  schema: Schema;
  /** Panels, legend, colour bars. */
  content: (data: z.output<Schema>, theme: Theme) => FigureContent;
  /** One or two sentences that say what is drawn: the caption where none is given. */
  describe: (data: z.output<Schema>) => string;
  numbers: (data: z.output<Schema>) => NumberTable;
}

export interface FigureKind<Schema extends z.ZodType> extends KindDefinition<Schema> {
  /** Draws data that may come from anywhere: they are checked first. Throws a ZodError. */
  draw: (
    data: z.input<Schema>,
    options?: FigureOptionsInput,
    notes?: FigureNotes,
    viewing?: Viewing,
  ) => FigureDocument;
}

export function defineFigure<Schema extends z.ZodType>(
  definition: KindDefinition<Schema>,
): FigureKind<Schema> {
  return {
    ...definition,
    draw: (input, options = {}, notes = {}, viewing) => {
      const chosen = figureOptionsSchema.parse(options);
      const data = onChosenScale(definition.schema.parse(input), chosen.y?.scale);
      const caption = notes.caption ?? definition.describe(data);
      const content = (theme: Theme) => definition.content(data, theme);
      return figure(chosen, content, { ...notes, caption }, viewing);
    },
  };
}

/** Kinds with a logarithmic axis of their own leave out what it cannot show; a linear one that is asked for shows it. */
function onChosenScale<Data>(data: Data, scale: 'linear' | 'log' | undefined): Data {
  const has = typeof data === 'object' && data !== null && 'log' in data;
  return has && scale === 'linear' ? { ...data, log: false } : data;
}

type NumberList = readonly (number | null)[] | Float64Array | Float32Array;

const isNumberList = (value: unknown): value is NumberList =>
  value instanceof Float64Array ||
  value instanceof Float32Array ||
  (Array.isArray(value) && value.every((v) => v === null || typeof v === 'number'));

/** Numbers; null (JSON's way to write NaN) and NaN are gaps. */
export const numbersSchema = z
  .custom<NumberList>(isNumberList, 'expected a list of numbers (null for a missing one)')
  .transform((list): number[] => Array.from(list, (v) => v ?? NaN));

export const colourSchema = z.string().regex(/^#[0-9a-f]{6}$/i, 'expected a colour such as #0072B2');
/** Ends of the colours of a matrix, from below up; values beyond take the end colours. */
export const colourRangeSchema = z
  .tuple([z.number(), z.number()])
  .refine(([low, high]) => low < high, 'expected the lower value first');
/** Whether the ends can be shown: a logarithmic scale has none at 0 or below. */
export const fitsScale = (d: { scale: string; range?: readonly [number, number] | undefined }): boolean =>
  d.scale !== 'log' || d.range === undefined || d.range[0] > 0;
export const fitsScaleIssue = {
  message: 'expected a range above 0 for the logarithmic scale',
  path: ['range'],
};
export const labelSchema = z.string().min(1).max(300);
export const bandSchema = z.enum(['range', 'std', 'none']);
export type BandKind = z.output<typeof bandSchema>;

/** How a band is named in captions. */
export const bandNames: Record<BandKind, string> = {
  range: '; band: minimum to maximum',
  std: '; band: ± one standard deviation',
  none: '',
};

export interface Summary {
  mean: number[];
  low: number[];
  high: number[];
  std: number[];
}

/** Point-wise mean, extremes and standard deviation (n - 1) over curves; missing values are left out. */
export function summarise(curves: readonly (readonly number[])[]): Summary {
  const length = Math.max(0, ...curves.map((c) => c.length));
  const columns = Array.from({ length }, (_, i) => curves.map((c) => c[i] ?? NaN).filter(Number.isFinite));
  const mean = columns.map((c) => c.reduce((a, b) => a + b, 0) / c.length);
  return {
    mean,
    low: columns.map((c) => (c.length === 0 ? NaN : Math.min(...c))),
    high: columns.map((c) => (c.length === 0 ? NaN : Math.max(...c))),
    std: columns.map((c, i) =>
      c.length < 2 ? 0 : Math.sqrt(c.reduce((a, v) => a + (v - mean[i]!) ** 2, 0) / (c.length - 1)),
    ),
  };
}

/** Series of a figure in order of first appearance: the same label is the same series in every panel. */
export class SeriesList {
  readonly #index = new Map<string, number>();
  readonly #colours = new Map<string, string>();
  readonly #theme: Theme;

  constructor(theme: Theme, series: Iterable<{ label: string; colour?: string | undefined }>) {
    this.#theme = theme;
    const own = new Map<string, string | undefined>();
    for (const { label, colour } of series) own.set(label, own.get(label) ?? colour);
    const labels = [...own].map(([label, colour]) => ({ label, colour }));
    for (const [i, colour] of coloursOf(labels).entries()) {
      this.#index.set(labels[i]!.label, i);
      this.#colours.set(labels[i]!.label, colour);
    }
  }

  index(label: string): number {
    return this.#index.get(label) ?? 0;
  }

  style(label: string) {
    return seriesStyle(this.#theme, this.index(label), this.#colours.get(label));
  }

  legend(look: LegendItem['look'], band = false): LegendItem[] {
    // A single unnamed choice of colour explains nothing, but its name belongs into the file all the same.
    return [...this.#index.keys()].map((label) => ({
      id: label,
      label,
      style: this.style(label),
      look,
      band,
    }));
  }
}

export interface CurveFamily {
  label: string;
  x: readonly number[];
  curves: readonly (readonly number[])[];
  /** Of the curves, in their order. */
  names?: readonly string[];
}

/** Mean line with its band, or the single curves, or both: the marks of one series. */
export function familyMarks(
  family: CurveFamily,
  series: SeriesList,
  look: { band: BandKind; draw: 'mean' | 'single' | 'both'; markers?: LineMark['markers'] },
): Mark[] {
  const style = series.style(family.label);
  const { mean, low, high, std } = summarise(family.curves);
  const at = (ys: readonly number[]) => family.x.map((x, i) => [x, ys[i] ?? NaN] as const);
  const singles = family.curves.map((ys, k): LineMark => ({
    kind: 'line',
    series: family.label,
    name: family.names?.[k] ?? String(k + 1),
    points: at(ys),
    style,
    weight: 'thin',
    opacity: 0.55,
  }));
  const showBand = look.band !== 'none' && look.draw === 'mean' && family.curves.length > 1;
  const band: BandMark = {
    kind: 'band',
    series: family.label,
    colour: style.colour,
    points: family.x.map((x, i) => {
      const spread = std[i] ?? NaN;
      const centre = mean[i] ?? NaN;
      return look.band === 'std'
        ? ([x, centre - spread, centre + spread] as const)
        : ([x, low[i] ?? NaN, high[i] ?? NaN] as const);
    }),
  };
  const line: LineMark = {
    kind: 'line',
    series: family.label,
    points: at(mean),
    style,
    markers: look.markers ?? 'none',
    stagger: series.index(family.label),
  };
  return [
    ...(showBand ? [band] : []),
    ...(look.draw === 'mean' ? [] : singles),
    ...(look.draw === 'single' ? [] : [line]),
  ];
}

/** Whether any series shows a band: the legend then shows one too. */
export const showsBand = (
  families: readonly { curves: readonly unknown[] }[],
  look: { band: BandKind; draw?: 'mean' | 'single' | 'both' },
): boolean =>
  look.band !== 'none' && (look.draw ?? 'mean') === 'mean' && families.some((f) => f.curves.length > 1);

/** Panels row by row; without a number of columns as many side by side as look well, at most four. */
export function inRows<T>(panels: readonly T[], columns?: number): T[][] {
  const perRow = columns ?? Math.ceil(panels.length / Math.ceil(panels.length / 4));
  return Array.from({ length: Math.ceil(panels.length / perRow) }, (_, r) =>
    panels.slice(r * perRow, (r + 1) * perRow),
  );
}

/** Bands first, then lines: no band hides another series' line. */
export function inOrder(marks: readonly Mark[]): Mark[] {
  const rank = (mark: Mark): number =>
    mark.kind === 'rule'
      ? 0
      : mark.kind === 'band'
        ? 1
        : mark.kind === 'line' && mark.weight === 'thin'
          ? 2
          : 3;
  return [...marks].sort((a, b) => rank(a) - rank(b));
}

/** A number for a table; JSON and CSV know no NaN. */
export const cell = (value: number | undefined): number | null =>
  value === undefined || !Number.isFinite(value) ? null : value;
