/** Distributions side by side as box plots. */
import { z } from 'zod';
import { cell, colourSchema, defineFigure, labelSchema, numbersSchema, SeriesList } from '../kind.ts';
import type { Mark } from '../marks.ts';
import { boxSummary } from '../statistics.ts';

export const boxesDataSchema = z.object({
  label: labelSchema,
  log: z.boolean().default(false),
  panels: z
    .array(
      z.object({
        title: labelSchema.optional(),
        groups: z
          .array(z.object({ label: labelSchema, colour: colourSchema.optional(), values: numbersSchema }))
          .min(1),
      }),
    )
    .min(1),
});

/** From more groups on, their names do not stand side by side in a panel of half a page. */
export const manyGroups = 12;

export const boxes = defineFigure({
  title: 'Box plots',
  schema: boxesDataSchema,
  content: (data, theme) => {
    const series = new SeriesList(
      theme,
      data.panels.flatMap((p) => p.groups),
    );
    const panels = data.panels.map((panel) => ({
      ...(panel.title === undefined ? {} : { title: panel.title }),
      x: { label: '', scale: 'category' as const, categories: panel.groups.map((g) => g.label) },
      y: { label: data.label, scale: data.log ? ('log' as const) : ('linear' as const) },
      marks: panel.groups.flatMap((group, i): Mark[] => {
        const positive = data.log ? group.values.filter((v) => v > 0) : group.values;
        const summary = boxSummary(positive);
        if (summary === null) return [];
        const style = { ...series.style(group.label), dash: [] };
        return [{ kind: 'box', series: group.label, at: i, width: 0.55, summary, style }];
      }),
    }));
    // Many names need the whole width: panels stand below each other then.
    const many = data.panels.some(({ groups }) => groups.length > manyGroups);
    return {
      name: data.label,
      aspect: many ? 0.35 : panels.length > 1 ? 0.9 : 0.62,
      shareY: 'all',
      rows: many ? panels.map((panel) => [panel]) : [panels],
    };
  },
  describe: (data) => {
    const left = data.log
      ? data.panels.flatMap((p) => p.groups.flatMap((g) => g.values)).filter((v) => !(v > 0)).length
      : 0;
    const dropped =
      left > 0 ? ` ${left} values that are not positive cannot be shown on the logarithmic axis.` : '';
    return `${data.label}: median, quartiles, whiskers at the outermost values within 1.5 box lengths, mean (diamond), outliers.${dropped}`;
  },
  numbers: (data) => ({
    columns: ['panel', 'group', 'index', 'value'],
    rows: data.panels.flatMap((panel, p) =>
      panel.groups.flatMap((g) =>
        g.values.map((v, i) => [panel.title ?? String(p + 1), g.label, i, cell(v)]),
      ),
    ),
  }),
});
