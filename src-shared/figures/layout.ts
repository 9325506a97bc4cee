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

/** Lays a figure out. Throws a UserError where labels leave no room for the plot. */
export function layoutFigure(spec: FigureSpec): Layout {
  const { theme } = spec;
  const fonts = fontsOf(theme);
  const columns = Math.max(...spec.rows.map((row) => row.length));
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
  const legendHeight = !right && legend.height > 0 ? legend.height + 4 : 0;
  const legendWidth = right && legend.width > 0 ? legend.width + 8 : 0;

  const ranges = domains(spec);
  let width = (inner - legendWidth) / columns - 30;
  let height = Math.max(smallest, spec.aspect * width);
  let measured = measure(spec, ranges, Math.max(smallest, width), height);
  for (let round = 0; round < 4; round++) {
    const before: Margins = measured.margins;
    ({ width, height } = panelSize(before));
    measured = measure(spec, ranges, width, height);
    measured.margins = round === 0 ? measured.margins : widest(before, measured.margins);
  }
  ({ width, height } = panelSize(measured.margins));
  const { margins } = measured;

  function panelSize(m: Margins): { width: number; height: number } {
    const horizontal = inner - legendWidth - sum(m.left) - sum(m.right) - columnGap * (columns - 1) - m.bar;
    let w = horizontal / columns;
    let h = w * spec.aspect;
    if (spec.height !== undefined) {
      const fixed = 2 * pad + titleHeight + legendHeight + belowHeight + sum(m.top) + sum(m.bottom);
      h = (spec.height - fixed - rowGap * (spec.rows.length - 1)) / spec.rows.length;
      if (spec.fixedAspect === true) {
        w = Math.min(w, h / spec.aspect);
        h = w * spec.aspect;
      }
    }
    if (w < smallest || h < smallest) {
      const size = `${(spec.width / 72).toFixed(2)} x ${((spec.height ?? 0) / 72).toFixed(2)} in`;
      throw new UserError(
        `figure size ${spec.height === undefined ? `${(spec.width / 72).toFixed(2)} in wide` : size}: too small for ` +
          `${spec.rows.length} x ${columns} panels with their labels; choose a larger size or a smaller font`,
      );
    }
    return { width: w, height: h };
  }

  const usedWidth =
    sum(margins.left) +
    sum(margins.right) +
    columns * width +
    columnGap * (columns - 1) +
    margins.bar +
    legendWidth;
  const startX = pad + Math.max(0, (inner - usedWidth) / 2);
  const gridTop = pad + titleHeight + (spec.legendAt === 'top' ? legendHeight : 0);
  const gridHeight =
    sum(margins.top) + sum(margins.bottom) + spec.rows.length * height + rowGap * (spec.rows.length - 1);
  const rowTop = spec.rows.map(
    (_, r) =>
      gridTop + sum(margins.top.slice(0, r + 1)) + sum(margins.bottom.slice(0, r)) + r * (height + rowGap),
  );
  const columnLeft = Array.from({ length: columns }, (_, c) => {
    const margin = sum(margins.left.slice(0, c + 1)) + sum(margins.right.slice(0, c));
    return startX + margin + c * (width + columnGap);
  });

  const panels = spec.rows.flatMap((row, r) =>
    row.map((panel, c): PlacedPanel => {
      const place = { left: columnLeft[c]!, top: rowTop[r]!, width, height };
      return {
        spec: panel,
        row: r,
        column: c,
        ...place,
        ...measured.axes[r]![c]!,
        show: shownParts(spec, r, c),
      };
    }),
  );
  const barLeft = columnLeft[columns - 1]! + width + margins.right[columns - 1]! + barShape.gap;
  const lastBottom = rowTop.at(-1)! + height;
  const bars = (spec.colourBars ?? []).map((bar, r): PlacedBar => {
    const top = rowTop[r]!;
    const tall = spec.colourBars?.length === 1 ? lastBottom - top : height;
    const ticks = barTicks(bar.scale, tall, theme);
    return {
      bar,
      left: barLeft,
      top,
      width: barShape.width,
      height: tall,
      ticks,
      labelLines: measured.bars[r]!.labelLines,
    };
  });

  const contentBottom = gridTop + gridHeight;
  const bottomLegend = spec.legendAt === 'top' ? 0 : legendHeight;
  const legendBottom = right ? rowTop[0]! + legend.height : 0;
  const neededHeight = Math.max(contentBottom + bottomLegend + belowHeight, legendBottom + belowHeight) + pad;
  const total = spec.height ?? neededHeight;
  return {
    width: spec.width,
    height: total,
    panels,
    bars,
    legend: {
      layout: legend,
      left: right ? spec.width - pad - legend.width : legendLeft(),
      top: right ? rowTop[0]! : spec.legendAt === 'top' ? pad + titleHeight : contentBottom + 4,
    },
    titleLines,
    titleTop: pad,
    below: { lines: belowLines, top: Math.max(contentBottom + bottomLegend, legendBottom) + 4 },
  };

  /** Centred under the panels where it fits there, else on the sheet. */
  function legendLeft(): number {
    const from = columnLeft[0]!;
    const to = columnLeft[columns - 1]! + width;
    const centred = (from + to) / 2 - legend.width / 2;
    return Math.max(pad, Math.min(centred, spec.width - pad - legend.width));
  }
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
