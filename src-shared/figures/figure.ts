/** From a laid-out figure to an SVG document. */
import { labelGap, tickGap, tickLabelHeight } from './axis.ts';
import type { AxisGeometry, FigureDocument, FigureNotes, FigureOptions, PanelGeometry } from './document.ts';
import { drawMark, type Frame } from './draw.ts';
import { fitPanels, heightLimit } from './fit.ts';
import {
  layoutFigure,
  fontsOf,
  type FigureSpec,
  type Layout,
  type PlacedBar,
  type PlacedPanel,
} from './layout.ts';
import { drawLegend } from './legend.ts';
import { drawNotes } from './notes.ts';
import { barImage } from './raster.ts';
import { provenanceLine } from '../provenance.ts';
import { Sheet } from './sheet.ts';
import { sizeInPoints } from './size.ts';
import { element, escapeXml, num, shortHash, type Attributes } from './svg.ts';
import { lineHeight, plainText, textExtents } from './text.ts';
import { themeOf, type Theme } from './theme.ts';

/** What a kind of figure supplies; theme, size and the rest come from the options. */
export type FigureContent = Omit<
  FigureSpec,
  'theme' | 'width' | 'height' | 'legendAt' | 'title' | 'below'
> & {
  /** Used as the document's title where the options give none. */
  name: string;
};

/** Draws a figure. The same content and options always give the same bytes. */
export function figure(
  options: FigureOptions,
  content: (theme: Theme) => FigureContent,
  notes: FigureNotes = {},
): FigureDocument {
  // A single panel fills a column, several fill the page.
  const single = (): boolean => content(themeOf(options.theme)).rows.every((row) => row.length === 1);
  const size = sizeInPoints(options.size ?? (single() ? 'single' : 'double'));
  const theme = themeOf(options.theme, size.width, options.fontSize);
  const { name, ...made } = content(theme);
  const fitted = fitPanels(made, size.width);
  const below = options.captionBelow
    ? [notes.caption ?? '', notes.provenance === undefined ? '' : provenanceLine(notes.provenance)].filter(
        Boolean,
      )
    : [];
  const spec: FigureSpec = {
    ...made,
    ...fitted,
    rows: options.letters ? lettered(fitted.rows) : fitted.rows,
    theme,
    ...size,
    legendAt: options.legend,
    below,
    ...(options.title === undefined ? {} : { title: options.title }),
  };
  const wanted = layoutFigure(spec);
  const limit =
    spec.height === undefined && spec.fixedAspect === true && spec.rows.length === 1
      ? heightLimit(size.width, wanted.height)
      : undefined;
  const layout = limit === undefined ? wanted : layoutFigure({ ...spec, height: limit });
  // Ids are named after the content, so that several figures can live in one page and bytes stay the same: they are
  // written as a private character that no label holds, and named when everything is drawn.
  const unnamed = '\ue0f0';
  const draw = (): Sheet => {
    const sheet = new Sheet(unnamed);
    const fonts = fontsOf(theme);
    if (options.background === 'theme') {
      sheet.add('rect', { width: layout.width, height: layout.height, fill: theme.colour.background });
    }
    const lines = (
      texts: readonly Parameters<Sheet['text']>[0][],
      font: typeof fonts.title,
      top: number,
      fill: string,
    ) => {
      for (const [i, line] of texts.entries()) {
        sheet.text(line, font, { x: 3, y: top + textExtents(font).above + i * lineHeight(font), fill });
      }
    };
    lines(layout.titleLines, fonts.title, layout.titleTop, theme.colour.text);
    for (const panel of layout.panels) drawPanel(sheet, theme, panel);
    for (const bar of layout.bars) drawColourBar(sheet, theme, bar);
    drawLegend(sheet, theme, layout.legend.layout, layout.legend.left, layout.legend.top);
    lines(layout.below.lines, { ...fonts.note, bold: false }, layout.below.top, theme.colour.muted);
    return sheet;
  };
  const sheet = draw();
  const title = options.title ?? name;
  const svg = svgDocument(sheet, theme, layout.width, layout.height, title, notes);
  return {
    svg: svg.replaceAll(unnamed, `f${shortHash(svg)}`),
    width: layout.width,
    height: layout.height,
    title,
    caption: notes.caption,
    provenance: notes.provenance,
    panels: layout.panels.map(geometryOf),
    series: (spec.legend ?? []).map(({ id, label, style }) => ({
      id,
      label: plainText(label),
      colour: style.colour,
    })),
    legend: legendBox(layout.legend),
    texts: sheet.texts,
  };
}

