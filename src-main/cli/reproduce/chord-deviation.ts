/** The deviation of interpolated ReLU layers from the chord grows with the power 3/2 of the trained part's size. */
import { present } from '../../../src-shared/presentations/index.ts';
import { sameSlope, slopeAgrees } from '../../../src-shared/verdicts/geometry.ts';
import { isNear } from '../../../src-shared/verdicts/rules.ts';
import type { Experiment, ExperimentRow } from './experiment.ts';
import { figuresOf } from './figures.ts';

const sizes = {
  quick: { samples: 100_000, pairs: 3 },
  paper: { samples: 1_000_000, pairs: 10, width: 256, ambient: 512, numFixed: 256, intrinsic: 64 },
};

export const experiment: Experiment = {
  title: 'Deviation from the chord over β',
  paper: {
    says: "The deviation of interpolated ReLU layers from the chord grows with the power 3/2 of the trained part's size β.",
    source: 'theory of the paper; in closed form for Gaussian examples',
  },
  sizes: {
    quick: {
      setting: '64 neurons, 100,000 Gaussian examples, 3 pairs of layers',
      ...{ seconds: 4, memoryMiB: 2150, known: 'measured' },
    },
    paper: {
      setting: '256 neurons of 512 inputs, 1,000,000 Gaussian examples in 64 dimensions, 10 pairs of layers',
      ...{ seconds: 1100, memoryMiB: 1024, known: 'estimated' },
    },
  },
  limits: [],
  async run({ size, seed, run }) {
    const result = await run('chord-deviation', { ...sizes[size], seed }, 'counting sign changes', 1);
    const { slope, exact_slope, expected_slope, betas, curves, samples } = result;
    const slopes = curves.map((curve) => curve.slope);
    const gaps = curves.flatMap((curve) =>
      curve.deviations.map((value, i) => Math.abs(value / curve.exact_deviations[i]! - 1)),
    );
    const rows: ExperimentRow[] = [
      {
        what: `log-log slope, β ${betas[0]} to ${betas.at(-1)}, ${samples} examples, ${curves.length} pairs`,
        expected: `${expected_slope} (theory; within ${sameSlope})`,
        measured: `${slope.toFixed(3)} (pairs ${Math.min(...slopes).toFixed(3)} to ${Math.max(...slopes).toFixed(3)})`,
        holds: slopeAgrees(result),
      },
      {
        what: '  the same in closed form, Gaussian examples',
        expected: String(expected_slope),
        measured: exact_slope.toFixed(3),
        holds: isNear(exact_slope, expected_slope, sameSlope),
      },
      {
        what: '  counted on examples, compared with the closed form',
        expected: 'equal up to sampling',
        measured: `within ${(100 * Math.max(...gaps)).toFixed(1)} %`,
        holds: isNear(Math.max(...gaps), 0, 0.1),
      },
    ];
    return { rows, figures: figuresOf(present('chord-deviation', result)) };
  },
};
