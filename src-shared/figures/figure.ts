/** From a laid-out figure to an SVG document. */
import type { AxisGeometry, FigureDocument, FigureNotes, FigureOptions, PanelGeometry } from './document.ts';
import { fitPanels, heightLimit } from './fit.ts';
import { fontsOf, layoutFigure, type FigureSpec, type Layout, type PlacedPanel } from './layout.ts';
import { drawLegend, placesOfItems } from './legend.ts';
import { placeInside, type InsideLegend } from './legend-inside.ts';
import { drawColourBar, drawPanel } from './panel.ts';
import { provenanceLine } from '../provenance.ts';
import { Sheet } from './sheet.ts';
import { sizeInPoints } from './size.ts';
import { styled } from './style.ts';
import { element, escapeXml, num, shortHash, type Attributes } from './svg.ts';
import { lineHeight, plainText, textExtents } from './text.ts';
import { themeOf, type Theme } from './theme.ts';
import { viewed, type Viewing } from './viewing.ts';

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
  told: FigureNotes = {},
  viewing?: Viewing,
): FigureDocument {
  // A single panel fills a column, several fill the page.
  const single = (): boolean => content(themeOf(options.theme)).rows.every((row) => row.length === 1);
  const size = sizeInPoints(options.size ?? (single() ? 'single' : 'double'));
  const theme = themeOf(options.theme, size.width, options.fontSize);
  const { name, ...whole } = content(theme);
  const style = styled(whole, options);
  const styledWhole = { ...whole, rows: style.rows };
  const made = viewing ? viewed(styledWhole, viewing) : styledWhole;
  const fitted = fitPanels(made, size.width);
  const notes = {
    ...told,
    caption: [told.caption ?? '', ...style.notes].filter(Boolean).join(' ') || undefined,
  };
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
    legendAt: options.legend === 'top' || options.legend === 'right' ? options.legend : 'bottom',
    legend: options.legend === 'none' ? [] : (made.legend ?? []),
    below,
    ...(options.title === undefined ? {} : { title: options.title }),
  };
  const { layout, inside } = arranged(spec, options.legend === 'inside');
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
    for (const panel of layout.panels)
      drawPanel(sheet, theme, panel, inside?.panel === panel ? [inside.box] : []);
    for (const bar of layout.bars) drawColourBar(sheet, theme, bar);
    if (inside !== undefined) drawGround(sheet, theme, inside.box);
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
    panels: layout.panels.map((panel) => geometryOf(panel, made.fixedAspect === true)),
    series: (made.legend ?? []).map(({ id, label, style }) => ({
      id,
      label: plainText(label),
      colour: style.colour,
    })),
    legend: legendBox(layout.legend),
    legendItems: placesOfItems(layout.legend.layout, theme, [layout.legend.left, layout.legend.top]),
    texts: sheet.texts,
  };
}

/** The layout, no higher than is good for a page. A legend inside a panel takes no room of its own. */
function arranged(spec: FigureSpec, legendInside: boolean): { layout: Layout; inside?: InsideLegend } {
  if (legendInside && (spec.legend ?? []).length > 0) {
    const { layout } = arranged({ ...spec, legend: [] }, false);
    const inside = placeInside(spec.legend ?? [], spec.theme, layout.panels);
    if (inside !== undefined) return { layout: { ...layout, legend: inside.place }, inside };
  }
  const layout = layoutFigure(spec);
  if (spec.height !== undefined || spec.fixedAspect !== true || spec.rows.length > 1) return { layout };
  const height = heightLimit(spec.width, layout.height);
  return { layout: height === undefined ? layout : layoutFigure({ ...spec, height }) };
}

/** Grid lines must not run through the legend. */
function drawGround(sheet: Sheet, theme: Theme, { left, top, right, bottom }: InsideLegend['box']): void {
  const size = { x: left, y: top, width: right - left, height: bottom - top };
  sheet.add('rect', { ...size, fill: theme.colour.background, 'fill-opacity': 0.85 });
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

function geometryOf(panel: PlacedPanel, equal: boolean): PanelGeometry {
  const axis = ({ spec, domain, ticks }: PlacedPanel['x'], labelled: boolean): AxisGeometry => {
    const [from, to] = spec.reversed === true ? [domain[1], domain[0]] : domain;
    const shown = labelled ? ticks.map(({ lines }) => lines.map(plainText).join(' ')) : [];
    return { label: plainText(spec.label), scale: spec.scale ?? 'linear', from, to, ticks: shown };
  };
  const { row, column, left, top, width, height, show } = panel;
  const title = plainText(panel.spec.title ?? '');
  const { marks } = panel.spec;
  return {
    ...{ title, row, column, left, top, width, height, equal },
    x: axis(panel.x, show.xTicks),
    y: axis(panel.y, show.yTicks),
    curves: marks.flatMap((mark) =>
      mark.kind === 'line' && mark.series !== undefined
        ? [{ series: mark.series, name: mark.name, colour: mark.style.colour, points: mark.points }]
        : [],
    ),
    bands: marks.flatMap((mark) =>
      mark.kind === 'band' && mark.series !== undefined ? [{ series: mark.series, points: mark.points }] : [],
    ),
  };
}
