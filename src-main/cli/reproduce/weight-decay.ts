/**
 * Which point of the orbit does regularisation pick? L2 with SGD balances the layers of ReLU networks; two networks then
 * differ by less than a permutation and factors, and without these the barrier between them is gone.
 */
import type { FigureRecipe } from '../../../src-shared/figures/index.ts';
import type { JobResult } from '../../../src-shared/jobs/index.ts';
import { sampleOf, together } from '../../../src-shared/verdicts/rules.ts';
import { weightDecayFinding } from '../../../src-shared/verdicts/symmetry.ts';
import { barrierRemoved, decaysAsTheory } from '../../../src-shared/verdicts/symmetry-studies.ts';
import { shown } from '../../../src-shared/shown.ts';
import type { Experiment, ExperimentRow, ExperimentSize, ExperimentWork } from './experiment.ts';
import { cutList } from './limit.ts';
import { seedsFrom } from './seeds.ts';

interface Setting {
  /** Hidden units. */
  widths: readonly number[];
  /** Data sets and starts of each width. */
  tasks: number;
  pairs: number;
  decays: number[];
  steps: number;
}

const settings: Record<ExperimentSize, Setting> = {
  quick: { widths: [8, 16], tasks: 3, pairs: 1, decays: [0, 1e-4, 1e-3, 3e-3, 1e-2], steps: 8000 },
  paper: {
    ...{ widths: [8, 16, 32], tasks: 10, pairs: 4, steps: 20_000 },
    decays: [0, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2],
  },
};

/** Of SGD; falls to 0 along a half cosine, so that half of `steps` times this is the time of the gradient flow. */
const learningRate = 0.05;

type Row = JobResult<'weight-decay-study'>['rows'][number];
interface Measured {
  width: number;
  results: JobResult<'weight-decay-study'>[];
}

const names = { sgd: 'SGD with L2', adamw: 'AdamW' } as const;
const optimizers = ['sgd', 'adamw'] as const;
type Optimizer = (typeof optimizers)[number];

const rowsBy = ({ results }: Measured, optimizer: Optimizer): Row[][] =>
  results.map(({ rows }) =>
    rows.filter((row) => row.optimizer === optimizer).toSorted((a, b) => a.decay - b.decay),
  );

const mean = (values: readonly number[]): string => shown(sampleOf(values).mean);

function balanceRow(measured: Measured, optimizer: Optimizer): ExperimentRow {
  const all = rowsBy(measured, optimizer);
  const [low, high] = [all.map((rows) => rows[0]!), all.map((rows) => rows.at(-1)!)];
  const judged = optimizer === 'sgd';
  const one = (rows: Row[], i: number) => weightDecayFinding({ ...measured.results[i]!, rows }).outcome;
  return {
    what: `width ${measured.width}, ${names[optimizer]}: imbalance of the layers, decay ${low[0]!.decay} to ${high[0]!.decay}`,
    expected: judged ? 'falls to half or less: the layers balance out' : '- (no theorem)',
    measured: `${mean(low.map((row) => row.imbalance))} to ${mean(high.map((row) => row.imbalance))}, ${all.length} tasks`,
    holds: judged ? together(all.map(one)) : null,
  };
}

/** ||W1|^2 - |W2|^2| summed over neurons, from the norms of the layers. */
const differenceOf = (row: Row): number => row.lower_norm ** 2 - row.upper_norm ** 2;

function rateRows(measured: Measured, steps: number): ExperimentRow[] {
  const all = rowsBy(measured, 'sgd');
  const time = (learningRate * steps) / 2;
  return all[0]!.slice(1).map(({ decay }, i) => {
    const shares = all.map((rows) => differenceOf(rows[i + 1]!) / differenceOf(rows[0]!));
    const theory = Math.exp(-2 * decay * time);
    return {
      what: `  width ${measured.width}: what decay ${decay} leaves of |W1|² - |W2|²`,
      expected: `${theory.toPrecision(3)} = exp(-2 a t), t = ${time}`,
      measured: shares.map((share) => share.toPrecision(3)).join(', '),
      holds: decaysAsTheory(shares, theory),
    };
  });
}

function barrierRow(measured: Measured, optimizer: Optimizer): ExperimentRow {
  const rows = rowsBy(measured, optimizer).flat();
  const left = rows.map((row) => row.barrier_after / row.barrier_before);
  return {
    what: `width ${measured.width}, ${names[optimizer]}: share of the barrier left after permutation and rescaling`,
    expected: 'a tenth or less: the barrier is one of symmetry',
    measured: `${shown(Math.min(...left))} to ${shown(Math.max(...left))}`,
    holds: barrierRemoved(left),
  };
}

