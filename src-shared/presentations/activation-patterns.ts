/** Presentation of the signs of activations: how often those of two models agree. */
import { activationPatternsJob } from '../jobs/activation-patterns.ts';
import type { ActivationPattern, PatternPair } from '../jobs/activation-patterns.ts';
import { shown } from '../shown.ts';
import { beyondChance, patternsFinding } from '../verdicts/patterns.ts';
import { groupName, pointNames } from './matching.ts';
import { definePresenter, toldPlainly } from './present.ts';
import type { Presentation } from './present.ts';

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const meanOf = (values: readonly (number | null)[]): number | null =>
  values.includes(null) || values.length === 0
    ? null
    : values.reduce<number>((sum, value) => sum + value!, 0) / values.length;

const nameOf = ({ model1_index, model2_index }: PatternPair): string => `${model1_index}–${model2_index}`;
const keyOf = ({ hook_location, layer }: ActivationPattern): string => `${hook_location} ${layer}`;
const distinct = <T>(values: readonly T[]): T[] => [...new Set(values)];

/** One panel per recording point and quantity, one series per layer, one curve per pair. */
function figureOf(pairs: readonly PatternPair[]): Presentation['figures'] {
  const epochs = distinct(pairs.map(({ epoch }) => epoch));
  const names = distinct(pairs.map(nameOf));
  const points = distinct(pairs[0]!.activation_pattern_results.map((p) => p.hook_location));
  const layers = distinct(pairs[0]!.activation_pattern_results.map((p) => p.layer));
  const byPlace = new Map(
    pairs.map((pair) => [
      `${nameOf(pair)} ${pair.epoch}`,
      new Map(pair.activation_pattern_results.map((p) => [keyOf(p), p])),
    ]),
  );
  const panel = (
    what: string,
    point: ActivationPattern['hook_location'],
    of: (pattern: ActivationPattern) => number | null,
  ) => ({
    label: `${what}, ${pointNames[point]}`,
    series: layers.map((layer) => ({
      label: groupName(layer),
      epochs,
      models: names.map((name) => ({
        name,
        values: epochs.map((epoch) => of(byPlace.get(`${name} ${epoch}`)!.get(`${point} ${layer}`)!) ?? NaN),
      })),
    })),
  });
  const title = (what: string): string => (epochs.length > 1 ? `${what} over training` : what);
  const figure = (
    what: string,
    ...quantities: [string, (pattern: ActivationPattern) => number | null][]
  ) => ({
    title: title(what),
    recipe: {
      kind: 'training-curves' as const,
      data: {
        panels: points.flatMap((point) => quantities.map(([label, of]) => panel(label, point, of))),
      },
      ...(points.length * quantities.length > 1 && { options: { size: 'double' as const } }),
    },
  });
  return [
    figure('Agreement of signs', ['agreement', (p) => p.agreement_ratio]),
    figure('Agreement of signs beyond chance', ['beyond chance', beyondChance]),
    figure('Share of positive activations', [
      'positive',
      (p) => (p.positive_ratio_a + p.positive_ratio_b) / 2,
    ]),
    figure(
      'Deviation of signs',
      ['over inputs', (p) => meanOf([p.std_per_neuron_a, p.std_per_neuron_b])],
      ['over neurons', (p) => meanOf([p.std_per_input_a, p.std_per_input_b])],
    ),
  ];
}

export const activationPatterns = definePresenter(activationPatternsJob, (r): Presentation => {
  const epochs = distinct(r.pairs.map(({ epoch }) => epoch));
  const last = r.pairs.filter(({ epoch }) => epoch === epochs.at(-1));
  const point = last[0]!.activation_pattern_results.at(-1)!.hook_location;
  const patterns = last.flatMap(({ activation_pattern_results: all }) =>
    all.filter((p) => p.hook_location === point),
  );
  return {
    ...toldPlainly(patternsFinding(epochs.at(-1)!, patterns)),
    facts: [
      ['Run', r.run_key],
      ['Pairs', String(last.length)],
      ['Epochs', epochs.join(', ')],
      ['Data', `${r.split} split of ${r.data}`],
      ['Inputs', String(patterns[0]!.num_inputs)],
    ],
    table: {
      columns: [
        'pair',
        'epoch',
        'where',
        'layer',
        'agreement',
        'by chance',
        'positive',
        'deviation over inputs',
        'over neurons',
      ],
      rows: r.pairs.flatMap((pair) =>
        pair.activation_pattern_results.map((p) => [
          ...[nameOf(pair), pair.epoch, pointNames[p.hook_location], groupName(p.layer)],
          ...[percent(p.agreement_ratio), percent(p.chance_agreement_ratio)],
          `${percent(p.positive_ratio_a)}, ${percent(p.positive_ratio_b)}`,
          shown(meanOf([p.std_per_neuron_a, p.std_per_neuron_b])),
          shown(meanOf([p.std_per_input_a, p.std_per_input_b])),
        ]),
      ),
    },
    figures: figureOf(r.pairs),
    notes: [
      ...r.notes,
      'By chance: the agreement if each neuron’s signs in both models were independent, with the shares that they have.',
    ],
  };
});