const legendBox = ({ layout, left, top }: Layout['legend']): FigureDocument['legend'] =>
  layout.items.length === 0 ? null : { left, top, width: layout.width, height: layout.height };

const lettered = (rows: FigureSpec['rows']): FigureSpec['rows'] => {
  let next = 0;
  return rows.map((row) =>
    row.map((panel) => {
      const letter = `(${String.fromCharCode(97 + (next++ % 26))})`;
      const title = panel.title ?? '';
      return {
        ...panel,
        title: typeof title === 'string' ? `${letter} ${title}`.trim() : [{ text: `${letter} ` }, ...title],
      };
    }),
  );
};

function svgDocument(
  sheet: Sheet,
  theme: Theme,
  width: number,
  height: number,
  title: string,
  notes: FigureNotes,
): string {
  const attributes: Attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    'xmlns:xlink': 'http://www.w3.org/1999/xlink',
    width: `${num(width / 72)}in`,
    height: `${num(height / 72)}in`,
    viewBox: `0 0 ${num(width)} ${num(height)}`,
    role: 'img',
    'font-family': theme.fontStack,
  };
  const metadata =
    notes.provenance === undefined
      ? ''
      : `\n${element('metadata', {}, element('provenance', { xmlns: 'urn:basin:provenance' }, escapeXml(JSON.stringify(notes.provenance))))}`;
  const head = [
    element('title', {}, escapeXml(title)),
    notes.caption === undefined ? '' : `\n${element('desc', {}, escapeXml(notes.caption))}`,
    metadata,
    sheet.definitions === '' ? '' : `\n${element('defs', {}, sheet.definitions)}`,
  ].join('');
  return `${element('svg', attributes, `\n${head}\n${sheet.body}\n`)}\n`;
}

function geometryOf(panel: PlacedPanel): PanelGeometry {
  const axis = ({ spec, domain, ticks }: PlacedPanel['x'], labelled: boolean): AxisGeometry => {
    const [from, to] = spec.reversed === true ? [domain[1], domain[0]] : domain;
    const shown = labelled ? ticks.map(({ lines }) => lines.map(plainText).join(' ')) : [];
    return { label: plainText(spec.label), scale: spec.scale ?? 'linear', from, to, ticks: shown };
  };
  const { row, column, left, top, width, height, show } = panel;
  const title = plainText(panel.spec.title ?? '');
  return {
    title,
    row,
    column,
    left,
    top,
    width,
    height,
    x: axis(panel.x, show.xTicks),
    y: axis(panel.y, show.yTicks),
  };
}

function drawPanel(sheet: Sheet, theme: Theme, panel: PlacedPanel): void {
  const { left, top, width, height, x, y, spec } = panel;
  const bottom = top + height;
  const frame: Frame = {
    left,
    top,
    width,
    height,
    x: (v) => left + x.place(v),
    y: (v) => bottom - y.place(v),
  };
  sheet.group({ class: 'panel' }, () => {
    drawTitle(sheet, theme, panel);
    if (spec.framed !== true) drawGrid(sheet, theme, panel, frame);
    // Markers at the edge of the range are whole: the clip leaves them room.
    const room = 4;
    const areas = spec.marks.filter((mark) => mark.kind === 'rings' || mark.kind === 'raster');
    if (areas.length > 0) {
      sheet.group({ 'clip-path': sheet.clip(left, top, width, height) }, () => {
        for (const mark of areas) drawMark(sheet, theme, frame, mark);
      });
    }
    const clip = sheet.clip(left - room, top - room, width + 2 * room, height + 2 * room);
    sheet.group({ 'clip-path': clip }, () => {
      for (const mark of spec.marks) {
        if (mark.kind === 'rings' || mark.kind === 'raster') continue;
        const series = 'series' in mark ? mark.series : undefined;
        if (series === undefined) drawMark(sheet, theme, frame, mark);
        else
          sheet.group({ class: 'series', 'data-series': series }, () => drawMark(sheet, theme, frame, mark));
      }
    });
    drawAxes(sheet, theme, panel);
    drawNotes(sheet, theme, frame, spec.marks);
  });
}

