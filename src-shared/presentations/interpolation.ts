/** Presentation of interpolations on the command line: the chord barriers of every pair, and the means by every definition. */
import { barrierNames, barrierTexts, type BarrierName } from '../barriers.ts';
import { splits, type Split } from '../domain.ts';
import { executionText } from '../execution.ts';
import {
  barriersOf,
  epochsOfPairs,
  interpolateJob,
  midpointsOf,
  pairsOf,
  type Interpolation,
} from '../jobs/interpolate.ts';
import { barrierFigureTitle, barrierOverEpochsFigure } from './barrier-figure.ts';
import { rotationFacts } from './rotation-facts.ts';
import { panelsByAlignment, storedEndsNote, type Metric } from './interpolation-figure.ts';
import { linesByEpoch } from './lines.ts';
import { definePresenter, type Presentation } from './present.ts';

/** 1.350 nats, 35.0 points; beyond a million in powers. */
function text(value: number | null | undefined, metric: Metric): string {
  if (value === undefined) return '–';
  if (value === null) return 'none';
  const digits = metric === 'accuracy' ? 1 : 3;
  return (Math.abs(value) < 1e6 ? value.toFixed(digits) : value.toExponential(2)).replaceAll('-', '−');
}

/** Of a point of a curve. */
const pointText = (value: number | null | undefined, metric: Metric): string =>
  value === null
    ? 'not finite'
    : text(value, metric) + (metric === 'accuracy' && value !== undefined ? ' %' : '');

const splitsOf = (pairs: readonly Interpolation[]): Split[] =>
  splits.filter((split) => pairs.some((pair) => pair[`${split}_loss`] ?? pair[`${split}_accuracy`]));

/** "1.350 ± 0.120 (2 of 3 pairs)": over the pairs that have a number. */
function meanText(
  pairs: readonly Interpolation[],
  split: Split,
  metric: Metric,
  definition: BarrierName,
): string {
  const all = pairs.flatMap((pair) => barriersOf(pair, split)[metric] ?? []);
  const values = all.flatMap((barriers) => barriers[definition] ?? []);
  if (values.length === 0) return 'none';
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const std = values.length > 1 ? ` ± ${text(Math.sqrt(squares / (values.length - 1)), metric)}` : '';
  const part = values.length < all.length ? ` (${values.length} of ${all.length} pairs)` : '';
  return `${text(mean, metric)}${std}${metric === 'accuracy' ? ' points' : ''}${part}`;
}

/** All definitions, on the split that is reported: test if it was evaluated. */
function definitionFacts(pairs: readonly Interpolation[], split: Split): Presentation['facts'] {
  return barrierNames.map((name) => {
    const found = `loss ${meanText(pairs, split, 'loss', name)}, accuracy ${meanText(pairs, split, 'accuracy', name)}`;
    return [`${name} (${split})`, `${found}. ${barrierTexts[name].usedBy}`];
  });
}

/** Of several epochs: the mean barriers at each, relative to the chord. */
function epochFacts(pairs: readonly Interpolation[], split: Split): Presentation['facts'] {
  return epochsOfPairs(pairs).map((epoch) => {
    const there = pairs.filter((pair) => pair.epoch === epoch);
    return [`epoch ${epoch} (${split})`, meansText(there, split)];
  });
}

const meansText = (pairs: readonly Interpolation[], split: Split): string =>
  `loss barrier ${meanText(pairs, split, 'loss', 'chord')}, accuracy drop ${meanText(pairs, split, 'accuracy', 'chord')}`;

function verdictOf(pairs: readonly Interpolation[], split: Split): string {
  const epochs = epochsOfPairs(pairs);
  const models = new Set(pairs.map((pair) => `${pair.model1_index}–${pair.model2_index}`)).size;
  const count = epochs.length > 1 ? models : pairs.length;
  const over = count === 1 ? 'one pair' : `${count} pairs`;
  const against = `Relative to the chord between the ends, ${split}, ${over}`;
  if (epochs.length < 2) return `${against}: ${meansText(pairs, split)}.`;
  const parts = [epochs[0]!, epochs.at(-1)!].map(
    (epoch) =>
      `at epoch ${epoch} ${meansText(
        pairs.filter((pair) => pair.epoch === epoch),
        split,
      )}`,
  );
  return `${against}, ${epochs.length} epochs: ${parts.join('; ')}.`;
}

