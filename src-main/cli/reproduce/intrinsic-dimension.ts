/** The lower the dimension of the data, the larger the accuracy drop between networks that are not aligned. */
import { geometryDefaults } from '../../../src-shared/config.ts';
import { pairsOf, type Interpolation } from '../../../src-shared/jobs/interpolate.ts';
import { interpolationFigure } from '../../../src-shared/presentations/interpolation-figure.ts';
import { falls } from '../../../src-shared/verdicts/rules.ts';
import { dropReachable, nearestTo } from '../../../src-shared/verdicts/setting-search.ts';
import { modelAccuracies, spread } from '../demo/summary.ts';
import { accuracyDrop, dropText, type AccuracyDrop } from './accuracy-drop.ts';
import { trainingSeconds } from './estimate.ts';
import type {
  Experiment,
  ExperimentReport,
  ExperimentRow,
  ExperimentSize,
  ExperimentWork,
} from './experiment.ts';
import { cut, cutList } from './limit.ts';
import { disjointPairs } from './pairs.ts';
import {
  dimensions,
  scales,
  subspaceSettings,
  trainOnSubspace,
  type SubspaceSetting,
} from './subspace-runs.ts';

/** Alignment-free drop of accuracy, points, at sigma_F = 1. */
const published: Record<number, number> = { 2: 46.4, 8: 15.7, 32: 6.1 };

/** In the authors' config. */
const statedSeparation = 0.3;

interface Search {
  /** Separations of the classes, the first of them also at sigma_F = 0. */
  separations: readonly number[];
  /** Networks at the first separation and at the others. */
  models: readonly [number, number];
}

const searches: Record<ExperimentSize, Search> = {
  quick: { separations: [1, 0.3, 3], models: [8, 4] },
  paper: { separations: [0.3, 0.5, 1, 2, 3, 5], models: [4, 4] },
};

interface Measured {
  separation: number;
  dimension: number;
  sigmaF: number;
  curves: Interpolation[];
  /** Percent. */
  accuracy: number;
  /** Percent: no classifier exceeds it. */
  ceiling: number;
  drop: AccuracyDrop;
}

interface Place {
  separation: number;
  dimension: number;
  sigmaF: number;
}

async function ceilingOf(
  work: ExperimentWork,
  test: number,
  { separation, dimension }: Place,
): Promise<number> {
  // As trainOnSubspace draws them.
  const {
    num_classes: classes,
    structure_seed,
    sampling_seed_test,
  } = geometryDefaults.gaussian_subspace_dataset;
  const shifted = (seed: number): number => (seed + work.seed - 1) >>> 0;
  const params = {
    ...{ classes, dimension, separation, examples: test },
    ...{ structureSeed: shifted(structure_seed), samplingSeed: shifted(sampling_seed_test) },
  };
  const message = `best classifier, k = ${dimension}, separation ${separation}`;
  return (await work.run('best-classifier', params, message, 0)).accuracy;
}

async function measure(
  work: ExperimentWork,
  setting: SubspaceSetting,
  place: Place,
  share: number,
): Promise<Measured> {
  const { dimension, sigmaF } = place;
  const ceiling = await ceilingOf(work, setting.test, place);
  const { trained, epochs } = await trainOnSubspace(work, setting, dimension, sigmaF, 0.9 * share);
  const question = {
    ...{ run: trained.run_directory, epoch: epochs, splits: ['test' as const], steps: 10 },
    ...(work.size === 'quick' && { pairs: disjointPairs(setting.models) }),
  };
  const message = `interpolating, k = ${dimension}, separation ${place.separation}`;
  const curves = pairsOf(await work.run('interpolate', question, message, 0.1 * share));
  const accuracy = spread(modelAccuracies(curves)).mean;
  return { ...place, curves, accuracy, ceiling, drop: accuracyDrop(curves) };
}

/** Of one separation and one sigma_F, by growing k. */
const group = (measured: readonly Measured[], separation: number, sigmaF: number): Measured[] =>
  measured.filter((m) => m.separation === separation && m.sigmaF === sigmaF);

