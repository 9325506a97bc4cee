/**
 * Does training converge faster where the minima have fewer connected components? Linear networks of equal size with and
 * without a skip connection, and of growing depth: starts that reach zero loss over the budget of steps.
 */
import type { FigureRecipe } from '../../../src-shared/figures/index.ts';
import { chanceOf, predictionFinding } from '../../../src-shared/verdicts/prediction.ts';
import { rankCorrelation } from '../../../src-shared/figures/statistics.ts';
import { budgetForHalf, fasterEverywhere } from '../../../src-shared/verdicts/symmetry-studies.ts';
import type { Experiment, ExperimentRow, ExperimentSize, ExperimentWork } from './experiment.ts';
import { cutList } from './limit.ts';
import { seedsFrom } from './seeds.ts';

interface Setting {
  widths: readonly number[];
  depths: readonly number[];
  /** Strengths of the skip connection: the number of components does not depend on them. */
  skips: readonly number[];
  tasks: number;
  starts: number;
  /** Training steps, increasing. */
  budgets: readonly number[];
}

const settings: Record<ExperimentSize, Setting> = {
  quick: {
    ...{ widths: [2, 4], depths: [2, 3, 4], skips: [0.25, 1], tasks: 4, starts: 40 },
    budgets: [150, 250, 350, 450, 600, 900, 2400],
  },
  paper: {
    ...{ widths: [2, 3, 4, 6], depths: [2, 3, 4, 5], skips: [0.1, 0.25, 0.5, 1, 2], tasks: 10, starts: 200 },
    budgets: [100, 150, 200, 300, 400, 600, 800, 1200, 1600, 2400, 4800],
  },
};

/** A network: `depth` layers without a skip connection, or three with one. */
interface Kind {
  depth: number;
  skip: number | null;
}

interface Curve extends Kind {
  width: number;
  seed: number;
  components: number;
  /** Share of the starts at zero loss, for each budget. */
  shares: number[];
  /** Steps at which half of the starts get there, interpolated on a logarithmic scale; null if they never do. */
  half: number | null;
}

const nameOf = ({ depth, skip }: Kind): string =>
  skip === null ? `${depth} layers` : `${depth} layers, skip ε = ${skip}`;

async function measure(
  work: ExperimentWork,
  setting: Setting,
  place: { width: number; seed: number },
  share: number,
): Promise<Curve[]> {
  const { depths, skips, budgets, starts } = setting;
  const kinds = [
    ...depths.filter((depth) => depth !== 3).map((depth): Kind => ({ depth, skip: null })),
    // The same task with and without the skip connection.
    ...skips.map((skip): Kind => ({ depth: 3, skip })),
  ];
  const found = new Map<string, Omit<Curve, 'half'>>();
  const note = (kind: Kind, components: number, converged: number): void => {
    const key = nameOf(kind);
    if (!found.has(key)) found.set(key, { ...kind, ...place, components, shares: [] });
    found.get(key)!.shares.push(converged / starts);
  };
  for (const steps of budgets)
    for (const kind of kinds) {
      const { depth, skip } = kind;
      const message = `width ${place.width}, ${nameOf(kind)}: ${steps} steps`;
      const part = share / (budgets.length * kinds.length);
      const params = { ...place, starts, steps };
      if (skip === null) {
        const { expected, converged } = await work.run(
          'linear-components',
          { ...params, layers: depth, acrossPairs: 1 },
          message,
          part,
        );
        note(kind, expected, converged);
        continue;
      }
      const { with_skip: on, without_skip: off } = await work.run(
        'skip-connections',
        { ...params, skip },
        message,
        part,
      );
      note(kind, on.expected, on.converged);
      // Without the connection its strength does nothing.
      if (skip === skips[0]) note({ depth, skip: null }, off.expected, off.converged);
    }
  return [...found.values()].map((curve) => ({ ...curve, half: budgetForHalf(budgets, curve.shares) }));
}

const middle = (values: readonly (number | null)[]): string => {
  const sorted = values.map((value) => value ?? Infinity).sort((a, b) => a - b);
  const median = sorted[Math.floor((sorted.length - 1) / 2)]!;
  return Number.isFinite(median) ? `${Math.round(median)} steps` : 'more steps than were tried';
};

/** Curves of the same task: one of each kind. */
const ofTask = (all: readonly Curve[], { width, seed }: Curve): Curve[] =>
  all.filter((curve) => curve.width === width && curve.seed === seed);

