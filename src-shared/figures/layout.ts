/** Where everything goes: margins from the texts that need them, the rest for the panels. */
import { UserError } from '../errors.ts';
import {
  axisDomain,
  heightBelow,
  horizontalAxis,
  overhang,
  verticalAxis,
  widthLeft,
  type Axis,
  type AxisSpec,
  type Tick,
} from './axis.ts';
import type { ColourScale } from './colour.ts';
import { layoutLegend, type LegendItem, type LegendLayout } from './legend.ts';
import { valuesOn, type Mark } from './marks.ts';
import { barTicks } from './raster.ts';
import { lineHeight, plainText, wrapText, type Font, type RichText } from './text.ts';
import type { Theme } from './theme.ts';

export interface PanelSpec {
  title?: RichText;
  x: AxisSpec;
  y: AxisSpec;
  marks: readonly Mark[];
  /** Draw a full frame (matrices, planes) and no grid. */
  framed?: boolean;
}

export interface ColourBar {
  scale: ColourScale;
  label: RichText;
}

export interface FigureSpec {
  theme: Theme;
  /** pt; without height it follows from `aspect`. */
  width: number;
  height: number | undefined;
  rows: readonly (readonly PanelSpec[])[];
  /** The rows mean nothing: where the width asks for it, panels go into other ones. */
  flow?: boolean;
  /** Height over width of a panel. */
  aspect: number;
  /** Keep the aspect even where a height is given (matrices). */
  fixedAspect?: boolean;
  shareX?: boolean;
  /** One y range for all panels, or for each row. */
  shareY?: 'all' | 'row';
  legend?: readonly LegendItem[];
  legendAt: 'bottom' | 'top' | 'right';
  /** One per row of panels, or a single one for all rows. */
  colourBars?: readonly ColourBar[];
  title?: string;
  /** Lines under the figure. */
  below?: readonly string[];
}

export interface PlacedPanel {
  spec: PanelSpec;
  row: number;
  column: number;
  left: number;
  top: number;
  width: number;
  height: number;
  x: Axis;
  y: Axis;
  show: Shown;
  titleLines: readonly RichText[];
}

export interface Shown {
  xTicks: boolean;
  xLabel: boolean;
  yTicks: boolean;
  yLabel: boolean;
}

export interface PlacedBar {
  bar: ColourBar;
  left: number;
  top: number;
  width: number;
  height: number;
  ticks: readonly Tick[];
  labelLines: readonly RichText[];
}

export interface Layout {
  width: number;
  height: number;
  panels: readonly PlacedPanel[];
  bars: readonly PlacedBar[];
  legend: { layout: LegendLayout; left: number; top: number };
  titleLines: readonly RichText[];
  titleTop: number;
  below: { lines: readonly RichText[]; top: number };
}

const pad = 3;
const columnGap = 9;
const rowGap = 7;
const barShape = { gap: 6, width: 7 };
const smallest = 14;

export const fontsOf = (theme: Theme) => ({
  title: { family: theme.family, size: theme.size.title, bold: theme.titleBold } satisfies Font,
  label: { family: theme.family, size: theme.size.label } satisfies Font,
  tick: { family: theme.family, size: theme.size.tick } satisfies Font,
  note: { family: theme.family, size: theme.size.note } satisfies Font,
});

interface Domains {
  x: [number, number];
  y: [number, number];
}

function domains(spec: FigureSpec): Domains[][] {
  const values = spec.rows.map((row) => row.map((panel) => valuesOn(panel.marks)));
  const all = values.flat();
  return spec.rows.map((row, r) =>
    row.map((panel, c): Domains => {
      const own = values[r]![c]!;
      const sharedY = spec.shareY === 'all' ? all : spec.shareY === 'row' ? values[r]! : [own];
      const xs = spec.shareX === true ? all.flatMap((v) => v.x) : own.x;
      return {
        x: axisDomain(panel.x, xs, panel.framed === true ? 0 : 0.02),
        y: axisDomain(
          panel.y,
          sharedY.flatMap((v) => v.y),
          panel.framed === true ? 0 : 0.06,
        ),
      };
    }),
  );
}

