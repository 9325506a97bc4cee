/** Heat maps of square or rectangular matrices, as small multiples that share colour scales. */
import { z } from 'zod';
import {
  chooseScale,
  colourMaps,
  fixedColourMaps,
  isFixedMap,
  valueRange,
  valueScales,
  type ColourScale,
} from '../colour.ts';
import { cell, colourRangeSchema, defineFigure, fitsScale, fitsScaleIssue, labelSchema } from '../kind.ts';
import type { LegendItem } from '../legend.ts';
import type { Mark, Point } from '../marks.ts';
import { matrixDataSchema } from '../matrix-data.ts';
import { markup } from '../text.ts';
import { seriesStyle, type SeriesStyle, type Theme } from '../theme.ts';

export const matrixFigureDataSchema = z
  .object({
    /** Panels in rows, as they are drawn. */
    rows: z
      .array(
        z
          .array(
            z.object({
              title: labelSchema.optional(),
              /** In the table of numbers; absent: its title. */
              name: z.string().optional(),
              matrix: matrixDataSchema,
              /** Column assigned to each row; drawn over the matrix. */
              assignment: z.array(z.int().nonnegative()).optional(),
            }),
          )
          .min(1),
      )
      .min(1),
    /** What an entry is, with its unit: the label of the colour bar. */
    valueLabel: labelSchema,
    rowLabel: labelSchema.default('neuron i'),
    columnLabel: labelSchema.default('neuron j'),
    /** 'signed-sqrt' shows sign(v) √|v|; the colour bar keeps the values' own units. */
    scale: z.enum(valueScales).default('linear'),
    /** 'swap-costs' is the published map: every value has its colour, whatever the range. */
    colours: z.enum(['auto', ...colourMaps, ...fixedColourMaps]).default('auto'),
    /** One colour scale for each row of panels, or for all of them. */
    share: z.enum(['row', 'all']).default('row'),
    /** Panels side by side at most; a longer row goes on in the next line. */
    across: z.int().min(1).max(12).default(4),
    /** Fixed range of the colours. */
    range: colourRangeSchema.optional(),
  })
  .refine((d) => !isFixedMap(d.colours) || d.scale !== 'log', {
    message: 'the map swap-costs has colours for values and their signed square roots, not for logarithms',
    path: ['colours'],
  })
  .refine(fitsScale, fitsScaleIssue);

type Data = z.output<typeof matrixFigureDataSchema>;
type Panel = Data['rows'][number][number];

function scaleFor(panels: readonly Panel[], data: Data, map = data.colours): ColourScale {
  const positive = data.scale === 'log';
  const ranges = panels.map((p) => valueRange(p.matrix.data, positive)).filter((r) => r !== null);
  const low = Math.min(...ranges.map((r) => r[0]));
  const high = Math.max(...ranges.map((r) => r[1]));
  return chooseScale(ranges.length === 0 ? null : [low, high], {
    map,
    transform: data.scale,
    domain: data.range,
  });
}

/** One colour map for the whole figure, however many scales: a colour never means two things. */
function scalesFor(data: Data): ColourScale[] {
  const whole = scaleFor(data.rows.flat(), data);
  return data.share === 'all' ? [whole] : data.rows.map((row) => scaleFor(row, data, whole.map));
}

const assignmentStyle = (theme: Theme): SeriesStyle => ({
  ...seriesStyle(theme, 0),
  colour: '#E8402A',
  dash: [],
  marker: 'square',
});

function panelMarks(panel: Panel, scale: ColourScale, theme: Theme): Mark[] {
  const { rows, columns, data } = panel.matrix;
  const raster: Mark = {
    kind: 'raster',
    rows,
    columns,
    values: data,
    scale,
    extent: { x0: -0.5, x1: columns - 0.5, y0: -0.5, y1: rows - 0.5 },
  };
  if (panel.assignment === undefined) return [raster];
  const points = panel.assignment.map((column, row): Point => [column, row]);
  const size = Math.max(0.35, Math.min(1, 24 / Math.max(rows, columns)));
  return [
    raster,
    { kind: 'points', series: 'assignment', points, style: assignmentStyle(theme), scale: size },
  ];
}

/** A row that is too long, in several lines of the same colours. */
function lines<T>(row: readonly T[], mostAcross: number): T[][] {
  const count = Math.ceil(row.length / mostAcross);
  const across = Math.ceil(row.length / count);
  return Array.from({ length: count }, (_, k) => row.slice(k * across, (k + 1) * across));
}

/** "neuron i" with its index in italics. */
const indexed = (label: string) => markup(label.replace(/ ([ijk])$/, ' *$1*'));

export const matrix = defineFigure({
  title: 'Matrix',
  schema: matrixFigureDataSchema,
  content: (data, theme) => {
    const all = data.rows.flat();
    const perRow = scalesFor(data);
    const rows = data.rows.flatMap((row, r) =>
      lines(row, data.across).map((panels) => ({ panels, scale: perRow[Math.min(r, perRow.length - 1)]! })),
    );
    const scales = perRow.length === 1 ? perRow : rows.map(({ scale }) => scale);
    const largest = Math.max(...all.map((p) => p.matrix.rows / p.matrix.columns));
    const assigned = all.some((p) => p.assignment !== undefined);
    const legend: LegendItem[] = assigned
      ? [{ id: 'assignment', label: 'assignment', style: assignmentStyle(theme), look: 'marker' }]
      : [];
    const root =
      data.scale === 'signed-sqrt' ? ', signed square-root scale' : data.scale === 'log' ? ', log scale' : '';
    const sameShape = all.every(
      (p) => p.matrix.rows === all[0]!.matrix.rows && p.matrix.columns === all[0]!.matrix.columns,
    );
    return {
      name: data.valueLabel,
      aspect: largest,
      fixedAspect: true,
      ...(sameShape ? { shareX: true, shareY: 'all' as const } : {}),
      rows: rows.map(({ panels, scale }) =>
        panels.map((panel) => ({
          ...(panel.title === undefined ? {} : { title: panel.title }),
          framed: true,
          x: { label: indexed(data.columnLabel), integer: true },
          y: { label: indexed(data.rowLabel), reversed: true, integer: true },
          marks: panelMarks(panel, scale, theme),
        })),
      ),
      colourBars: scales.map((scale) => ({ scale, label: data.valueLabel + root })),
      legend,
    };
  },
  describe: (data) => {
    const root = {
      linear: '',
      'signed-sqrt': ' Colours follow the signed square root.',
      log: ' Logarithmic colours.',
    };
    const shared = data.rows.some((row) => row.length > 1) ? ' Panels of a row share one colour scale.' : '';
    const scales = isFixedMap(data.colours) ? ' Every value has the colour of the published figure.' : shared;
    return `${data.valueLabel}; row 0 on top.${root[data.scale]}${scales}`;
  },
  numbers: (data) => ({
    columns: ['panel', 'row', 'column', 'value'],
    rows: data.rows
      .flat()
      .flatMap((panel, p) =>
        Array.from(panel.matrix.data, (value, k) => [
          panel.name ?? panel.title ?? String(p + 1),
          Math.floor(k / panel.matrix.columns),
          k % panel.matrix.columns,
          cell(value),
        ]),
      ),
  }),
});
