/** Words inside a panel: labels of rules, notes at points, notes in the emptiest corner. None covers another. */
import { toSheet, type Frame } from './draw.ts';
import { inkPoints, type Mark, type NoteMark, type Point, type RuleMark } from './marks.ts';
import type { Sheet } from './sheet.ts';
import { lineHeight, textExtents, textWidth, wrapText, type Font, type RichText } from './text.ts';
import type { Theme } from './theme.ts';

export interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

interface Page {
  sheet: Sheet;
  theme: Theme;
  frame: Frame;
  font: Font;
  /** Boxes that have words in them already. */
  taken: Box[];
}

const apart = (a: Box, b: Box): boolean =>
  a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;

export function drawNotes(
  sheet: Sheet,
  theme: Theme,
  frame: Frame,
  { marks, taken }: { marks: readonly Mark[]; taken: readonly Box[] },
): void {
  const page: Page = {
    sheet,
    theme,
    frame,
    font: { family: theme.family, size: theme.size.note },
    taken: [...taken],
  };
  const rules = marks.filter((mark) => mark.kind === 'rule' && mark.label !== undefined) as RuleMark[];
  for (const rule of [...rules].sort((a, b) => a.value - b.value)) drawRuleLabel(page, rule);
  for (const mark of marks) {
    if (mark.kind !== 'note') continue;
    const room = mark.at === 'corner' ? frame.width - 8 : Infinity;
    const lines = linesOf(mark.text).flatMap((line) => wrapText(line, page.font, room));
    if (mark.at === 'corner') drawCornerNote(page, lines, marks);
    else drawPointNote(page, mark, lines, mark.at);
  }
}

const linesOf = (text: NoteMark['text']): readonly RichText[] =>
  typeof text !== 'string' && text.every((item) => typeof item === 'string' || Array.isArray(item))
    ? (text as readonly RichText[])
    : [text as RichText];

/** At the far end of the rule, moved along it past other labels. */
function drawRuleLabel(
  { sheet, theme, frame, font, taken }: Page,
  { axis, value, label = '' }: RuleMark,
): void {
  const width = textWidth(label, font);
  const right = frame.left + frame.width;
  const at = axis === 'x' ? frame.x(value) : frame.y(value);
  const fits = at + 3 + width <= right;
  let left = axis === 'y' ? right - 2 - width : fits ? at + 3 : at - 3 - width;
  let base = axis === 'y' ? at - 2.5 : frame.top + font.size;
  const box = (): Box => ({
    left,
    right: left + width,
    top: base - font.size * 0.75,
    bottom: base + font.size * 0.25,
  });
  while (taken.some((other) => !apart(other, box()))) {
    if (axis === 'x') base += lineHeight(font);
    else left -= width + 4;
    if (base > frame.top + frame.height || left < frame.left) break;
  }
  taken.push(box());
  sheet.text(label, font, { x: left, y: base, fill: theme.colour.muted });
}

function drawPointNote(
  { sheet, theme, frame, font }: Page,
  mark: NoteMark,
  lines: readonly RichText[],
  at: Point,
): void {
  const [dx, dy] = mark.shift ?? [0, 0];
  const [x, y] = toSheet(frame, at);
  for (const [i, line] of lines.entries()) {
    sheet.text(line, font, {
      x: x + dx,
      y: y + dy + i * lineHeight(font),
      anchor: mark.anchor ?? 'start',
      fill: mark.colour ?? theme.colour.text,
    });
  }
}

/** Where a box covers the least ink, and how much that is: points of marks, 0 if none. */
export function emptiest(
  frame: Frame,
  marks: readonly Mark[],
  { width, height }: { width: number; height: number },
  taken: readonly Box[],
): { box: Box; covered: number } {
  const inset = 4;
  const room = Math.max(0, frame.height - 2 * inset - height);
  // The corners, then places along the sides between them: a panel may have ink in every corner.
  const places = [0, 1, 0.1, 0.9, 0.2, 0.8, 0.3, 0.7, 0.4, 0.6, 0.5].flatMap((share) =>
    [frame.left + inset, frame.left + frame.width - inset - width].map((left): Box => {
      const top = frame.top + inset + share * room;
      return { left, top, right: left + width, bottom: top + height };
    }),
  );
  const ink = marks.flatMap((mark) => denseInk(frame, mark));
  const load = (box: Box): number =>
    ink.filter(([x, y]) => x > box.left - 3 && x < box.right + 3 && y > box.top - 3 && y < box.bottom + 3)
      .length +
    1e6 * taken.filter((other) => !apart(other, box)).length;
  const box = places.reduce((a, b) => (load(b) < load(a) ? b : a));
  return { box, covered: load(box) };
}

function drawCornerNote(page: Page, lines: readonly RichText[], marks: readonly Mark[]): void {
  const { sheet, theme, frame, font, taken } = page;
  if (lines.length === 0) return;
  const width = Math.max(...lines.map((line) => textWidth(line, font)));
  const { above, below } = textExtents(font);
  const height = (lines.length - 1) * lineHeight(font) + above + below;
  const best = emptiest(frame, marks, { width, height }, taken).box;
  taken.push(best);
  // Grid lines must not run through the words.
  sheet.add('rect', {
    x: best.left - 2,
    y: best.top - 1,
    width: width + 4,
    height: height + 2,
    fill: theme.colour.background,
    'fill-opacity': 0.8,
  });
  for (const [i, line] of lines.entries()) {
    sheet.text(line, font, {
      x: best.left,
      y: best.top + above + i * lineHeight(font),
      fill: theme.colour.text,
    });
  }
}

/** Ink on the sheet, with points in between along lines. */
function denseInk(frame: Frame, mark: Mark): Point[] {
  const placed = inkPoints(mark)
    .map((p) => toSheet(frame, p))
    .filter((p) => p.every(Number.isFinite));
  if (mark.kind !== 'line') return placed;
  return placed.flatMap((p, i): Point[] => {
    const next = placed[i + 1];
    if (next === undefined) return [p];
    return [0, 0.2, 0.4, 0.6, 0.8].map((t): Point => [
      p[0] + t * (next[0] - p[0]),
      p[1] + t * (next[1] - p[1]),
    ]);
  });
}