function rowsOfWidth(all: readonly Curve[], width: number): ExperimentRow[] {
  const here = all.filter((curve) => curve.width === width);
  const kinds = [...new Set(here.map(nameOf))];
  const rows = kinds.map((name): ExperimentRow => {
    const curves = here.filter((curve) => nameOf(curve) === name);
    const last = curves.map(({ shares }) => shares.at(-1)!);
    return {
      what: `width ${width}, ${name} (${curves[0]!.components} components): budget at which half of the starts reach zero loss`,
      expected: '-',
      measured: `${middle(curves.map(({ half }) => half))}; ${(100 * Math.min(...last)).toFixed(0)} to ${(100 * Math.max(...last)).toFixed(0)} % at the largest budget`,
      holds: null,
      data: { width, components: curves[0]!.components, halves: curves.map(({ half }) => half) },
    };
  });
  const plain = here.filter(({ depth, skip }) => depth === 3 && skip === null);
  const skips = [...new Set(here.flatMap(({ skip }) => (skip === null ? [] : [skip])))];
  return [
    ...rows,
    ...skips.map((skip): ExperimentRow => {
      const pairs = plain.map((off) => ({
        fewer: ofTask(here, off).find((curve) => curve.skip === skip)!.half,
        more: off.half,
      }));
      return {
        what: `width ${width}: does the skip connection of ε = ${skip}, with fewer components, converge faster?`,
        expected: 'yes, if components decide (open question)',
        measured: `in ${pairs.filter(({ fewer, more }) => (fewer ?? Infinity) < (more ?? Infinity)).length} of ${pairs.length} tasks`,
        holds: fasterEverywhere(pairs),
      };
    }),
  ];
}

/** Over everything that was trained. */
function summaryRow(all: readonly Curve[], budgets: readonly number[]): ExperimentRow {
  // What never gets there counts as slower than anything that does.
  const halves = all.map(({ half }) => half ?? 2 * budgets.at(-1)!);
  const components = all.map((curve) => curve.components);
  const { rho } = rankCorrelation(components, halves);
  const p = chanceOf(components, halves);
  return {
    what: 'number of components against the budget for half of the starts, all networks',
    expected: 'rises with the number, if components decide (open question)',
    measured: `rank correlation ${rho.toFixed(2)} over ${all.length} curves, p ${p < 0.01 ? '< 0.01' : `= ${p.toFixed(2)}`}`,
    holds: predictionFinding('components', 'rises', components, halves).outcome,
  };
}

/** The strength changes convergence and not the number of components: a control. */
function controlRow(all: readonly Curve[]): ExperimentRow {
  const skips = [...new Set(all.flatMap(({ skip }) => (skip === null ? [] : [skip])))].sort((a, b) => a - b);
  const shown = skips.map((skip) => {
    const halves = all.filter((curve) => curve.skip === skip).map(({ half }) => half);
    return `ε = ${skip}: ${middle(halves)}`;
  });
  return {
    what: 'the same number of components at each strength of the skip connection: budget for half of the starts',
    expected: '- (if these differ as much, components do not decide alone)',
    measured: shown.join('; '),
    holds: null,
  };
}

function figureOf(all: readonly Curve[], budgets: readonly number[]): FigureRecipe<'scatter'> {
  const kinds = [...new Set(all.map(nameOf))];
  const widths = [...new Set(all.map(({ width }) => width))];
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    kind: 'scatter',
    data: {
      panels: widths.map((width) => ({
        title: `width ${width}`,
        ...{ x: { label: 'training steps', log: true }, y: { label: 'starts at zero loss (%)' } },
        series: kinds.map((name) => {
          const curves = all.filter((curve) => curve.width === width && nameOf(curve) === name);
          return {
            label: `${name} (${curves[0]?.components ?? 0} components)`,
            points: budgets.map((x, i) => ({ x, y: 100 * mean(curves.map(({ shares }) => shares[i]!)) })),
          };
        }),
      })),
      correlation: false,
    },
    options: { size: 'double' },
    caption: 'Starts that reach zero loss over the budget of training steps, mean over tasks.',
  };
}

export const experiment: Experiment = {
  title: 'Number of components against convergence',
  paper: {
    says: 'Skip connections reduce the number of connected components of the minima. Whether fewer components also mean faster convergence is left open.',
    source: 'Zhao, Dehmami, Walters, Yu (arXiv 2505.23681), Section 4.3 and its discussion',
  },
  sizes: {
    quick: {
      setting:
        'linear networks of 2 to 4 layers, and of 3 layers with a skip connection of ε = 0.25 and 1, widths 2 and 4, 4 tasks each, 40 starts with budgets of 150 to 2,400 steps',
      ...{ seconds: 40, memoryMiB: 1050, known: 'measured' },
    },
    paper: {
      setting:
        'linear networks of 2 to 5 layers, and of 3 layers with a skip connection of ε = 0.1 to 2, widths 2 to 6, 10 tasks each, 200 starts with budgets of 100 to 4,800 steps',
      ...{ seconds: 14_400, memoryMiB: 300, known: 'estimated' },
      remark: 'The grid is ours: the question is an open one.',
    },
  },
  limits: ['settings'],
  async run(work) {
    const setting = settings[work.size];
    const widths = cutList(setting.widths, work.limit);
    const all: Curve[] = [];
    for (const width of widths)
      for (const seed of seedsFrom(work.seed, setting.tasks))
        all.push(...(await measure(work, setting, { width, seed }, 1 / (widths.length * setting.tasks))));
    return {
      rows: [
        ...widths.flatMap((width) => rowsOfWidth(all, width)),
        summaryRow(all, setting.budgets),
        controlRow(all),
      ],
      figures: { 'components-convergence': figureOf(all, setting.budgets) },
    };
  },
};