/** Inner panels of a shared axis go without its labels. */
function shownParts(spec: FigureSpec, r: number, c: number): Shown {
  const panel = spec.rows[r]![c]!;
  const leftNeighbour = spec.rows[r]![c - 1];
  const below = spec.rows[r + 1]?.[c];
  const sameText = (a: AxisSpec, b: AxisSpec): boolean => plainText(a.label) === plainText(b.label);
  const yShared = leftNeighbour !== undefined && spec.shareY !== undefined;
  const xShared = below !== undefined && spec.shareX === true;
  return {
    yTicks: !yShared,
    yLabel: leftNeighbour === undefined || !sameText(leftNeighbour.y, panel.y),
    xTicks: !xShared,
    xLabel: below === undefined || !sameText(below.x, panel.x),
  };
}

interface Margins {
  left: number[];
  right: number[];
  top: number[];
  bottom: number[];
  bar: number;
}

interface Measured {
  axes: { x: Axis; y: Axis; titleLines: readonly RichText[] }[][];
  bars: { ticks: Tick[]; labelLines: readonly RichText[] }[];
  margins: Margins;
}

/** Axes and the margins they need, for panels of `width` x `height` pt. */
function measure(spec: FigureSpec, ranges: Domains[][], width: number, height: number): Measured {
  const { theme } = spec;
  const fonts = fontsOf(theme);
  const columns = Math.max(...spec.rows.map((row) => row.length));
  const margins: Margins = {
    left: Array<number>(columns).fill(0),
    right: Array<number>(columns).fill(0),
    top: spec.rows.map(() => 0),
    bottom: spec.rows.map(() => 0),
    bar: 0,
  };
  const grow = (list: number[], i: number, value: number): void => {
    list[i] = Math.max(list[i] ?? 0, value);
  };
  const axes = spec.rows.map((row, r) =>
    row.map((panel, c) => {
      const show = shownParts(spec, r, c);
      const range = ranges[r]![c]!;
      const x = horizontalAxis(panel.x, range.x, width, theme);
      const y = verticalAxis(panel.y, range.y, height, theme);
      const over = overhang(x, theme);
      const titleLines = panel.title === undefined ? [] : wrapText(panel.title, fonts.title, width);
      const between = c > 0 && show.yTicks ? columnGap : 0;
      const labels = widthLeft(y, theme, show.yTicks, show.yLabel) + between;
      grow(margins.left, c, Math.max(labels, show.xTicks ? over.left : 0));
      grow(margins.right, c, show.xTicks ? over.right : 0);
      grow(margins.bottom, r, heightBelow(x, theme, show.xTicks, show.xLabel));
      const heading = titleLines.length * lineHeight(fonts.title) + (titleLines.length > 0 ? 3 : 0);
      grow(margins.top, r, Math.max(heading, theme.size.tick * 0.7));
      return { x, y, titleLines };
    }),
  );
  const span = spec.colourBars?.length === 1 ? spec.rows.length * height : height;
  const bars = (spec.colourBars ?? []).map(({ scale, label }) => ({
    ticks: barTicks(scale, span, theme),
    labelLines: wrapText(label, fonts.label, Math.max(span, fonts.label.size * 4)),
  }));
  for (const { ticks, labelLines } of bars) {
    const ticksWidth = Math.max(0, ...ticks.map((t) => t.width));
    const needed =
      barShape.gap + barShape.width + 4 + ticksWidth + 3 + labelLines.length * lineHeight(fonts.label);
    margins.bar = Math.max(margins.bar, needed);
  }
  return { axes, bars, margins };
}

const sum = (values: readonly number[]): number => values.reduce((total, v) => total + v, 0);

