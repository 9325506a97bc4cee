/** Draws a laid-out panel: title, grid, marks, axes with their labels; and colour bars. */
import { labelGap, tickGap, tickLabelHeight } from './axis.ts';
import { drawMark, frameOf, type Frame } from './draw.ts';
import { fontsOf, type PlacedBar, type PlacedPanel } from './layout.ts';
import { drawNotes, type Box } from './notes.ts';
import { barImage } from './raster.ts';
import type { Sheet } from './sheet.ts';
import { num } from './svg.ts';
import { lineHeight, textExtents } from './text.ts';
import type { Theme } from './theme.ts';

/** A panel with its axes. Words inside it keep away from `taken`, in pt on the sheet. */
export function drawPanel(sheet: Sheet, theme: Theme, panel: PlacedPanel, taken: readonly Box[] = []): void {
  const { left, top, width, height, x, y, spec } = panel;
  const frame = frameOf(panel);
  sheet.group({ class: 'panel' }, () => {
    drawTitle(sheet, theme, panel);
    if (spec.framed !== true) drawGrid(sheet, theme, panel, frame);
    // Markers at the edge of the range are whole: the clip leaves them room. What lies beyond a chosen range is cut.
    const room = { x: x.spec.cut === true ? 0 : 4, y: y.spec.cut === true ? 0 : 4 };
    const areas = spec.marks.filter((mark) => mark.kind === 'rings' || mark.kind === 'raster');
    if (areas.length > 0) {
      sheet.group({ 'clip-path': sheet.clip(left, top, width, height) }, () => {
        for (const mark of areas) drawMark(sheet, theme, frame, mark);
      });
    }
    const clip = sheet.clip(left - room.x, top - room.y, width + 2 * room.x, height + 2 * room.y);
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
    drawNotes(sheet, theme, frame, { marks: spec.marks, taken });
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

export function drawColourBar(sheet: Sheet, theme: Theme, placed: PlacedBar): void {
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
