/** Do two texts of a figure touch? Boxes may be turned, so: separating axes. */
import type { FigureDocument } from '../../../src-shared/figures/index.ts';

type Text = FigureDocument['texts'][number];
type Point = readonly [number, number];

/** Corners of the turned box, shrunk by a little: neighbours may touch, not overlap. */
export function corners(text: Text, shrink = 0.25): Point[] {
  const { left, right, top, bottom } = text.box;
  const [px, py] = text.pivot;
  const angle = (text.rotate * Math.PI) / 180;
  const turn = ([x, y]: Point): Point => [
    px + (x - px) * Math.cos(angle) - (y - py) * Math.sin(angle),
    py + (x - px) * Math.sin(angle) + (y - py) * Math.cos(angle),
  ];
  const box: Point[] = [
    [left + shrink, top + shrink],
    [right - shrink, top + shrink],
    [right - shrink, bottom - shrink],
    [left + shrink, bottom - shrink],
  ];
  return box.map(turn);
}

function overlap(a: Text, b: Text): boolean {
  const [p, q] = [corners(a), corners(b)];
  const edges = [p, q].flatMap((box) =>
    box.slice(0, 2).map((c, i): Point => [box[i + 1]![0] - c[0], box[i + 1]![1] - c[1]]),
  );
  return edges.every(([ex, ey]) => {
    const along = (box: Point[]): number[] => box.map(([x, y]) => x * -ey + y * ex);
    const [u, v] = [along(p), along(q)];
    return Math.min(...u) < Math.max(...v) && Math.min(...v) < Math.max(...u);
  });
}

/** Pairs of texts that overlap, as words, for a readable failure. */
export function collisions(figure: FigureDocument): string[] {
  const found: string[] = [];
  for (const [i, a] of figure.texts.entries()) {
    for (const b of figure.texts.slice(i + 1)) if (overlap(a, b)) found.push(`"${a.text}" over "${b.text}"`);
  }
  return found;
}

/** Texts that reach beyond the sheet. */
export function cutOff(figure: FigureDocument): string[] {
  return figure.texts
    .filter((t) => corners(t, 0.1).some(([x, y]) => x < 0 || y < 0 || x > figure.width || y > figure.height))
    .map((t) => t.text);
}