/** What lies around the panels: heading, legend, lines below; with the room each takes. */
interface Surroundings {
  titleLines: readonly RichText[];
  titleHeight: number;
  belowLines: readonly RichText[];
  belowHeight: number;
  legend: LegendLayout;
  legendAt: 'bottom' | 'top' | 'right';
  legendHeight: number;
  legendWidth: number;
}

function surroundings(spec: FigureSpec): Surroundings {
  const { theme } = spec;
  const fonts = fontsOf(theme);
  const inner = spec.width - 2 * pad;
  const titleLines = spec.title === undefined ? [] : wrapText(spec.title, fonts.title, inner);
  const titleHeight = titleLines.length > 0 ? titleLines.length * lineHeight(fonts.title) + 4 : 0;
  const belowLines = (spec.below ?? []).flatMap((line) => wrapText(line, fonts.note, inner));
  const belowHeight = belowLines.length > 0 ? belowLines.length * lineHeight(fonts.note) + 4 : 0;
  const beside = layoutLegend(spec.legend ?? [], theme, inner * 0.34, true);
  // A legend that is taller than the sheet goes below.
  const room = (spec.height ?? Infinity) - 2 * pad - titleHeight - theme.size.title * 2;
  const right = spec.legendAt === 'right' && beside.height <= room;
  const legend = right ? beside : layoutLegend(spec.legend ?? [], theme, inner, false);
  return {
    ...{ titleLines, titleHeight, belowLines, belowHeight, legend },
    legendAt: right ? 'right' : spec.legendAt === 'top' ? 'top' : 'bottom',
    legendHeight: !right && legend.height > 0 ? legend.height + 4 : 0,
    legendWidth: right && legend.width > 0 ? legend.width + 8 : 0,
  };
}

const columnsOf = (spec: FigureSpec): number => Math.max(...spec.rows.map((row) => row.length));

/** What the margins leave for each panel. Throws a UserError where that is nothing. */
function panelSize(
  spec: FigureSpec,
  around: Surroundings,
  margins: Margins,
): { width: number; height: number } {
  const columns = columnsOf(spec);
  const taken = sum(margins.left) + sum(margins.right) + columnGap * (columns - 1) + margins.bar;
  let width = (spec.width - 2 * pad - around.legendWidth - taken) / columns;
  let height = width * spec.aspect;
  if (spec.height !== undefined) {
    const { titleHeight, legendHeight, belowHeight } = around;
    const fixed = 2 * pad + titleHeight + legendHeight + belowHeight + sum(margins.top) + sum(margins.bottom);
    height = (spec.height - fixed - rowGap * (spec.rows.length - 1)) / spec.rows.length;
    if (spec.fixedAspect === true) {
      width = Math.min(width, height / spec.aspect);
      height = width * spec.aspect;
    }
  }
  if (width >= smallest && height >= smallest) return { width, height };
  const inches = (pt: number): string => (pt / 72).toFixed(2);
  const size =
    spec.height === undefined
      ? `${inches(spec.width)} in wide`
      : `${inches(spec.width)} x ${inches(spec.height)} in`;
  throw new UserError(
    `figure size ${size}: too small for ${spec.rows.length} x ${columns} panels with their labels; ` +
      'choose a larger size or a smaller font',
  );
}

interface Settled extends Measured {
  width: number;
  height: number;
}

/** Ticks depend on the panels' size, margins on the ticks, the size on the margins: round until they agree. */
function settle(spec: FigureSpec, around: Surroundings): Settled {
  const ranges = domains(spec);
  const guess = (spec.width - 2 * pad - around.legendWidth) / columnsOf(spec) - 30;
  let measured = measure(spec, ranges, Math.max(smallest, guess), Math.max(smallest, spec.aspect * guess));
  for (let round = 0; round < 4; round++) {
    const { margins } = measured;
    const { width, height } = panelSize(spec, around, margins);
    measured = measure(spec, ranges, width, height);
    // From the second round on margins only grow, so that the last ones hold all labels.
    if (round > 0) measured.margins = widest(margins, measured.margins);
  }
  return { ...measured, ...panelSize(spec, around, measured.margins) };
}