function dropRow({ separation, dimension, sigmaF, drop, accuracy, ceiling }: Measured): ExperimentRow {
  return {
    what: `accuracy drop, k = ${dimension}, σ_F = ${sigmaF}, separation ${separation}`,
    expected: sigmaF === 1 ? `${published[dimension]} points` : '-',
    measured: `${dropText(drop)} at ${accuracy.toFixed(1)} %; the best classifier has ${ceiling.toFixed(1)} %`,
    holds: null,
    data: { separation, dimension, sigma_f: sigmaF, drop: drop.points.mean, accuracy, ceiling },
  };
}

/** Judged at the first separation: at others there are fewer pairs, and classes that are told apart without a mistake. */
function trendRow(
  measured: readonly Measured[],
  { separation, sigmaF }: Omit<Place, 'dimension'>,
  judged: boolean,
): ExperimentRow {
  const outcome = falls(group(measured, separation, sigmaF).map(({ drop }) => drop.points));
  const says = { yes: 'falls with k', no: 'does not fall with every k', 'not clear': 'not clear' };
  return {
    what: `drop over k = ${dimensions.join(', ')} at σ_F = ${sigmaF}, separation ${separation}`,
    expected: judged ? 'falls with k' : '-',
    measured: says[outcome],
    holds: judged ? outcome : null,
  };
}

/** Can the published drop come from the stated separation at all? No drop exceeds the accuracy of the best classifier. */
function reachableRow(measured: readonly Measured[]): ExperimentRow[] {
  const k = dimensions[0];
  const stated = group(measured, statedSeparation, 1).find(({ dimension }) => dimension === k);
  if (!stated) return [];
  const outcome = dropReachable(published[k]!, stated.ceiling);
  return [
    {
      what: `can ${published[k]} points be lost at k = ${k} and the stated separation ${statedSeparation}?`,
      expected: 'yes, if the published figure has that separation',
      measured: `${outcome === 'yes' ? 'possible' : 'impossible'}: the best classifier has ${stated.ceiling.toFixed(1)} % to lose`,
      holds: outcome,
    },
  ];
}

const numbers = (values: readonly number[]): string => values.map((value) => value.toFixed(1)).join(' / ');

/** Of the separations tried, which gives drops nearest to the published ones, read as points and as shares of the accuracy? */
function nearestRows(measured: readonly Measured[], separations: readonly number[]): ExperimentRow[] {
  const target = dimensions.map((k) => published[k]!);
  const readings = [
    ['in points', (m: Measured) => m.drop.points.mean],
    ['in percent of the accuracy', (m: Measured) => m.drop.relative],
  ] as const;
  return readings.map(([reading, of]) => {
    const tried = separations.map((separation) => group(measured, separation, 1).map(of));
    const nearest = nearestTo(target, tried);
    return {
      what: `separation of ${separations.join(', ')} whose drops are nearest to the published ones, ${reading}`,
      expected: `within 3 of ${target.join(' / ')} for k = ${dimensions.join(' / ')}`,
      measured:
        nearest.index === null
          ? 'none: drops are not finite'
          : `${separations[nearest.index]}: ${numbers(tried[nearest.index]!)}, ${nearest.distance.toFixed(1)} off in the mean`,
      holds: nearest.outcome,
    };
  });
}

