/** How well the identity matches two models' activations, between the optimum and chance; one panel per layer. */
import { z } from 'zod';
import { cell, defineFigure, familyMarks, inOrder, labelSchema, numbersSchema, SeriesList } from '../kind.ts';
import { markup } from '../text.ts';
import type { Mark } from '../marks.ts';

export const matchingObjectiveDataSchema = z.object({
  /** What runs along x; sigma_F is drawn as categories, as values lie unevenly. */
  axis: z.enum(['epoch', 'sigma_F', 'sparsity']),
  /** "mean correlation of matched neurons" */
  objectiveLabel: labelSchema.default('matching objective'),
  panels: z
    .array(
      z.object({
        title: labelSchema,
        x: numbersSchema,
        /** One curve per pair of models. */
        optimal: z.array(numbersSchema).min(1),
        identity: z.array(numbersSchema).min(1),
        /** Over random permutations. */
        random: z.object({ mean: numbersSchema, low: numbersSchema, high: numbersSchema }),
      }),
    )
    .min(1),
});

type Panel = z.output<typeof matchingObjectiveDataSchema>['panels'][number];
const names = ['optimal', 'identity', 'random'] as const;

const axisLabels = {
  epoch: 'epoch',
  sigma_F: markup('fixed weight scale σ_{F}'),
  sparsity: 'fixed share of weights',
} as const;

function panelMarks(panel: Panel, xs: readonly number[], series: SeriesList): Mark[] {
  const style = series.style('random');
  const { mean, low, high } = panel.random;
  const at = (values: readonly number[]) => xs.map((x, i) => [x, values[i] ?? NaN] as const);
  return inOrder([
    {
      kind: 'band',
      series: 'random',
      colour: style.colour,
      points: xs.map((x, i) => [x, low[i] ?? NaN, high[i] ?? NaN]),
    },
    { kind: 'line', series: 'random', points: at(mean), style, markers: 'some', stagger: 2 },
    ...(['optimal', 'identity'] as const).flatMap((label) =>
      familyMarks({ label, x: xs, curves: panel[label] }, series, {
        band: 'range',
        draw: 'mean',
        markers: 'some',
      }),
    ),
  ]);
}

export const matchingObjective = defineFigure({
  title: 'Matching objective',
  schema: matchingObjectiveDataSchema,
  content: (data, theme) => {
    const series = new SeriesList(
      theme,
      names.map((label) => ({ label })),
    );
    const categorical = data.axis === 'sigma_F';
    return {
      name: `${data.objectiveLabel} over ${data.axis}`,
      aspect: 0.8,
      shareY: 'all',
      rows: rowsOf(data.panels).map((row) =>
        row.map((panel) => ({
          title: panel.title,
          x: categorical
            ? { label: axisLabels[data.axis], scale: 'category' as const, categories: panel.x.map(String) }
            : { label: axisLabels[data.axis], margin: 0.02, integer: data.axis === 'epoch' },
          y: { label: data.objectiveLabel },
          marks: panelMarks(panel, categorical ? panel.x.map((_, i) => i) : panel.x, series),
        })),
      ),
      legend: series.legend('line-marker', true),
    };
  },
  describe: (data) => {
    const pairs = data.panels[0]?.optimal.length ?? 0;
    const over = `mean over ${pairs} pair${pairs === 1 ? '' : 's'}`;
    return `${data.objectiveLabel} of the optimal, the identity and random permutations; ${over}; bands: minimum to maximum.`;
  },
  numbers: (data) => ({
    columns: ['panel', 'permutation', 'curve', data.axis, 'value'],
    rows: data.panels.flatMap((panel) => {
      const row = (kind: string, curve: string, values: readonly number[]) =>
        panel.x.map((x, i) => [panel.title, kind, curve, cell(x), cell(values[i])]);
      return [
        ...(['optimal', 'identity'] as const).flatMap((kind) =>
          panel[kind].flatMap((values, k) => row(kind, `pair ${k + 1}`, values)),
        ),
        ...(['mean', 'low', 'high'] as const).flatMap((name) => row('random', name, panel.random[name])),
      ];
    }),
  }),
});

/** At most four panels side by side. */
function rowsOf<T>(panels: readonly T[]): T[][] {
  const perRow = Math.ceil(panels.length / Math.ceil(panels.length / 4));
  return Array.from({ length: Math.ceil(panels.length / perRow) }, (_, r) =>
    panels.slice(r * perRow, (r + 1) * perRow),
  );
}
