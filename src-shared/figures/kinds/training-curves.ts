/** Loss and accuracy per epoch: one panel per metric, one family of models per series. */
import { z } from 'zod';
import {
  bandNames,
  bandSchema,
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

export const trainingCurvesDataSchema = z.object({
  panels: z
    .array(
      z.object({
        /** "training loss (nats)" */
        label: labelSchema,
        log: z.boolean().default(false),
        series: z.array(
          z.object({
            label: labelSchema,
            colour: colourSchema.optional(),
            epochs: numbersSchema,
            /** One curve per model. */
            models: z.array(z.object({ name: labelSchema, values: numbersSchema })).min(1),
          }),
        ),
      }),
    )
    .min(1),
  band: bandSchema.default('range'),
  draw: z.enum(['mean', 'single', 'both']).default('mean'),
});

type Series = z.output<typeof trainingCurvesDataSchema>['panels'][number]['series'][number];
const familyOf = ({ label, epochs, models }: Series) => ({
  ...{ label, x: epochs },
  curves: models.map(({ values }) => values),
  names: models.map(({ name }) => name),
});

export const trainingCurves = defineFigure({
  title: 'Training curves',
  schema: trainingCurvesDataSchema,
  content: (data, theme) => {
    const series = new SeriesList(
      theme,
      data.panels.flatMap((p) => p.series),
    );
    return {
      name: 'Training curves',
      aspect: data.panels.length > 1 ? 0.74 : 0.62,
      shareX: true,
      rows: [
        data.panels.map((panel) => ({
          x: { label: 'epoch', margin: 0.01, integer: true },
          y: { label: panel.label, scale: panel.log ? ('log' as const) : ('linear' as const) },
          marks: inOrder(
            panel.series.flatMap((s) =>
              familyMarks(familyOf(s), series, {
                band: data.band,
                draw: data.draw,
                // A line through one point would not be seen.
                ...(s.epochs.length === 1 && { markers: 'all' as const }),
              }),
            ),
          ),
        })),
      ],
      legend: series.legend(
        'line',
        showsBand(
          data.panels.flatMap((p) => p.series.map((s) => ({ curves: s.models }))),
          data,
        ),
      ),
    };
  },
  describe: (data) => {
    const counts = data.panels.flatMap((p) => p.series.map((s) => s.models.length));
    const most = Math.max(...counts);
    const over = data.draw === 'single' ? 'every model' : `mean over ${most} model${most === 1 ? '' : 's'}`;
    return `Training, per epoch; ${over}${data.draw === 'mean' && most > 1 ? bandNames[data.band] : ''}.`;
  },
  numbers: (data) => ({
    columns: ['metric', 'series', 'model', 'epoch', 'value'],
    rows: data.panels.flatMap((panel) =>
      panel.series.flatMap((s) =>
        s.models.flatMap((m) =>
          s.epochs.map((e, i) => [panel.label, s.label, m.name, cell(e), cell(m.values[i])]),
        ),
      ),
    ),
  }),
});