function distanceRow(measured: Measured, optimizer: Optimizer): ExperimentRow {
  const all = rowsBy(measured, optimizer);
  const size = (row: Row) => Math.hypot(row.lower_norm, row.upper_norm);
  const ends = (at: number) => mean(all.map((rows) => rows.at(at)!.residual / size(rows.at(at)!)));
  return {
    what: `width ${measured.width}, ${names[optimizer]}: distance left after permutation and rescaling, in norms`,
    expected: '-',
    measured: `${ends(0)} to ${ends(-1)} at the largest decay`,
    holds: null,
  };
}

const rowsOf = (measured: Measured, steps: number): ExperimentRow[] => [
  balanceRow(measured, 'sgd'),
  ...rateRows(measured, steps),
  barrierRow(measured, 'sgd'),
  distanceRow(measured, 'sgd'),
  balanceRow(measured, 'adamw'),
  barrierRow(measured, 'adamw'),
  distanceRow(measured, 'adamw'),
];

function figureOf(all: readonly Measured[]): FigureRecipe<'scatter'> {
  const panel = (label: string, log: boolean, of: (row: Row) => number) => ({
    ...{ x: { label: 'weight decay', log: true }, y: { label, log } },
    series: optimizers.map((optimizer) => ({
      label: names[optimizer],
      points: all
        .flatMap((one) => rowsBy(one, optimizer).flat())
        .filter((row) => row.decay > 0 && (!log || of(row) > 0))
        .map((row) => ({ x: row.decay, y: of(row) })),
    })),
  });
  return {
    kind: 'scatter',
    data: {
      panels: [
        panel('imbalance of the layers', false, (row) => row.imbalance),
        panel('share of the barrier left', true, (row) => row.barrier_after / row.barrier_before),
      ],
      correlation: false,
    },
    options: { size: 'double' },
    caption:
      'Two-layer ReLU networks trained from unbalanced starts: balance of the layers, and what is left of the barrier between two networks when permutation and rescaling are taken out. Decay 0 cannot be shown on a logarithmic axis.',
  };
}

async function measure(work: ExperimentWork, width: number, share: number): Promise<Measured> {
  const { tasks, pairs, decays, steps } = settings[work.size];
  const results: JobResult<'weight-decay-study'>[] = [];
  for (const seed of seedsFrom(work.seed, tasks)) {
    const params = { width, pairs, decays, steps, learningRateSgd: learningRate, seed };
    results.push(
      await work.run('weight-decay-study', params, `training networks of width ${width}`, share / tasks),
    );
  }
  return { width, results };
}

export const experiment: Experiment = {
  title: 'Weight decay and the orbits of ReLU networks',
  paper: {
    says: 'Rescaling moves minima along orbits; weight decay prefers balanced points of them. Under gradient flow with L2 of coefficient a, |W1|² - |W2|² of a ReLU network decays like exp(-2 a t), whatever the data.',
    source:
      'Zhao, Dehmami, Walters, Yu (arXiv 2505.23681) on orbits; S. Du, W. Hu, J. Lee (NeurIPS 2018) on balance. No grid of experiments is given.',
  },
  sizes: {
    quick: {
      setting:
        'Two-layer ReLU networks of 8 and 16 hidden units on 3 regression tasks each, one pair for each of 5 decays, SGD with L2 and AdamW, 8,000 steps',
      ...{ seconds: 60, memoryMiB: 350, known: 'measured' },
    },
    paper: {
      setting:
        'Two-layer ReLU networks of 8 to 32 hidden units on 10 regression tasks each, 4 pairs for each of 7 decays, SGD with L2 and AdamW, 20,000 steps',
      ...{ seconds: 14_400, memoryMiB: 200, known: 'estimated' },
      remark: 'The grid is ours: the papers have theorems here.',
    },
  },
  limits: ['settings'],
  async run(work) {
    const widths = cutList(settings[work.size].widths, work.limit);
    const all: Measured[] = [];
    for (const width of widths) all.push(await measure(work, width, 1 / widths.length));
    return {
      rows: all.flatMap((one) => rowsOf(one, settings[work.size].steps)),
      figures: { 'weight-decay': figureOf(all) },
    };
  },
};