/** How the curves came by the statistics of batch norms. */
function statisticsFacts(pairs: readonly Interpolation[]): Presentation['facts'] {
  const used = pairs.flatMap(({ norm_statistics: name, statistics_batch: batch }) =>
    name === undefined ? [] : [batch === undefined ? name : `${name}, batches of ${batch}`],
  );
  return [...new Set(used)].map((text) => ['Norm statistics', text]);
}

/** Of the models with the norm statistics in their files. */
const storedText = ({ stored_ends }: Interpolation, split: Split): string =>
  stored_ends?.[`${split}_accuracy`]?.map((value) => pointText(value, 'accuracy')).join(', ') ?? '–';

function rowOf(pair: Interpolation, split: Split): string[] {
  const { loss, accuracy } = barriersOf(pair, split);
  const ends = (values: (number | null)[] | undefined, metric: Metric): string =>
    values ? [values[0], values.at(-1)].map((value) => pointText(value, metric)).join(', ') : '–';
  return [
    `${pair.model1_index}–${pair.model2_index}`,
    split,
    text(loss?.chord, 'loss'),
    text(accuracy?.chord, 'accuracy'),
    ends(pair[`${split}_loss`], 'loss'),
    ends(pair[`${split}_accuracy`], 'accuracy'),
  ];
}

const atEpoch = ({ epoch }: { epoch: number | null }): string => (epoch === null ? '' : `, epoch ${epoch}`);

export const interpolation = definePresenter(interpolateJob, (r): Presentation => {
  const pairs = pairsOf(r);
  const measured = splitsOf(pairs);
  const split = measured.at(-1) ?? 'test';
  const several = epochsOfPairs(pairs).length > 1;
  const reasons = new Set(
    pairs.flatMap((pair) => {
      const { loss, accuracy } = barriersOf(pair, split);
      const reason =
        loss?.chord === null ? loss.reason : accuracy?.chord === null ? accuracy.reason : undefined;
      return reason === undefined
        ? []
        : [
            `Models ${pair.model1_index}–${pair.model2_index}${several ? atEpoch(pair) : ''}: no barrier, ${reason}.`,
          ];
    }),
  );
  const midpoints = [
    ...(r.midpoint ? [{ ...r.midpoint, at: '' }] : []),
    ...midpointsOf(r).map((middle) => ({ ...middle, at: atEpoch(middle) })),
  ];
  const asStored = pairs.some(({ stored_ends }) => stored_ends);
  const barriers = barrierOverEpochsFigure(panelsByAlignment([{ label: 'pairs of models', pairs }]), {
    metric: 'accuracy',
    split,
  });
  return {
    verdict: verdictOf(pairs, split),
    tone: 'plain',
    facts: [
      ...(several ? epochFacts(pairs, split) : definitionFacts(pairs, split)),
      ...midpoints.map((middle): [string, string] => [
        `Mean of ${middle.num_models} models${middle.at}`,
        `loss ${pointText(middle[`${split}_loss`], 'loss')}, accuracy ${pointText(middle[`${split}_accuracy`], 'accuracy')}`,
      ]),
      ...statisticsFacts(pairs),
      ...rotationFacts(pairs),
      ...(r.execution ? [['Computed', executionText(r.execution)] as [string, string]] : []),
    ],
    table: {
      columns: [
        'pair',
        ...(several ? ['epoch'] : []),
        'split',
        'loss barrier',
        'accuracy drop, points',
        'loss of the ends',
        'accuracy of the ends',
        ...(asStored ? ['accuracy of the ends as stored'] : []),
      ],
      rows: pairs.flatMap((pair) =>
        measured.map((each) => {
          const [name = '', ...rest] = rowOf(pair, each);
          const at = several ? [pair.epoch ?? '–'] : [];
          return [name, ...at, ...rest, ...(asStored ? [storedText(pair, each)] : [])];
        }),
      ),
    },
    lines: linesByEpoch(
      pairs,
      ({ epoch }) => epoch,
      (there) => ({
        pairs: there.length,
        [`loss barrier (${split})`]: meanText(there, split, 'loss', 'chord'),
        [`accuracy drop (${split})`]: meanText(there, split, 'accuracy', 'chord'),
      }),
    ),
    figures: barriers ? [{ title: barrierFigureTitle, recipe: barriers }] : [],
    notes: [
      ...reasons,
      ...new Set(pairs.flatMap(({ note }) => (note === undefined ? [] : [note]))),
      ...[storedEndsNote(pairs)].filter((note) => note !== undefined),
      ...r.warnings,
    ],
  };
});
