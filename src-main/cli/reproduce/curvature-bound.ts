/** A short symmetry curve that bends little has a low barrier on its chord (arXiv 2505.23681, Theorem 6.2). */
import type { FigureRecipe } from '../../../src-shared/figures/index.ts';
import type { JobResult } from '../../../src-shared/jobs/index.ts';
import { isNear, together } from '../../../src-shared/verdicts/rules.ts';
import { curvatureBoundFinding, exponentAgrees } from '../../../src-shared/verdicts/symmetry.ts';
import { deviationBounded, powerBetween } from '../../../src-shared/verdicts/symmetry-studies.ts';
import type { Experiment, ExperimentRow, ExperimentSize, ExperimentWork } from './experiment.ts';
import { cutList } from './limit.ts';
import { seedsFrom } from './seeds.ts';

type Activation = 'linear' | 'relu';

interface Setting {
  layers: readonly number[];
  widths: readonly number[];
  tasks: number;
  /** Sizes of log g, increasing. */
  scales: number[];
  steps: number;
}

/** The power of short curves is measured between the second and the fourth. */
const scales = [0.003, 0.01, 0.03, 0.1, 0.3, 1];

const settings: Record<ExperimentSize, Setting> = {
  quick: { layers: [2, 3, 4], widths: [4, 8], tasks: 3, scales, steps: 800 },
  paper: {
    ...{ layers: [2, 3, 4, 5, 6], widths: [2, 4, 8, 16], tasks: 10 },
    ...{ scales, steps: 2000 },
  },
};

type Result = JobResult<'curvature-bound'>;
interface Measured {
  activation: Activation;
  layers: number;
  results: Result[];
}

const names: Record<Activation, string> = { linear: 'linear', relu: 'ReLU' };
/** Bounds on the shortest curves are sharp up to this. */
const sharp = 0.01;

const range = (values: readonly number[], digits = 3): string => {
  const [low, high] = [Math.min(...values), Math.max(...values)].map((x) => x.toPrecision(digits));
  return low === high ? low! : `${low} to ${high}`;
};

/** ReLU networks are not trained to an exact minimum: slopes are left, whose power is 2. */
function powerRow(at: string, activation: Activation, powers: readonly (number | null)[]): ExperimentRow {
  const found = powers.filter((power) => power !== null);
  const without = powers.length - found.length;
  return {
    what: `${at}: growth of the barrier with the length of short curves`,
    expected: activation === 'linear' ? 'power 4: minima are quadratic, the distance grows with S²' : '-',
    measured: `${found.length > 0 ? `power ${range(found)}` : 'no barrier'}${without > 0 ? `; ${without} of ${powers.length} chords without a barrier` : ''}`,
    holds: activation === 'linear' ? together(powers.map((power) => exponentAgrees(power, 4))) : null,
    data: { powers },
  };
}

function rowsOf({ activation, layers, results }: Measured): ExperimentRow[] {
  const rows = results.flatMap((result) => result.rows);
  const at = `${layers} ${names[activation]} layers`;
  const ratios = rows.flatMap((r) => (r.measured_barrier > 0 ? [r.barrier_bound / r.measured_barrier] : []));
  const shortest = results.map((result) => result.rows[0]!);
  const sharpness = shortest.map((row) => row.deviation_bound / row.chord_deviation);
  const powers = results.map((result) => powerBetween(result.rows[1]!, result.rows[3]));
  return [
    {
      what: `${at}: bound on the barrier`,
      expected: 'above every barrier (Theorem 6.2)',
      measured: `${range(ratios)} times the barrier, ${rows.length} curves`,
      holds: together(results.map((result) => curvatureBoundFinding(result).outcome)),
    },
    {
      what: `${at}: bound κ S²/8 on the distance of chord and curve`,
      expected: 'above every distance',
      measured: `${range(rows.map((row) => row.deviation_bound / row.chord_deviation))} times the distance`,
      holds: deviationBounded(rows),
    },
    {
      what: `  the same for the shortest curves, |log g| of order ${shortest[0]!.scale}`,
      expected: `sharp, up to ${100 * sharp} %`,
      measured: `${range(sharpness, 5)} times the distance`,
      holds: together(sharpness.map((ratio) => isNear(ratio, 1, sharp))),
    },
    powerRow(at, activation, powers),
  ];
}

function figureOf(all: readonly Measured[]): FigureRecipe<'scatter'> {
  const panels = (['linear', 'relu'] as const).flatMap((activation) => {
    const rows = all.filter((one) => one.activation === activation).flatMap(({ results }) => results);
    const points = (of: (row: Result['rows'][number]) => number) =>
      rows.flatMap((result) =>
        result.rows.filter((row) => of(row) > 0).map((row) => ({ x: row.length, y: of(row) })),
      );
    if (rows.length === 0) return [];
    return [
      {
        title: `${names[activation]} networks`,
        ...{ x: { label: 'length of the curve', log: true }, y: { label: 'barrier', log: true } },
        series: [
          { label: 'bound', points: points((row) => row.barrier_bound) },
          { label: 'measured', points: points((row) => row.measured_barrier) },
        ],
      },
    ];
  });
  return {
    kind: 'scatter',
    data: { panels, correlation: false },
    options: { size: 'double' },
    caption:
      'Barrier on the chord of symmetry curves over their length, and the bound that their curvature and length give.',
  };
}

async function measure(
  work: ExperimentWork,
  activation: Activation,
  layers: number,
  share: number,
): Promise<Measured> {
  const { widths, tasks, scales, steps } = settings[work.size];
  const results: Result[] = [];
  for (const width of widths)
    for (const seed of seedsFrom(work.seed, tasks)) {
      const params = { activation, layers, width, scales, steps, seed };
      const message = `${layers} ${names[activation]} layers of width ${width}: curves and chords`;
      results.push(await work.run('curvature-bound', params, message, share / (widths.length * tasks)));
    }
  return { activation, layers, results };
}

export const experiment: Experiment = {
  title: 'A bound on the barrier from curvature and length',
  paper: {
    says: 'If two minima are joined by a symmetry curve of length S and curvature at most κ, the barrier on the straight line between them is bounded by a constant times κ S². docs/symmetry.md makes the constant explicit.',
    source:
      'Zhao, Dehmami, Walters, Yu (arXiv 2505.23681), Theorem 6.2. They prove it; no grid of experiments is given.',
  },
  sizes: {
    quick: {
      setting:
        'Linear and ReLU networks of 2 to 4 layers, widths 4 and 8, 3 tasks each, 6 symmetry curves of growing length',
      ...{ seconds: 50, memoryMiB: 1800, known: 'measured' },
    },
    paper: {
      setting:
        'Linear and ReLU networks of 2 to 6 layers, widths 2 to 16, 10 tasks each, 6 symmetry curves of growing length',
      ...{ seconds: 3600, memoryMiB: 250, known: 'estimated' },
      remark: 'The grid is ours: the paper has a proof and no experiment here.',
    },
  },
  limits: ['settings'],
  async run(work) {
    const layers = cutList(settings[work.size].layers, work.limit);
    const all: Measured[] = [];
    for (const activation of ['linear', 'relu'] as const)
      for (const count of layers) all.push(await measure(work, activation, count, 1 / (2 * layers.length)));
    return { rows: all.flatMap(rowsOf), figures: { 'curvature-bound': figureOf(all) } };
  },
};