function drawTitle(sheet: Sheet, theme: Theme, panel: PlacedPanel): void {
  const font = fontsOf(theme).title;
  const count = panel.titleLines.length;
  const middle = theme.titleAnchor === 'middle';
  for (const [i, line] of panel.titleLines.entries()) {
    sheet.text(line, font, {
      x: middle ? panel.left + panel.width / 2 : panel.left,
      y: panel.top - 4 - (count - 1 - i) * lineHeight(font),
      anchor: middle ? 'middle' : 'start',
      fill: theme.colour.text,
    });
  }
}

function drawGrid(sheet: Sheet, theme: Theme, panel: PlacedPanel, frame: Frame): void {
  const { left, top, width, height, x, y } = panel;
  const horizontal =
    y.spec.grid === false
      ? ''
      : y.ticks.map((t) => `M${num(left)},${num(top + height - t.at)}h${num(width)}`).join('');
  const vertical =
    x.spec.grid === true
      ? x.ticks.map((t) => `M${num(frame.left + t.at)},${num(top)}v${num(height)}`).join('')
      : '';
  if (horizontal + vertical === '') return;
  sheet.add('path', {
    class: 'grid',
    d: horizontal + vertical,
    stroke: theme.colour.grid,
    'stroke-width': theme.stroke.grid,
    fill: 'none',
  });
}

function drawAxes(sheet: Sheet, theme: Theme, panel: PlacedPanel): void {
  const { left, top, width, height, x, y, show, spec } = panel;
  const bottom = top + height;
  const tick = theme.tickLength;
  const xMarks = x.ticks.map((t) => `M${num(left + t.at)},${num(bottom)}v${num(tick)}`);
  const yMarks = y.ticks.map((t) => `M${num(left)},${num(bottom - t.at)}h${num(-tick)}`);
  const minor = [
    ...x.minor.map((v) => `M${num(left + x.place(v))},${num(bottom)}v${num(tick * 0.6)}`),
    ...y.minor.map((v) => `M${num(left)},${num(bottom - y.place(v))}h${num(-tick * 0.6)}`),
  ];
  const spines =
    spec.framed === true
      ? `M${num(left)},${num(top)}h${num(width)}v${num(height)}h${num(-width)}Z`
      : theme.leftAxis
        ? `M${num(left)},${num(top)}V${num(bottom)}H${num(left + width)}`
        : `M${num(left)},${num(bottom)}h${num(width)}`;
  const marks = tick > 0 ? [...xMarks, ...yMarks, ...minor].join('') : '';
  sheet.add('path', {
    class: 'axes',
    d: spines + marks,
    fill: 'none',
    stroke: theme.colour.axis,
    'stroke-width': theme.stroke.axis,
    'stroke-linecap': 'square',
  });
  if (show.xTicks) drawTickLabelsBelow(sheet, theme, panel);
  if (show.yTicks) drawTickLabelsLeft(sheet, theme, panel);
  if (show.xLabel) drawLabelBelow(sheet, theme, panel);
  if (show.yLabel) drawLabelLeft(sheet, theme, panel);
}

const tickFill = (theme: Theme): string => (theme.name === 'paper' ? theme.colour.text : theme.colour.muted);

