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
import { familiarForm } from '../objective.ts';
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
    const found = meansText(pairs, split, name, ['loss', 'accuracy']);
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

/** Whether there is a share of right answers: not if numbers are predicted. */
const haveAccuracy = (pairs: readonly Interpolation[], split: Split): boolean =>
  pairs.some((pair) => pair[`${split}_accuracy`] !== undefined);

/** Of loss and, if there is one, accuracy. */
function meansText(
  pairs: readonly Interpolation[],
  split: Split,
  definition: BarrierName = 'chord',
  names: readonly [string, string] = ['loss barrier', 'accuracy drop'],
): string {
  const loss = `${names[0]} ${meanText(pairs, split, 'loss', definition)}`;
  if (!haveAccuracy(pairs, split)) return loss;
  return `${loss}, ${names[1]} ${meanText(pairs, split, 'accuracy', definition)}`;
}

/** What people read in place of the losses of these pairs; undefined if it is the loss itself, or they differ. */
function formOf(pairs: readonly Interpolation[]): ReturnType<typeof familiarForm> {
  const [first, ...others] = new Set(pairs.map(({ loss_name }) => loss_name));
  return others.length === 0 ? familiarForm(first) : undefined;
}

function formText(
  form: NonNullable<ReturnType<typeof familiarForm>>,
  value: number | null | undefined,
): string {
  return pointText(value == null ? value : form.of(value), 'loss');
}

function midpointText(
  point: { [K in `${Split}_${Metric}`]?: number | null | undefined },
  split: Split,
  form: ReturnType<typeof familiarForm>,
): string {
  const [loss, accuracy] = [point[`${split}_loss`], point[`${split}_accuracy`]];
  return [
    `loss ${pointText(loss, 'loss')}`,
    ...(accuracy === undefined ? [] : [`accuracy ${pointText(accuracy, 'accuracy')}`]),
    ...(form ? [`${form.name} ${formText(form, loss)}`] : []),
  ].join(', ');
}

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

interface Shown {
  hasAccuracy: boolean;
  form: ReturnType<typeof familiarForm>;
}

function columnsOf({ hasAccuracy, form }: Shown): string[] {
  return [
    'loss barrier',
    ...(hasAccuracy ? ['accuracy drop, points'] : []),
    'loss of the ends',
    ...(form ? [`${form.name} of the ends`] : []),
    ...(hasAccuracy ? ['accuracy of the ends'] : []),
  ];
}

function rowOf(pair: Interpolation, split: Split, { hasAccuracy, form }: Shown): string[] {
  const { loss, accuracy } = barriersOf(pair, split);
  const losses = pair[`${split}_loss`];
  const ends = (values: (number | null)[] | undefined, metric: Metric): string =>
    values ? [values[0], values.at(-1)].map((value) => pointText(value, metric)).join(', ') : '–';
  return [
    `${pair.model1_index}–${pair.model2_index}`,
    split,
    text(loss?.chord, 'loss'),
    ...(hasAccuracy ? [text(accuracy?.chord, 'accuracy')] : []),
    ends(losses, 'loss'),
    ...(form
      ? [losses ? [losses[0], losses.at(-1)].map((value) => formText(form, value)).join(', ') : '–']
      : []),
    ...(hasAccuracy ? [ends(pair[`${split}_accuracy`], 'accuracy')] : []),
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
  const shown = { hasAccuracy: haveAccuracy(pairs, split), form: formOf(pairs) };
  const asStored = shown.hasAccuracy && pairs.some(({ stored_ends }) => stored_ends);
  const barriers = barrierOverEpochsFigure(panelsByAlignment([{ label: 'pairs of models', pairs }]), {
    metric: shown.hasAccuracy ? 'accuracy' : 'loss',
    split,
  });
  return {
    verdict: verdictOf(pairs, split),
    tone: 'plain',
    facts: [
      ...(several ? epochFacts(pairs, split) : definitionFacts(pairs, split)),
      ...midpoints.map((middle): [string, string] => [
        `Mean of ${middle.num_models} models${middle.at}`,
        midpointText(middle, split, shown.form),
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
        ...columnsOf(shown),
        ...(asStored ? ['accuracy of the ends as stored'] : []),
      ],
      rows: pairs.flatMap((pair) =>
        measured.map((each) => {
          const [name = '', ...rest] = rowOf(pair, each, shown);
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
        ...(shown.hasAccuracy && {
          [`accuracy drop (${split})`]: meanText(there, split, 'accuracy', 'chord'),
        }),
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
