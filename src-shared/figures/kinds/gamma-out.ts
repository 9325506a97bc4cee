/** The gap between projected centers over subspace dimension k and width m, with the theory's scaling beside. */
import { z } from 'zod';
import { cell, defineFigure, familyMarks, inOrder, numbersSchema, SeriesList } from '../kind.ts';
import type { Mark } from '../marks.ts';
import { markup } from '../text.ts';

export const gammaOutDataSchema = z.object({
  sigmaF: z.number().positive(),
  points: z
    .array(
      z.object({
        /** Dimension of the subspace. */
        k: z.int().positive(),
        /** Number of neurons. */
        m: z.int().min(2),
        /** One value per seed. */
        measured: numbersSchema,
      }),
    )
    .min(1),
});

type Data = z.output<typeof gammaOutDataSchema>;

/** sigma_F sqrt(k) m^(-2/k): how the smallest distance of m Gaussian points in k dimensions scales (no constant). */
export const gammaOutTheory = (sigmaF: number, k: number, m: number): number =>
  sigmaF * Math.sqrt(k) * m ** (-2 / k);

const distinct = (values: readonly number[]): number[] => [...new Set(values)].sort((a, b) => a - b);

/** Lines along one of k and m; the other one names the series. */
function lines(data: Data, along: 'k' | 'm', series: SeriesList): Mark[] {
  const other = along === 'k' ? 'm' : 'k';
  return distinct(data.points.map((p) => p[other])).flatMap((value): Mark[] => {
    const points = data.points.filter((p) => p[other] === value).sort((a, b) => a[along] - b[along]);
    if (points.length < 2) return [];
    const label = `${other} = ${value}`;
    const x = points.map((p) => p[along]);
    const seeds = Math.max(...points.map((p) => p.measured.length));
    const curves = Array.from({ length: seeds }, (_, s) => points.map((p) => p.measured[s] ?? NaN));
    return [
      ...familyMarks({ label, x, curves }, series, { band: 'range', draw: 'mean', markers: 'all' }),
      {
        kind: 'line',
        series: label,
        weight: 'thin',
        style: { ...series.style(label), dash: [4, 3] },
        points: points.map((p) => [p[along], gammaOutTheory(data.sigmaF, p.k, p.m)]),
      },
    ];
  });
}

/** Values of the other one that have two points at least along this one: each is a line. */
const linesAlong = (data: Data, along: 'k' | 'm'): number[] => {
  const other = along === 'k' ? 'm' : 'k';
  return distinct(data.points.map((p) => p[other])).filter(
    (value) => data.points.filter((p) => p[other] === value).length > 1,
  );
};

const labelsAlong = (data: Data, along: 'k' | 'm') =>
  linesAlong(data, along).map((v) => `${along === 'k' ? 'm' : 'k'} = ${v}`);

export const gammaOut = defineFigure({
  title: 'Center gap over k and m',
  schema: gammaOutDataSchema,
  content: (data, theme) => {
    const found = (['k', 'm'] as const).filter((axis) => linesAlong(data, axis).length > 0);
    const along = found.length > 0 ? found : (['k'] as const);
    // One list for both panels: a style never means two things.
    const labels = along.flatMap((axis) => labelsAlong(data, axis));
    const series = new SeriesList(
      theme,
      labels.map((label) => ({ label })),
    );
    const theory = { colour: theme.colour.muted, dash: [4, 3], marker: 'circle' as const };
    return {
      name: 'Projected-center gap',
      aspect: along.length > 1 ? 0.85 : 0.7,
      shareY: 'all',
      rows: [
        along.map((axis) => ({
          title: axis === 'k' ? 'over subspace dimension' : 'over width',
          x: {
            label: markup(axis === 'k' ? 'subspace dimension *k*' : 'neurons *m*'),
            scale: 'log' as const,
            margin: 0.04,
            ticks: distinct(data.points.map((p) => p[axis])),
          },
          y: { label: markup('projected-center gap γ_{out}'), scale: 'log' as const },
          marks: inOrder(lines(data, axis, series)),
        })),
      ],
      legend: [
        ...series.legend('line-marker'),
        { id: 'theory', label: markup('theory, σ_{F} √*k* *m*^{−2/k}'), style: theory, look: 'thin-line' },
      ],
    };
  },
  describe: (data) =>
    `Smallest distance between projected centers (times √2) at σ_F = ${data.sigmaF}; dashed: the theory's scaling σ_F √k m^(−2/k), without its constant.`,
  numbers: (data) => ({
    columns: ['k', 'm', 'sigma_F', 'seed', 'gamma_out', 'theory'],
    rows: data.points.flatMap(({ k, m, measured }) =>
      measured.map((v, s) => [k, m, data.sigmaF, s + 1, cell(v), gammaOutTheory(data.sigmaF, k, m)]),
    ),
  }),
});
