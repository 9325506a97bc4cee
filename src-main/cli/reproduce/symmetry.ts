/**
 * The first experiments of "Understanding Mode Connectivity via Parameter Space Symmetry" (arXiv 2505.23681):
 * components of the zero-loss set, symmetry curves against straight lines, the barrier that rescaling makes.
 */
import type { JobResult } from '../../../src-shared/jobs/index.ts';
import { isNear } from '../../../src-shared/verdicts/rules.ts';
import {
  closeEnough,
  counted,
  curveIsFlat,
  exponentAgrees,
  linearComponentsFinding,
  worstError,
} from '../../../src-shared/verdicts/symmetry.ts';
import type { Experiment, ExperimentReport, ExperimentRow, ExperimentWork } from './experiment.ts';

async function components(work: ExperimentWork): Promise<ExperimentRow[]> {
  const widths = work.size === 'paper' ? [2, 3, 4, 5, 6] : [4];
  const depths = [2, 3, 4];
  const rows: ExperimentRow[] = [];
  for (const width of widths) {
    for (const layers of depths) {
      const share = 0.7 / (widths.length * depths.length);
      const message = `joining solutions, ${layers} layers of width ${width}`;
      const params = { layers, width, starts: 200, seed: work.seed };
      const result = await work.run('linear-components', params, message, share);
      rows.push({
        what: `zero-loss components, ${layers} linear layers of width ${width}`,
        expected: `${result.expected} (2^(l-1), Cor. 4.2)`,
        measured: `${result.found} from ${result.converged} starts${result.classes_match_signs ? '' : ', not matching the signs of det W_i'}`,
        holds: linearComponentsFinding(result).outcome,
      });
      rows.push({
        what: '  up to permutation of the hidden units',
        expected: String(result.expected_up_to_permutation),
        measured: String(result.found_up_to_permutation),
        holds: counted({
          found: result.found_up_to_permutation,
          expected: result.expected_up_to_permutation,
          converged: result.converged,
        }),
      });
    }
  }
  return rows;
}

type Curve = JobResult<'symmetry-curve'>;

async function curves(work: ExperimentWork): Promise<{ rows: ExperimentRow[]; found: [string, Curve][] }> {
  const rows: ExperimentRow[] = [];
  const found: [string, Curve][] = [];
  for (const activation of ['linear', 'relu'] as const) {
    const params = { layers: 3, width: 4, activation, seed: work.seed };
    const result = await work.run('symmetry-curve', params, `symmetry curve, ${activation} network`, 0.1);
    found.push([activation === 'linear' ? 'linear' : 'ReLU', result]);
    rows.push({
      what: `loss along the symmetry curve, ${activation === 'relu' ? 'ReLU' : 'linear'} network`,
      expected: 'constant, Eq. 5',
      measured: `varies by ${result.relative_spread.toExponential(1)} of the line's peak`,
      holds: curveIsFlat(result.relative_spread),
    });
  }
  return { rows, found };
}

function rescalingRows(result: JobResult<'rescaling-barrier'>): ExperimentRow[] {
  const worst = worstError(result) ?? NaN;
  const largest = Math.max(...result.rows.map((row) => row.factor));
  const exponent = result.growth_exponent;
  return [
    {
      what: `loss from (W1, W2) to (c W1, W2/c), c up to ${largest}`,
      expected: 'closed form, Prop. 5.3',
      measured: `within ${worst.toExponential(1)}, relative`,
      holds: isNear(worst, 0, closeEnough.relative),
    },
    {
      what: 'growth of that barrier with c',
      expected: `exponent ${result.expected_exponent ?? 2}`,
      measured: exponent === null ? '-' : `exponent ${exponent.toFixed(3)}`,
      holds: exponentAgrees(exponent, result.expected_exponent ?? 2),
    },
  ];
}

function figuresOf(
  found: [string, Curve][],
  rescaling: JobResult<'rescaling-barrier'>,
): ExperimentReport['figures'] {
  const beyond = rescaling.rows.filter((row) => row.factor > 1);
  return {
    'symmetry-curve': {
      kind: 'symmetry-curve',
      data: {
        panels: found.map(([title, { t, curve_loss, line_loss }]) => ({
          title,
          series: [
            { label: 'straight line', t, curves: [line_loss] },
            { label: 'symmetry curve', t, curves: [curve_loss] },
          ],
        })),
        valueLabel: 'loss',
      },
    },
    'rescaling-barrier': {
      kind: 'rescaling-barrier',
      data: {
        series: [
          {
            label: 'barrier',
            x: beyond.map((row) => row.factor),
            curves: [beyond.map((row) => row.barrier)],
          },
        ],
        theorySlope: 2,
        fitRange: [100, 1e6],
      },
    },
  };
}

export const experiment: Experiment = {
  title: 'Mode connectivity and parameter space symmetry (arXiv 2505.23681)',
  paper: {
    says: 'The zero-loss set of a linear network of l invertible layers has 2^(l-1) components; curves of symmetries keep the loss; rescaling makes barriers that grow with the square of the factor.',
    source: 'arXiv 2505.23681, Cor. 4.2, Eq. 5, Prop. 5.3',
  },
  sizes: {
    quick: {
      setting:
        'linear networks of 2 to 4 layers of width 4 from 200 starts each, two symmetry curves, rescaling by up to 10,000',
      ...{ seconds: 7, memoryMiB: 1500, known: 'measured' },
    },
    paper: {
      setting: 'the same for widths 2 to 6',
      ...{ seconds: 40, memoryMiB: 400, known: 'estimated' },
    },
  },
  limits: [],
  async run(work) {
    const joined = await components(work);
    const { rows, found } = await curves(work);
    const params = { factors: [1, 10, 100, 1000, 10_000], seed: work.seed };
    const rescaling = await work.run('rescaling-barrier', params, 'rescaling barrier', 0.1);
    return { rows: [...joined, ...rows, ...rescalingRows(rescaling)], figures: figuresOf(found, rescaling) };
  },
};
