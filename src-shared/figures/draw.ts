/** Draws marks into a panel. Coordinates arrive as functions from values to pt on the sheet. */
import type { BoxMark, LineMark, Mark, Point } from './marks.ts';
import { rasterImage } from './raster.ts';
import type { Sheet } from './sheet.ts';
import { num, polyline, type Attributes } from './svg.ts';
import { textWidth, type Font } from './text.ts';
import type { MarkerShape, SeriesStyle, Theme } from './theme.ts';

export interface Frame {
  left: number;
  top: number;
  width: number;
  height: number;
  x: (value: number) => number;
  y: (value: number) => number;
}

/** Of a laid-out panel. */
export function frameOf(panel: {
  left: number;
  top: number;
  width: number;
  height: number;
  x: { place: (value: number) => number };
  y: { place: (value: number) => number };
}): Frame {
  const { left, top, width, height, x, y } = panel;
  return {
    ...{ left, top, width, height },
    x: (value) => left + x.place(value),
    y: (value) => top + height - y.place(value),
  };
}

const strokeOf = (style: SeriesStyle, width: number, thin = false): Attributes => ({
  fill: 'none',
  stroke: style.colour,
  'stroke-width': width,
  'stroke-dasharray':
    style.dash.length > 0 ? style.dash.map((d) => num(thin ? d * 0.6 : d)).join(' ') : undefined,
  'stroke-linejoin': 'round',
});

/** Outline of a marker of radius `r` about (x, y); plus and cross are strokes, the others areas. */
function markerPath(shape: MarkerShape, x: number, y: number, r: number): string {
  const at = (points: readonly Point[]): string =>
    points.map(([dx, dy], i) => `${i === 0 ? 'M' : 'L'}${num(x + dx * r)},${num(y + dy * r)}`).join('');
  switch (shape) {
    case 'circle':
      return `M${num(x - r)},${num(y)}a${num(r)},${num(r)} 0 1 0 ${num(2 * r)},0a${num(r)},${num(r)} 0 1 0 ${num(-2 * r)},0Z`;
    case 'square':
      return `${at([
        [-0.88, -0.88],
        [0.88, -0.88],
        [0.88, 0.88],
        [-0.88, 0.88],
      ])}Z`;
    case 'triangle':
      return `${at([
        [0, -1.2],
        [1.1, 0.75],
        [-1.1, 0.75],
      ])}Z`;
    case 'down':
      return `${at([
        [0, 1.2],
        [1.1, -0.75],
        [-1.1, -0.75],
      ])}Z`;
    case 'diamond':
      return `${at([
        [0, -1.3],
        [1.05, 0],
        [0, 1.3],
        [-1.05, 0],
      ])}Z`;
    case 'plus':
      return (
        at([
          [-1.2, 0],
          [1.2, 0],
        ]) +
        at([
          [0, -1.2],
          [0, 1.2],
        ])
      );
    case 'cross':
      return (
        at([
          [-1, -1],
          [1, 1],
        ]) +
        at([
          [-1, 1],
          [1, -1],
        ])
      );
    case 'star': {
      const spike = (k: number): Point => {
        const reach = k % 2 === 0 ? 1.35 : 0.55;
        const angle = (k * Math.PI) / 5;
        return [reach * Math.sin(angle), -reach * Math.cos(angle)];
      };
      return `${at(Array.from({ length: 10 }, (_, k) => spike(k)))}Z`;
    }
  }
}

/** A marker in a series' colour, set off by a hair of background so that it reads on top of its line. */
export function drawMarkers(
  sheet: Sheet,
  theme: Theme,
  style: SeriesStyle,
  places: readonly Point[],
  radius: number,
  opacity?: number,
): void {
  if (places.length === 0) return;
  const stroked = style.marker === 'plus' || style.marker === 'cross';
  // Each marker on its own, so that overlapping ones stay apart; thousands of them as one path.
  const paths = places.map(([x, y]) => markerPath(style.marker, x, y, radius));
  const parts = paths.length <= 1000 ? paths : [paths.join('')];
  for (const d of parts)
    sheet.add('path', {
      d,
      fill: stroked ? 'none' : style.colour,
      stroke: stroked ? style.colour : theme.colour.background,
      'stroke-width': stroked ? radius * 0.55 : radius * 0.2,
      opacity,
    });
}

/** Markers shrink less than lines: their shapes have to be told apart. */
export const markerRadius = (theme: Theme): number => 0.9 + 0.65 * theme.stroke.line;

