/** Barriers between all pairs of models, with the numbers in the cells. */
import { format } from 'd3';
import { z } from 'zod';
import {
  chooseScale,
  colourMaps,
  levelOf,
  luminance,
  palette,
  valueRange,
  type ColourScale,
} from '../colour.ts';
import { cell, colourRangeSchema, defineFigure, labelSchema } from '../kind.ts';
import type { Mark } from '../marks.ts';
import { matrixDataSchema } from '../matrix-data.ts';
import type { Theme } from '../theme.ts';

const panelSchema = z
  .object({
    title: labelSchema.optional(),
    /** One per row and column. */
    names: z.array(labelSchema).min(2),
    /** Missing entries (the diagonal) are null. */
    values: matrixDataSchema,
  })
  .refine((p) => p.values.rows === p.names.length && p.values.columns === p.names.length, {
    message: 'expected as many rows and columns as names',
    path: ['values'],
  });

export const barrierMatrixDataSchema = z.object({
  panels: z.array(panelSchema).min(1),
  /** "test-accuracy barrier (%)" */
  valueLabel: labelSchema,
  digits: z.int().min(0).max(6).default(1),
  colours: z.enum(['auto', ...colourMaps]).default('auto'),
  range: colourRangeSchema.optional(),
});

type Panel = z.output<typeof panelSchema>;

/** Barriers as drops are negative: the map then runs from deep (dark) to none (light), not about 0. */
function scaleOf(panels: readonly Panel[], wanted: z.output<typeof barrierMatrixDataSchema>): ColourScale {
  const ranges = panels.map((p) => valueRange(p.values.data)).filter((r) => r !== null);
  const low = Math.min(...ranges.map((r) => r[0]));
  const high = Math.max(...ranges.map((r) => r[1]));
  const oneSided = high <= 0 || low >= 0;
  const map = wanted.colours === 'auto' ? (oneSided ? 'viridis' : 'diverging') : wanted.colours;
  return chooseScale(ranges.length === 0 ? null : [low, high], {
    map,
    transform: 'linear',
    domain: wanted.range,
  });
}

function panelMarks(panel: Panel, scale: ColourScale, theme: Theme, digits: number): Mark[] {
  const n = panel.names.length;
  const write = format(`.${digits}f`);
  const level = levelOf(scale);
  const colours = palette(scale.map, theme.colour.missing);
  const cells = Array.from(panel.values.data, (value, k) => ({
    x: k % n,
    y: Math.floor(k / n),
    text: Number.isFinite(value) ? write(value) : k % n === Math.floor(k / n) ? '' : '×',
    // White on the darker half of the colours: the better contrast of the two.
    ink: luminance(colours[level(value)]!) < 0.18 ? ('light' as const) : ('dark' as const),
  })).filter((c) => c.text !== '');
  const extent = { x0: -0.5, x1: n - 0.5, y0: -0.5, y1: n - 0.5 };
  return [
    { kind: 'raster', rows: n, columns: n, values: panel.values.data, scale, extent },
    { kind: 'cells', cells },
  ];
}

export const barrierMatrix = defineFigure({
  title: 'Barrier matrix',
  schema: barrierMatrixDataSchema,
  content: (data, theme) => {
    const scale = scaleOf(data.panels, data);
    const sameNames = data.panels.every((p) => p.names.join('\n') === data.panels[0]!.names.join('\n'));
    return {
      name: data.valueLabel,
      aspect: 1,
      fixedAspect: true,
      ...(sameNames ? { shareY: 'all' as const } : {}),
      rows: [
        data.panels.map((panel) => ({
          ...(panel.title === undefined ? {} : { title: panel.title }),
          framed: true,
          x: { label: '', scale: 'category' as const, categories: panel.names },
          y: { label: '', scale: 'category' as const, categories: panel.names, reversed: true },
          marks: panelMarks(panel, scale, theme, data.digits),
        })),
      ],
      colourBars: [{ scale, label: data.valueLabel }],
    };
  },
  describe: (data) => {
    const { all, missing } = countPairs(data.panels);
    const lost = `${missing} of ${all} pairs have no barrier (×): their curves have points that are not finite, or were not measured.`;
    return `${data.valueLabel} between all pairs of models.${missing > 0 ? ` ${lost}` : ''}`;
  },
  numbers: (data) => ({
    columns: ['panel', 'model 1', 'model 2', 'value'],
    rows: data.panels.flatMap((panel, p) =>
      Array.from(panel.values.data, (value, k) => [
        panel.title ?? String(p + 1),
        panel.names[Math.floor(k / panel.names.length)] ?? '',
        panel.names[k % panel.names.length] ?? '',
        cell(value),
      ]),
    ),
  }),
});

/** Off the diagonal, each pair once, as far as the matrix is symmetric. */
function countPairs(panels: readonly Panel[]): { all: number; missing: number } {
  const total = { all: 0, missing: 0 };
  for (const { names, values } of panels)
    for (let i = 0; i < names.length; i++)
      for (let j = 0; j < i; j++) {
        const at = (row: number, column: number) => values.data[row * names.length + column]!;
        total.all++;
        if (!Number.isFinite(at(i, j)) && !Number.isFinite(at(j, i))) total.missing++;
      }
  return total;
}
