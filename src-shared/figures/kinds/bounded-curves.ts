/** Curves over epochs beside what bounds them: each series with a dashed line of its own, one panel per measure. */
import { z } from 'zod';
import {
  bandNames,
  cell,
  colourSchema,
  defineFigure,
  familyMarks,
  inOrder,
  labelSchema,
  numbersSchema,
  SeriesList,
  showsBand,
} from '../kind.ts';
import type { Mark } from '../marks.ts';

const seriesSchema = z
  .object({
    label: labelSchema,
    colour: colourSchema.optional(),
    epochs: numbersSchema,
    /** One curve per network, or per neuron. */
    curves: z.array(numbersSchema).min(1),
    /** The bound at each epoch; null is a gap. */
    bound: numbersSchema.optional(),
  })
  .refine((s) => s.bound === undefined || s.bound.length === s.epochs.length, {
    message: 'expected one number per epoch',
    path: ['bound'],
  });

export const boundedCurvesDataSchema = z.object({
  panels: z
    .array(
      z.object({
        title: labelSchema.optional(),
        /** "subspace coherence" */
        label: labelSchema,
        /** What the dashed lines are. */
        boundLabel: labelSchema,
        log: z.boolean().default(false),
        series: z.array(seriesSchema).min(1),
      }),
    )
    .min(1),
});

type Panel = z.output<typeof boundedCurvesDataSchema>['panels'][number];

const dash = [4, 3];

const boundMarks = (panel: Panel, series: SeriesList): Mark[] =>
  panel.series.flatMap(({ label, epochs, bound }): Mark[] =>
    bound === undefined
      ? []
      : [
          {
            kind: 'line',
            series: label,
            weight: 'thin',
            points: epochs.map((x, i) => [x, bound[i] ?? NaN]),
            style: { ...series.style(label), dash },
          },
        ],
  );

export const boundedCurves = defineFigure({
  title: 'Curves and their bounds',
  schema: boundedCurvesDataSchema,
  content: (data, theme) => {
    const series = new SeriesList(
      theme,
      data.panels.flatMap((p) => p.series),
    );
    const muted = { colour: theme.colour.muted, dash, marker: 'circle' as const };
    const bounds = [...new Set(data.panels.map(({ boundLabel }) => boundLabel))];
    const families = data.panels.flatMap((p) => p.series);
    return {
      name: data.panels.map(({ label }) => label).join(', '),
      aspect: data.panels.length > 1 ? 0.85 : 0.62,
      shareX: true,
      rows: [
        data.panels.map((panel) => ({
          ...(panel.title === undefined ? {} : { title: panel.title }),
          x: { label: 'epoch', margin: 0.02, integer: true },
          y: { label: panel.label, scale: panel.log ? ('log' as const) : ('linear' as const) },
          marks: inOrder([
            ...boundMarks(panel, series),
            ...panel.series.flatMap(({ label, epochs, curves }) =>
              familyMarks({ label, x: epochs, curves }, series, {
                ...{ band: 'range', draw: 'mean' },
                markers: epochs.length === 1 ? 'all' : 'some',
              }),
            ),
          ]),
        })),
      ],
      legend: [
        ...series.legend('line-marker', showsBand(families, { band: 'range' })),
        ...bounds.map((label) => ({ id: label, label, style: muted, look: 'thin-line' as const })),
      ],
    };
  },
  describe: (data) => {
    const most = Math.max(...data.panels.flatMap((p) => p.series.map(({ curves }) => curves.length)));
    const over = most > 1 ? `; mean over ${most} or fewer curves${bandNames.range}` : '';
    const dashed = data.panels.map(({ label, boundLabel }) => `${boundLabel} (${label})`).join('; ');
    return `${data.panels.map(({ label }) => label).join(', ')} over training${over}. Dashed: ${dashed}.`;
  },
  numbers: (data) => ({
    columns: ['panel', 'series', 'curve', 'epoch', 'value'],
    rows: data.panels.flatMap((panel) =>
      panel.series.flatMap(({ label, epochs, curves, bound }) => {
        const rows = (name: string, values: readonly number[]) =>
          epochs.map((epoch, i) => [panel.label, label, name, cell(epoch), cell(values[i])]);
        return [
          ...curves.flatMap((values, k) => rows(String(k + 1), values)),
          ...(bound ? rows(panel.boundLabel, bound) : []),
        ];
      }),
    ),
  }),
});