/** About ten markers, spread along the line and shifted from series to series. */
function markedPoints(mark: LineMark): readonly Point[] {
  const points = mark.points.filter((p) => p !== null);
  const wanted = mark.markers ?? 'none';
  if (wanted === 'none') return [];
  if (wanted === 'ends') return points.length < 2 ? points : [points[0]!, points.at(-1)!];
  if (wanted === 'last') return points.slice(-1);
  if (wanted === 'all' || points.length <= 12) return points;
  const every = Math.ceil(points.length / 8);
  const first = Math.floor((((mark.stagger ?? 0) % 4) / 4) * every);
  return points.filter((_, i) => i % every === first);
}

function drawLine(sheet: Sheet, theme: Theme, frame: Frame, mark: LineMark): void {
  const placed = mark.points.map((p) =>
    p === null || !Number.isFinite(p[0]) || !Number.isFinite(p[1]) ? null : toSheet(frame, p),
  );
  const path = polyline(placed.map((p) => (p !== null && p.every(Number.isFinite) ? p : null)));
  const thin = mark.weight === 'thin';
  if (path !== '') {
    sheet.add('path', {
      d: path,
      ...strokeOf(mark.style, thin ? theme.stroke.thin : theme.stroke.line, thin),
      opacity: mark.opacity,
    });
  }
  const places = markedPoints(mark)
    .map((p) => toSheet(frame, p))
    .filter((p) => p.every(Number.isFinite));
  drawMarkers(sheet, theme, mark.style, places, markerRadius(theme));
}

export const toSheet = (frame: Frame, [x, y]: Point): Point => [frame.x(x), frame.y(y)];

function drawBox(sheet: Sheet, theme: Theme, frame: Frame, mark: BoxMark): void {
  const { low, q1, median, q3, high, mean, outliers } = mark.summary;
  const [left, right] = [frame.x(mark.at - mark.width / 2), frame.x(mark.at + mark.width / 2)];
  const middle = frame.x(mark.at);
  const cap = (right - left) / 4;
  const [yLow, y1, yMedian, y3, yHigh] = [low, q1, median, q3, high].map(frame.y) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const stroke = { stroke: mark.style.colour, 'stroke-width': theme.stroke.axis };
  const whisker = `M${num(middle)},${num(yLow)}V${num(y1)}M${num(middle)},${num(y3)}V${num(yHigh)}`;
  const caps = `M${num(middle - cap)},${num(yLow)}h${num(2 * cap)}M${num(middle - cap)},${num(yHigh)}h${num(2 * cap)}`;
  sheet.add('path', { d: whisker + caps, fill: 'none', ...stroke });
  const box = { x: left, y: Math.min(y1, y3), width: right - left, height: Math.abs(y1 - y3) };
  sheet.add('rect', { ...box, fill: theme.colour.background });
  sheet.add('rect', { ...box, fill: mark.style.colour, 'fill-opacity': 0.22, ...stroke });
  sheet.add('path', {
    d: `M${num(left)},${num(yMedian)}H${num(right)}`,
    stroke: mark.style.colour,
    'stroke-width': theme.stroke.line,
  });
  const radius = markerRadius(theme) * 0.7;
  drawMarkers(sheet, theme, { ...mark.style, marker: 'diamond' }, [[middle, frame.y(mean)]], radius);
  drawMarkers(
    sheet,
    theme,
    { ...mark.style, marker: 'circle' },
    outliers.map((v): Point => [middle, frame.y(v)]),
    radius * 0.7,
    0.7,
  );
}