function drawTickLabelsBelow(sheet: Sheet, theme: Theme, { left, top, height, x }: PlacedPanel): void {
  const font = fontsOf(theme).tick;
  const start = top + height + theme.tickLength + tickGap(theme);
  for (const tick of x.ticks) {
    for (const [i, line] of tick.lines.entries()) {
      const place =
        x.turn === 0
          ? { x: left + tick.at, anchor: 'middle' as const }
          : { x: left + tick.at + font.size * 0.3, anchor: 'end' as const, rotate: x.turn };
      const drop = textExtents(font).above * Math.cos((x.turn * Math.PI) / 180);
      const y = start + drop + i * lineHeight(font);
      sheet.text(line, font, { ...place, y, fill: tickFill(theme) });
    }
  }
}

function drawTickLabelsLeft(sheet: Sheet, theme: Theme, { left, top, height, y }: PlacedPanel): void {
  const font = fontsOf(theme).tick;
  for (const tick of y.ticks) {
    sheet.text(tick.lines[0] ?? '', font, {
      x: left - theme.tickLength - tickGap(theme),
      y: top + height - tick.at + textExtents(font).above * 0.47,
      anchor: 'end',
      fill: tickFill(theme),
    });
  }
}

function drawLabelBelow(
  sheet: Sheet,
  theme: Theme,
  { left, top, width, height, x, show }: PlacedPanel,
): void {
  const font = fontsOf(theme).label;
  const ticks = show.xTicks && x.ticks.length > 0 ? tickGap(theme) + tickLabelHeight(x, theme) : 0;
  const start = top + height + theme.tickLength + ticks + labelGap + textExtents(font).above;
  for (const [i, line] of x.labelLines.entries()) {
    const y = start + i * lineHeight(font);
    sheet.text(line, font, { x: left + width / 2, y, anchor: 'middle', fill: theme.colour.text });
  }
}

function drawLabelLeft(sheet: Sheet, theme: Theme, { left, top, height, y, show }: PlacedPanel): void {
  const font = fontsOf(theme).label;
  const ticks =
    show.yTicks && y.ticks.length > 0 ? tickGap(theme) + Math.max(...y.ticks.map((t) => t.width)) : 0;
  const right = left - theme.tickLength - ticks - labelGap - textExtents(font).below;
  const count = y.labelLines.length;
  for (const [i, line] of y.labelLines.entries()) {
    sheet.text(line, font, {
      x: right - (count - 1 - i) * lineHeight(font),
      y: top + height / 2,
      anchor: 'middle',
      rotate: -90,
      fill: theme.colour.text,
    });
  }
}

function drawColourBar(sheet: Sheet, theme: Theme, placed: PlacedBar): void {
  const { bar, left, top, width, height, ticks, labelLines } = placed;
  const fonts = fontsOf(theme);
  sheet.group({ class: 'colour-bar' }, () => {
    sheet.add('image', barImage(bar.scale, theme, { x: left, y: top, width, height }));
    const marks = ticks.map((t) => `M${num(left + width)},${num(top + height - t.at)}h2`).join('');
    sheet.add('path', {
      d: `M${num(left)},${num(top)}h${num(width)}v${num(height)}h${num(-width)}Z${marks}`,
      fill: 'none',
      stroke: theme.colour.axis,
      'stroke-width': theme.stroke.axis * 0.75,
    });
    for (const tick of ticks) {
      const y = top + height - tick.at + textExtents(fonts.tick).above * 0.47;
      sheet.text(tick.lines[0] ?? '', fonts.tick, { x: left + width + 4, y, fill: tickFill(theme) });
    }
    const widest = Math.max(0, ...ticks.map((t) => t.width));
    const start = left + width + 4 + widest + 3 + textExtents(fonts.label).above;
    for (const [i, line] of labelLines.entries()) {
      const x = start + i * lineHeight(fonts.label);
      sheet.text(line, fonts.label, {
        x,
        y: top + height / 2,
        anchor: 'middle',
        rotate: -90,
        fill: theme.colour.text,
      });
    }
  });
}