function figuresOf(
  measured: readonly Measured[],
  separations: readonly number[],
): ExperimentReport['figures'] {
  const [first] = separations;
  const panels = scales.map((sigmaF) => ({
    title: `fixed weight scale ${sigmaF}`,
    series: group(measured, first!, sigmaF).map(({ dimension, curves }) => ({
      label: `k = ${dimension}`,
      pairs: curves,
    })),
  }));
  const recipe = interpolationFigure(panels, { metric: 'accuracy', split: 'test', band: 'range' });
  if (!recipe) throw new Error('the interpolations lack the test accuracies that were requested');
  const overSeparation = (of: (m: Measured) => number) =>
    dimensions.map((k) => ({
      label: `k = ${k}`,
      points: measured
        .filter(({ dimension, sigmaF }) => dimension === k && sigmaF === 1)
        .map((m) => ({ x: m.separation, y: of(m) })),
    }));
  const x = { label: 'separation of the classes', log: true };
  return {
    'intrinsic-dimension': {
      ...recipe,
      options: { size: 'double' },
      caption: `Test accuracy on the straight line between two W-asymmetric networks, unaligned, on Gaussian data of intrinsic dimension k and separation ${first}.`,
    },
    'drop-over-separation': {
      kind: 'scatter',
      data: {
        panels: [
          { x, y: { label: 'accuracy drop (points)' }, series: overSeparation((m) => m.drop.points.mean) },
          {
            x,
            y: { label: 'accuracy of the best classifier (%)' },
            series: overSeparation((m) => m.ceiling),
          },
        ],
        correlation: false,
      },
      options: { size: 'double' },
      caption: `Accuracy drop between W-asymmetric networks of σ_F = 1, and what the best classifier reaches on the same data. Published drops: ${dimensions.map((k) => `${published[k]} for k = ${k}`).join(', ')}.`,
    },
  };
}

export const experiment: Experiment = {
  title: 'Accuracy drop over the intrinsic dimension of the data',
  paper: {
    says: 'The lower the intrinsic dimension k of the data, the more accuracy W-asymmetric networks of σ_F = 1 lose unaligned: 46.4 / 15.7 / 6.1 points for k = 2 / 8 / 32.',
    source: 'published figure; the separation 0.3 of the classes is that of the published config',
  },
  sizes: {
    quick: {
      setting:
        'W-asymmetric MLPs 512-128-128-128-20 on 10,000 examples of 20 Gaussian classes, 10 epochs, for each of k = 2, 8, 32: 8 networks at separation 1 and σ_F = 0, 1, and 4 networks at separations 0.3 and 3 and σ_F = 1; test accuracy between disjoint pairs',
      ...{ seconds: 80, memoryMiB: 2100, known: 'measured' },
      remark:
        'At separation 0.3 in two dimensions even the best classifier reaches only about 17 % (median of 12 draws), so the published drop of 46.4 points cannot come from these data: other separations are tried.',
    },
    paper: {
      setting:
        'W-asymmetric MLPs 512-512-512-512-20 on 50,000 examples of 20 Gaussian classes, 100 epochs, 4 networks for each of k = 2, 8, 32: at separation 0.3 and σ_F = 0, 1, and at separations 0.5, 1, 2, 3 and 5 and σ_F = 1; test accuracy between all 6 pairs',
      seconds: trainingSeconds({
        widths: [512, 512, 512, 512, 20],
        ...{ examples: 45_000, batchSize: 128, epochs: 100, models: 84 },
      }),
      ...{ memoryMiB: 2048, known: 'estimated' },
      remark:
        'At separation 0.3 in two dimensions even the best classifier reaches only about 17 % (median of 12 draws), so the published drop of 46.4 points cannot come from these data: other separations are tried.',
    },
  },
  limits: ['epochs', 'models', 'settings'],
  async run(work) {
    const setting = cut(subspaceSettings[work.size], work.limit);
    const { models } = searches[work.size];
    const separations = cutList(searches[work.size].separations, work.limit);
    const places = separations.flatMap((separation, i) =>
      (i === 0 ? scales : [1]).flatMap((sigmaF) =>
        dimensions.map((dimension) => ({ separation, dimension, sigmaF })),
      ),
    );
    const measured: Measured[] = [];
    for (const place of places) {
      const count = models[place.separation === separations[0] ? 0 : 1];
      const here = cut({ ...setting, models: count, separation: place.separation }, work.limit);
      measured.push(await measure(work, here, place, 1 / places.length));
    }
    return {
      rows: [
        ...measured.map(dropRow),
        ...separations.map((separation, i) => trendRow(measured, { separation, sigmaF: 1 }, i === 0)),
        trendRow(measured, { separation: separations[0]!, sigmaF: 0 }, false),
        ...reachableRow(measured),
        ...nearestRows(measured, separations),
      ],
      figures: figuresOf(measured, separations),
    };
  },
};