/** The area of one mark; everything but notes, which are drawn last and never clipped. */
export function drawMark(sheet: Sheet, theme: Theme, frame: Frame, mark: Mark): void {
  switch (mark.kind) {
    case 'line':
      return drawLine(sheet, theme, frame, mark);
    case 'band': {
      const points = mark.points.filter((p) => p.every(Number.isFinite));
      if (points.length === 0) return;
      const upper = points.map(([x, , high]) => toSheet(frame, [x, high]));
      const lower = points.map(([x, low]) => toSheet(frame, [x, low])).reverse();
      const d = `${polyline([...upper, ...lower].filter((p) => p.every(Number.isFinite)))}Z`;
      return sheet.add('path', { d, fill: mark.colour, 'fill-opacity': theme.bandOpacity });
    }
    case 'points': {
      const places = mark.points.map((p) => toSheet(frame, p)).filter((p) => p.every(Number.isFinite));
      const radius = markerRadius(theme) * 1.3 * (mark.scale ?? 1);
      return drawMarkers(sheet, theme, mark.style, places, radius, mark.opacity);
    }
    case 'bars':
      return drawBars(sheet, theme, frame, mark);
    case 'box':
      return drawBox(sheet, theme, frame, mark);
    case 'raster':
      return sheet.add('image', rasterImage(mark, frame, theme));
    case 'rings': {
      const d = mark.rings.map((ring) => `${polyline(ring.map((p) => toSheet(frame, p)))}Z`).join('');
      if (d === '') return;
      const stroke =
        mark.stroke === undefined ? {} : { stroke: mark.stroke, 'stroke-width': theme.stroke.thin * 0.6 };
      return sheet.add('path', { d, fill: mark.fill ?? 'none', 'fill-rule': 'evenodd', ...stroke });
    }
    case 'cells':
      return drawCells(sheet, theme, frame, mark.cells);
    case 'rule': {
      const at = mark.axis === 'x' ? frame.x(mark.value) : frame.y(mark.value);
      const d =
        mark.axis === 'x'
          ? `M${num(at)},${num(frame.top)}V${num(frame.top + frame.height)}`
          : `M${num(frame.left)},${num(at)}H${num(frame.left + frame.width)}`;
      return sheet.add('path', {
        d,
        stroke: theme.colour.muted,
        'stroke-width': theme.stroke.thin,
        'stroke-dasharray': '3 2',
      });
    }
    case 'missing': {
      const radius = markerRadius(theme);
      const y = frame.top + frame.height - 1.8 * radius - mark.row * 3 * radius;
      const places = mark.xs.map((x): Point => [frame.x(x), y]);
      const style = { colour: mark.colour, marker: 'cross' as const, dash: [] };
      return drawMarkers(sheet, theme, style, places, radius);
    }
    case 'note':
      return;
  }
}

function drawBars(sheet: Sheet, theme: Theme, frame: Frame, mark: Extract<Mark, { kind: 'bars' }>): void {
  const boxes = mark.bars
    .map(([x0, x1, y0, y1]) => [frame.x(x0), frame.x(x1), frame.y(y0), frame.y(y1)] as const)
    .filter((box) => box.every(Number.isFinite));
  const rect = ([a, b, base, end]: readonly [number, number, number, number]): string =>
    `M${num(a)},${num(base)}V${num(end)}H${num(b)}V${num(base)}Z`;
  sheet.add('path', {
    d: boxes.map(rect).join(''),
    fill: mark.style.colour,
    'fill-opacity': mark.look === 'filled' ? 0.85 : theme.bandOpacity,
    stroke: mark.look === 'filled' ? theme.colour.background : 'none',
    'stroke-width': mark.look === 'filled' ? 0.4 : undefined,
  });
  if (mark.look === 'filled' || boxes.length === 0) return;
  const steps = boxes.map(([a, b, , end]) => `V${num(end)}H${num(Math.max(a, b))}`).join('');
  const [first, last] = [boxes[0]!, boxes.at(-1)!];
  sheet.add('path', {
    d: `M${num(first[0])},${num(first[2])}${steps}V${num(last[2])}`,
    ...strokeOf(mark.style, theme.stroke.line * 0.75),
  });
}

function drawCells(
  sheet: Sheet,
  theme: Theme,
  frame: Frame,
  cells: readonly { x: number; y: number; text: string; ink: 'light' | 'dark' }[],
): void {
  const slot = Math.abs(frame.x(1) - frame.x(0)) * 0.9;
  const tall = Math.abs(frame.y(1) - frame.y(0)) * 0.8;
  const font: Font = { family: theme.family, size: theme.size.tick };
  const widest = Math.max(1e-6, ...cells.map((cell) => textWidth(cell.text, font)));
  const size = Math.min(font.size, (font.size * slot) / widest, tall);
  if (size < 3.5) return; // Cells too small for numbers anyone could read: the colours remain.
  const fitted = { ...font, size };
  for (const cell of cells) {
    sheet.text(cell.text, fitted, {
      x: frame.x(cell.x),
      y: frame.y(cell.y) + 0.34 * size,
      anchor: 'middle',
      fill: cell.ink === 'light' ? '#ffffff' : '#111111',
    });
  }
}
