/** A skip connection joins components of the minima (arXiv 2505.23681, Section 4.3): counted for many tasks. */
import type { FigureRecipe } from '../../../src-shared/figures/index.ts';
import type { JobResult } from '../../../src-shared/jobs/index.ts';
import { present } from '../../../src-shared/presentations/index.ts';
import { together } from '../../../src-shared/verdicts/rules.ts';
import { counted } from '../../../src-shared/verdicts/symmetry.ts';
import { fewerWithSkip } from '../../../src-shared/verdicts/symmetry-studies.ts';
import type {
  Experiment,
  ExperimentReport,
  ExperimentRow,
  ExperimentSize,
  ExperimentWork,
} from './experiment.ts';
import { figuresOf } from './figures.ts';
import { cutList } from './limit.ts';
import { seedsFrom } from './seeds.ts';

interface Setting {
  widths: readonly number[];
  skips: readonly number[];
  /** Tasks of each width and strength, from seeds of their own. */
  tasks: number;
  starts: number;
}

const settings: Record<ExperimentSize, Setting> = {
  quick: { widths: [1, 2, 3, 4], skips: [0.5, -1], tasks: 3, starts: 200 },
  paper: { widths: [1, 2, 3, 4, 5, 6], skips: [0.25, 0.5, 1, -0.5, -1], tasks: 5, starts: 500 },
};

type Result = JobResult<'skip-connections'>;
type Part = 'with_skip' | 'without_skip';

const totalOf = (results: readonly Result[], part: Part, what: 'starts' | 'converged'): number =>
  results.reduce((sum, result) => sum + result[part][what], 0);

/** `3`, or `2 to 4` if the tasks differ. */
function range(values: readonly number[]): string {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return low === high ? String(low) : `${low} to ${high}`;
}

function countRow(results: readonly Result[], part: Part): ExperimentRow {
  const { width } = results[0]!;
  const skip = part === 'with_skip';
  const counts = results.map((result) => result[part]);
  const said = skip ? (width === 1 ? 'Proposition 4.3' : 'docs/symmetry.md') : '2^(l-1), Corollary 4.2';
  return {
    what: `components, three layers of width ${width}, ${skip ? 'with' : 'without'} a skip connection`,
    expected: `${counts[0]!.expected} (${said})`,
    measured: `${range(counts.map(({ found }) => found))} in ${results.length} tasks, ${totalOf(results, part, 'converged')} of ${totalOf(results, part, 'starts')} starts at zero loss`,
    holds: together(counts.map(counted)),
    data: { width, found: counts.map(({ found }) => found), skips: results.map(({ skip: e }) => e) },
  };
}

function rowsOf(results: readonly Result[]): ExperimentRow[] {
  const planes = results.flatMap(({ plane }) => plane ?? []);
  return [
    countRow(results, 'with_skip'),
    countRow(results, 'without_skip'),
    {
      what: '  fewer components with the skip connection than without',
      expected: 'in every task (Section 4.3)',
      measured: `in ${results.filter((r) => r.with_skip.found < r.without_skip.found).length} of ${results.length}`,
      holds: fewerWithSkip(results.map((r) => ({ on: r.with_skip, off: r.without_skip }))),
    },
    ...(planes.length === 0
      ? []
      : [
          {
            what: '  components of the (w1, w2) plane without the hyperbola w1 w2 = -ε, sampled and joined',
            expected: '3 (Proposition 4.3)',
            measured: `${range(planes.map(({ components }) => components))} in ${planes.length} tasks`,
            holds: together(
              planes.map(({ components, points }) =>
                counted({ found: components, expected: 3, converged: points.length }),
              ),
            ),
          },
        ]),
  ];
}

function countFigure(all: readonly Result[]): FigureRecipe<'scatter'> {
  const points = (count: (result: Result) => number) =>
    all.map((result) => ({
      x: result.width,
      y: count(result),
      name: `ε ${result.skip}, seed ${result.seed}`,
    }));
  return {
    kind: 'scatter',
    data: {
      panels: [
        {
          x: { label: 'width' },
          y: { label: 'components found' },
          series: [
            { label: 'without skip connection', points: points((r) => r.without_skip.found) },
            { label: 'with skip connection', points: points((r) => r.with_skip.found) },
          ],
        },
      ],
      correlation: false,
    },
    caption:
      'Connected components of the solutions of three-layer linear networks with and without a skip connection around the first two layers; one point for each task and strength of the connection.',
  };
}

async function measure(work: ExperimentWork, width: number, widths: number): Promise<Result[]> {
  const { skips, tasks, starts } = settings[work.size];
  const results: Result[] = [];
  for (const skip of skips)
    for (const seed of seedsFrom(work.seed, tasks)) {
      const message = `joining solutions of width ${width}, ε = ${skip}`;
      const share = 1 / (widths * skips.length * tasks);
      results.push(await work.run('skip-connections', { width, skip, starts, seed }, message, share));
    }
  return results;
}

export const experiment: Experiment = {
  title: 'Components of the minima with a skip connection',
  paper: {
    says: 'A three-layer linear network W3 (W2 W1 + ε I) has fewer connected components of minima than one without the skip connection: 3 instead of 4 for scalar layers. For wider layers 2 are left, which docs/symmetry.md derives.',
    source:
      'Zhao, Dehmami, Walters, Yu (arXiv 2505.23681), Section 4.3. They prove it; no grid of experiments is given.',
  },
  sizes: {
    quick: {
      setting:
        'Widths 1 to 4, ε = 0.5 and -1, 3 tasks each with 200 starts with and without the skip connection',
      ...{ seconds: 70, memoryMiB: 1800, known: 'measured' },
    },
    paper: {
      setting:
        'Widths 1 to 6, ε = 0.25, 0.5, 1, -0.5 and -1, 5 tasks each with 500 starts with and without the skip connection',
      ...{ seconds: 1800, memoryMiB: 200, known: 'estimated' },
      remark: 'The grid is ours: the paper has a proof and no experiment here.',
    },
  },
  limits: ['settings'],
  async run(work): Promise<ExperimentReport> {
    const widths = cutList(settings[work.size].widths, work.limit);
    const all: Result[] = [];
    const rows: ExperimentRow[] = [];
    for (const width of widths) {
      const results = await measure(work, width, widths.length);
      all.push(...results);
      rows.push(...rowsOf(results));
    }
    const plane = all.find((result) => result.plane !== undefined);
    return {
      rows,
      figures: {
        ...(plane && figuresOf(present('skip-connections', plane))),
        'skip-components': countFigure(all),
      },
    };
  },
};