/** Tops of the rows and left ends of the columns, from the top left corner of everything but the heading. */
function gridLines(spec: FigureSpec, around: Surroundings, settled: Settled) {
  const { margins, width, height } = settled;
  const columns = columnsOf(spec);
  const gaps = columnGap * (columns - 1);
  const used =
    sum(margins.left) + sum(margins.right) + columns * width + gaps + margins.bar + around.legendWidth;
  const startX = pad + Math.max(0, (spec.width - 2 * pad - used) / 2);
  const startY = pad + around.titleHeight + (around.legendAt === 'top' ? around.legendHeight : 0);
  const tops = spec.rows.map(
    (_, r) =>
      startY + sum(margins.top.slice(0, r + 1)) + sum(margins.bottom.slice(0, r)) + r * (height + rowGap),
  );
  const lefts = Array.from(
    { length: columns },
    (_, c) =>
      startX + sum(margins.left.slice(0, c + 1)) + sum(margins.right.slice(0, c)) + c * (width + columnGap),
  );
  return { tops, lefts, bottom: tops.at(-1)! + height + margins.bottom.at(-1)! };
}

function placeBars(spec: FigureSpec, settled: Settled, tops: readonly number[], left: number): PlacedBar[] {
  return (spec.colourBars ?? []).map((bar, r): PlacedBar => {
    const top = tops[r]!;
    const height = spec.colourBars?.length === 1 ? tops.at(-1)! + settled.height - top : settled.height;
    const ticks = barTicks(bar.scale, height, spec.theme);
    return { bar, left, top, width: barShape.width, height, ticks, labelLines: settled.bars[r]!.labelLines };
  });
}

/** Lays a figure out. Throws a UserError where labels leave no room for the plot. */
export function layoutFigure(spec: FigureSpec): Layout {
  const around = surroundings(spec);
  const settled = settle(spec, around);
  const { width, height, margins } = settled;
  const { tops, lefts, bottom } = gridLines(spec, around, settled);
  const panels = spec.rows.flatMap((row, r) =>
    row.map((panel, c): PlacedPanel => {
      const place = { left: lefts[c]!, top: tops[r]!, width, height };
      return {
        spec: panel,
        row: r,
        column: c,
        ...place,
        ...settled.axes[r]![c]!,
        show: shownParts(spec, r, c),
      };
    }),
  );
  const rightEnd = lefts.at(-1)! + width;
  const { legend, legendAt } = around;
  const legendBottom = legendAt === 'right' ? tops[0]! + legend.height : 0;
  const belowTop = Math.max(bottom + (legendAt === 'bottom' ? around.legendHeight : 0), legendBottom);
  // Centred under the panels where it fits there, else on the sheet.
  const centred = Math.max(
    pad,
    Math.min((lefts[0]! + rightEnd - legend.width) / 2, spec.width - pad - legend.width),
  );
  const legendTop = { right: tops[0]!, top: pad + around.titleHeight, bottom: bottom + 4 }[legendAt];
  return {
    width: spec.width,
    height: spec.height ?? belowTop + around.belowHeight + pad,
    panels,
    bars: placeBars(spec, settled, tops, rightEnd + margins.right.at(-1)! + barShape.gap),
    legend: {
      layout: legend,
      left: legendAt === 'right' ? spec.width - pad - legend.width : centred,
      top: legendTop,
    },
    titleLines: around.titleLines,
    titleTop: pad,
    below: { lines: around.belowLines, top: belowTop + 4 },
  };
}

function widest(a: Margins, b: Margins): Margins {
  const each = (x: number[], y: number[]): number[] => x.map((v, i) => Math.max(v, y[i] ?? 0));
  return {
    left: each(a.left, b.left),
    right: each(a.right, b.right),
    top: each(a.top, b.top),
    bottom: each(a.bottom, b.bottom),
    bar: Math.max(a.bar, b.bar),
  };
}
