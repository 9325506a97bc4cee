/** Distributions as histograms over common bins. */
import { z } from 'zod';
import { valueRange } from '../colour.ts';
import { colourSchema, defineFigure, labelSchema, numbersSchema, SeriesList } from '../kind.ts';
import type { BarsMark, Mark } from '../marks.ts';

export const histogramDataSchema = z.object({
  label: labelSchema,
  series: z
    .array(z.object({ label: labelSchema, colour: colourSchema.optional(), values: numbersSchema }))
    .min(1),
  bins: z.int().min(1).max(1000).default(40),
  /** Count entries, or show each series' share of its own entries. */
  measure: z.enum(['count', 'share']).default('count'),
  /** Vertical lines: thresholds, means. */
  lines: z.array(z.object({ value: z.number(), label: labelSchema })).default([]),
});

type Data = z.output<typeof histogramDataSchema>;

interface Binned {
  label: string;
  heights: number[];
  missing: number;
}

/** Equal bins over the range of all series together; values that are not finite are counted, not drawn. */
export function binned(data: Data): { edges: number[]; series: Binned[] } {
  const range = valueRange(data.series.flatMap((s) => s.values)) ?? [0, 1];
  const [low, high] = range[0] === range[1] ? [range[0] - 0.5, range[1] + 0.5] : range;
  const width = (high - low) / data.bins;
  const series = data.series.map(({ label, values }): Binned => {
    const heights = Array<number>(data.bins).fill(0);
    const finite = values.filter(Number.isFinite);
    for (const v of finite) heights[Math.min(data.bins - 1, Math.floor((v - low) / width))]! += 1;
    const unit = data.measure === 'share' ? Math.max(1, finite.length) : 1;
    return { label, heights: heights.map((h) => h / unit), missing: values.length - finite.length };
  });
  return { edges: Array.from({ length: data.bins + 1 }, (_, i) => low + i * width), series };
}

export const histogram = defineFigure({
  title: 'Histogram',
  schema: histogramDataSchema,
  content: (data, theme) => {
    const list = new SeriesList(theme, data.series);
    const { edges, series } = binned(data);
    const marks: Mark[] = series.map(({ label, heights }): BarsMark => ({
      kind: 'bars',
      series: label,
      bars: heights.map((h, i) => [edges[i]!, edges[i + 1]!, 0, h]),
      style: list.style(label),
      look: series.length === 1 ? 'filled' : 'outline',
    }));
    const lines = data.lines.map(({ value, label }): Mark => ({ kind: 'rule', axis: 'x', value, label }));
    return {
      name: data.label,
      aspect: 0.6,
      rows: [
        [
          {
            x: { label: data.label },
            y: { label: data.measure === 'count' ? 'count' : 'share', limit: [0, Infinity] as const },
            marks: [...marks, ...lines],
          },
        ],
      ],
      legend: list.legend(series.length === 1 ? 'patch' : 'line', series.length > 1),
    };
  },
  describe: (data) => {
    const { series } = binned(data);
    const missing = series.reduce((total, s) => total + s.missing, 0);
    const left = missing > 0 ? ` ${missing} values that are not finite are not shown.` : '';
    return `Distribution of ${data.label}, ${data.bins} bins.${left}`;
  },
  numbers: (data) => {
    const { edges, series } = binned(data);
    return {
      columns: ['series', 'from', 'to', data.measure],
      rows: series.flatMap((s) => s.heights.map((h, i) => [s.label, edges[i]!, edges[i + 1]!, h])),
    };
  },
});
