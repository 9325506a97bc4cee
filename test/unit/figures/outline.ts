/** A figure in words, so that a person can review a change of layout in a diff: places, ticks, texts, strokes, legend. */
import type { FigureDocument } from '../../../src-shared/figures/index.ts';

const pt = (value: number): string => value.toFixed(1).replace(/\.0$/, '');

/** Height of the legend over that of the figure; 0 without one. */
export function legendShare(figure: FigureDocument): number {
  const { legend } = figure;
  return legend === null ? 0 : legend.height / figure.height;
}

export function outlineOf(figure: FigureDocument): string {
  const { svg, panels, texts } = figure;
  const all = (pattern: RegExp): string[] => [...svg.matchAll(pattern)].map((match) => match[1]!);
  const counted = (values: readonly string[]): string =>
    [...Map.groupBy(values, (value) => value)]
      .sort(([a], [b]) => Number(a) - Number(b))
      .map(([value, same]) => `${value} (${same.length})`)
      .join(', ');
  return [
    `  size ${(figure.width / 72).toFixed(2)} x ${(figure.height / 72).toFixed(2)} in`,
    `  fonts, pt: ${counted(all(/<text[^>]* font-size="([\d.]+)"/g))}`,
    `  strokes, pt: ${counted(all(/ stroke-width="([\d.]+)"/g))}`,
    ...panels.flatMap(({ title, left, top, width, height, x, y }) => [
      `  panel "${title}" at ${pt(left)},${pt(top)}, ${pt(width)} x ${pt(height)} pt`,
      ...[x, y].map(
        ({ label, scale, from, to, ticks }, i) =>
          `    ${i === 0 ? 'x' : 'y'} "${label}", ${scale} ${Number(from.toPrecision(4))} to ${Number(to.toPrecision(4))}: ${ticks.join(' | ')}`,
      ),
    ]),
    `  legend: ${figure.series.map(({ label, colour }) => `${label} ${colour}`).join(', ')}; ${(100 * legendShare(figure)).toFixed(0)} % of the height`,
    ...texts.map(({ text, box, rotate }) => {
      const turned = rotate === 0 ? '' : ` turned ${pt(rotate)}`;
      return `  text ${pt(box.left)},${pt(box.bottom)}${turned} ${text}`;
    }),
    '',
  ].join('\n');
}
