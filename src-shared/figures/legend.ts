/** The shared legend: always part of the file, wrapped so that no label is cut off. */
import { drawMarkers, markerRadius } from './draw.ts';
import type { Sheet } from './sheet.ts';
import { num } from './svg.ts';
import { lineHeight, plainText, textWidth, wrapText, type Font, type RichText } from './text.ts';
import type { SeriesStyle, Theme } from './theme.ts';

export interface LegendItem {
  id: string;
  label: RichText;
  style: SeriesStyle;
  look: 'line' | 'thin-line' | 'line-marker' | 'marker' | 'patch';
  /** Show a patch of the band's tint behind the line. */
  band?: boolean;
  /** The series is drawn on dark colours: show it on such a ground here too. */
  onDark?: boolean;
  /** Its series is not drawn: shown pale. */
  off?: boolean;
}

/** Where an item of the legend lies, in pt from the figure's top left corner. */
export interface LegendPlace {
  id: string;
  label: string;
  left: number;
  top: number;
  width: number;
  height: number;
}

interface PlacedItem {
  item: LegendItem;
  lines: readonly RichText[];
  x: number;
  y: number;
}

export interface LegendLayout {
  items: readonly PlacedItem[];
  width: number;
  height: number;
}

const legendFont = (theme: Theme): Font => ({ family: theme.family, size: theme.size.legend });
/** Lines need some length to show their dashes; markers and patches do not. */
const sampleWidth = (theme: Theme, items: readonly LegendItem[]): number =>
  theme.size.legend * (items.every(({ look }) => look === 'marker' || look === 'patch') ? 1.1 : 2.7);
const sampleGap = 4;

/** Items in reading order: one centred row if they fit, else columns; `width` pt at most. */
export function layoutLegend(
  items: readonly LegendItem[],
  theme: Theme,
  width: number,
  oneColumn: boolean,
): LegendLayout {
  if (items.length === 0) return { items: [], width: 0, height: 0 };
  const font = legendFont(theme);
  const lead = sampleWidth(theme, items) + sampleGap;
  const between = font.size * 1.4;
  const row = lineHeight(font);
  const wrapped = items.map((item) => wrapText(item.label, font, Math.max(font.size * 2, width - lead)));
  const widths = wrapped.map((lines) => lead + Math.max(...lines.map((line) => textWidth(line, font))));
  const total = widths.reduce((sum, w) => sum + w, 0) + between * (items.length - 1);
  if (!oneColumn && total <= width && wrapped.every((lines) => lines.length === 1)) {
    let x = 0;
    const placed = items.map((item, i): PlacedItem => {
      const here = { item, lines: wrapped[i]!, x, y: 0 };
      x += widths[i]! + between;
      return here;
    });
    return { items: placed, width: total, height: row };
  }
  const columns = oneColumn ? [Math.max(...widths)] : columnsFor(widths, width, between);
  const used = columns.length;
  const lefts = columns.map((_, k) => columns.slice(0, k).reduce((sum, w) => sum + w + between, 0));
  let y = 0;
  const placed: PlacedItem[] = [];
  for (let start = 0; start < items.length; start += used) {
    const line = items.slice(start, start + used);
    for (const [k, item] of line.entries()) {
      placed.push({ item, lines: wrapped[start + k]!, x: lefts[k]!, y });
    }
    y += row * Math.max(...line.map((_, k) => wrapped[start + k]!.length)) + font.size * 0.15;
  }
  const rows = placed.map(({ x }, i) => x + widths[i]!);
  return { items: placed, width: Math.max(...rows), height: y };
}

/** Widths of the most columns that fit, items in reading order. An item alone in the last row may be wider. */
function columnsFor(widths: readonly number[], width: number, between: number): number[] {
  for (let count = widths.length - 1; count > 1; count--) {
    const alone = widths.length % count === 1;
    const counted = alone ? widths.slice(0, -1) : widths;
    const columns = Array.from({ length: count }, (_, k) =>
      Math.max(0, ...counted.filter((_, i) => i % count === k)),
    );
    if (columns.reduce((sum, w) => sum + w, between * (count - 1)) <= width) return columns;
  }
  return [Math.max(...widths)];
}

export function placesOfItems(
  layout: LegendLayout,
  theme: Theme,
  [left, top]: readonly [number, number],
): LegendPlace[] {
  const font = legendFont(theme);
  const lead =
    sampleGap +
    sampleWidth(
      theme,
      layout.items.map(({ item }) => item),
    );
  return layout.items.map(({ item, lines, x, y }) => ({
    id: item.id,
    label: plainText(item.label),
    ...{ left: left + x, top: top + y },
    width: lead + Math.max(...lines.map((line) => textWidth(line, font))),
    height: lines.length * lineHeight(font),
  }));
}

export function drawLegend(
  sheet: Sheet,
  theme: Theme,
  layout: LegendLayout,
  left: number,
  top: number,
): void {
  const font = legendFont(theme);
  const sample = sampleWidth(
    theme,
    layout.items.map(({ item }) => item),
  );
  sheet.group({ class: 'legend' }, () => {
    for (const { item, lines, x, y } of layout.items) {
      const pale = item.off === true ? { opacity: 0.35 } : {};
      sheet.group({ class: 'legend-item', 'data-series': item.id, ...pale }, () => {
        const base = top + y + font.size * 0.9;
        drawSample(sheet, theme, item, left + x, base - font.size * 0.3, sample);
        for (const [i, line] of lines.entries()) {
          sheet.text(line, font, {
            x: left + x + sample + sampleGap,
            y: base + i * lineHeight(font),
            fill: theme.colour.text,
          });
        }
      });
    }
  });
}

function drawSample(sheet: Sheet, theme: Theme, item: LegendItem, x: number, y: number, width: number): void {
  const { style } = item;
  const tall = theme.size.legend * 0.62;
  if (item.look === 'patch') {
    const side = Math.min(width, tall * 1.6);
    const box = { x: x + (width - side) / 2, y: y - tall / 2, width: side, height: tall };
    sheet.add('rect', { ...box, fill: style.colour, 'fill-opacity': 0.85 });
    return;
  }
  if (item.onDark === true) {
    sheet.add('rect', { x: x - 1, y: y - tall / 2 - 1, width: width + 2, height: tall + 2, fill: '#3b528b' });
  }
  if (item.band === true) {
    const box = { x, y: y - tall / 2, width, height: tall };
    sheet.add('rect', { ...box, fill: style.colour, 'fill-opacity': theme.bandOpacity });
  }
  if (item.look !== 'marker') {
    sheet.add('path', {
      d: `M${num(x)},${num(y)}h${num(width)}`,
      fill: 'none',
      stroke: style.colour,
      'stroke-width': item.look === 'thin-line' ? theme.stroke.thin : theme.stroke.line,
      'stroke-dasharray': style.dash.length > 0 ? style.dash.map(num).join(' ') : undefined,
    });
  }
  if (item.look === 'marker' || item.look === 'line-marker')
    drawMarkers(sheet, theme, style, [[x + width / 2, y]], markerRadius(theme));
}
