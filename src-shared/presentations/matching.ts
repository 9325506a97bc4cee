/** Presentation of matched activations: how well neurons correspond as they are, at best and by chance. */
import { familyNames, hasNumFixed, hasSigma } from '../domain.ts';
import type { CorrelationMode, Family, RecordingPoint } from '../domain.ts';
import type { FigureRecipe } from '../figures/index.ts';
import { matchActivationsJob } from '../jobs/match-activations.ts';
import type { ActivationMatchingRow } from '../jobs/match-activations.ts';
import { isMatrix } from '../matrix.ts';
import { placeBetween, placesText } from '../verdicts/matching.ts';
import { shown } from '../shown.ts';
import { definePresenter } from './present.ts';
import type { Presentation } from './present.ts';

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** One layer of one pair, with all that places it. */
interface Entry {
  /** What the pair belongs to: its group, else its run, else the two models. */
  subject: string;
  epoch: number | null;
  family: string;
  /** Place of the group among those of its network, from 1; of an MLP the hidden layer. */
  layer: number;
  /** "hidden layer 1", or the group's name. */
  group: string;
  way: Way;
  result: ActivationMatchingRow['matching_results'][number];
}

/** What was compared, and where. */
interface Way {
  mode: CorrelationMode;
  point: RecordingPoint;
}

const wayKey = ({ mode, point }: Way): string => `${mode} ${point}`;

const objectiveNames: Record<CorrelationMode, string> = {
  dot_product: 'mean product of matched activations',
  pearson_correlation: 'mean correlation of matched neurons',
  pearson_correlation_with_zero_for_constant: 'mean correlation of matched neurons',
  pearson_uncorrelatedness: 'mean 1 − |ρ| of matched neurons',
  pearson_uncorrelatedness_with_one_for_constant: 'mean 1 − |ρ| of matched neurons',
};

export const pointNames: Record<RecordingPoint, string> = {
  post_linear: 'after the linear layer',
  post_norm: 'after the norm',
  post_activation_function: 'after the activation',
};

function entriesOf(rows: readonly ActivationMatchingRow[]): Entry[] {
  return rows.flatMap((row) => {
    const groups = distinct(row.matching_results.map(({ layer }) => layer));
    return row.matching_results.map((result) => ({
      subject: row.group ?? row.run_key ?? `models ${row.model1_index} and ${row.model2_index}`,
      epoch: row.epoch,
      family: row.family ?? '',
      layer: hiddenLayerOf(result.layer) ?? groups.indexOf(result.layer) + 1,
      group: groupName(result.layer),
      way: { mode: result.correlation_mode, point: result.matching_mode },
      result,
    }));
  });
}

/** The number of the hidden layer that a group of an MLP is, from 1; undefined for other groups. */
function hiddenLayerOf(group: string): number | undefined {
  const [, number] = /^P_(\d+)$/.exec(group) ?? [];
  return number === undefined ? undefined : Number(number) + 1;
}

export function groupName(group: string): string {
  const layer = hiddenLayerOf(group);
  return layer === undefined ? group : `hidden layer ${layer}`;
}

/** Where the identity lies between chance (0) and the best permutation (1); null if that is not clear. */
const placeOf = (entries: readonly Entry[]): number | null =>
  placeBetween(entries.map(({ result }) => result.objectives));

const distinct = <T>(values: readonly T[]): T[] => [...new Set(values)];
const ascending = (values: readonly number[]): number[] => distinct(values).sort((a, b) => a - b);

type Panel = FigureRecipe<'matching-objective'>['data']['panels'][number];

/** One panel: what the entries say at each place of the axis. Pairs that miss a place leave a gap there. */
function panelOf(
  title: string,
  entries: readonly Entry[],
  axis: (entry: Entry) => number | null | undefined,
): Panel {
  const x = ascending(entries.flatMap((entry) => axis(entry) ?? []));
  const at = x.map((place) => entries.filter((entry) => axis(entry) === place));
  const most = Math.max(...at.map((found) => found.length));
  const curves = (what: 'optimal' | 'identity') =>
    Array.from({ length: most }, (_, p) => at.map((found) => found[p]?.result.objectives[what] ?? null));
  const random = at.map((found) => found.flatMap(({ result }) => result.objectives.random));
  const drawn = random.some((values) => values.length > 0);
  const of = (pick: (values: number[]) => number) =>
    random.map((values) => (values.length === 0 ? null : pick(values)));
  return {
    title,
    x,
    optimal: curves('optimal'),
    identity: curves('identity'),
    ...(drawn && {
      random: {
        mean: of(meanOf),
        low: of((values) => values.reduce((a, b) => Math.min(a, b), Infinity)),
        high: of((values) => values.reduce((a, b) => Math.max(a, b), -Infinity)),
      },
    }),
  };
}

type Axis = FigureRecipe<'matching-objective'>['data']['axis'];
type Figures = Presentation['figures'];

function figureOf(title: string, axis: Axis, way: Way, panels: Panel[], columns?: number): Figures {
  if (panels.length === 0) return [];
  return [
    {
      title,
      recipe: {
        kind: 'matching-objective',
        data: {
          axis,
          objectiveLabel: objectiveNames[way.mode],
          panels,
          ...(columns !== undefined && { columns }),
        },
        options: { size: panels.length > 1 ? 'double' : 'single' },
      },
    },
  ];
}

/** Panels by a key (rows) and layer (columns), where the axis has two places at least. */
function panelsBy(
  entries: readonly Entry[],
  keyOf: (entry: Entry) => string,
  axis: (entry: Entry) => number | null | undefined,
): { panels: Panel[]; columns: number } {
  const layers = ascending(entries.map(({ layer }) => layer));
  const panels = distinct(entries.map(keyOf)).flatMap((key) =>
    layers.flatMap((layer) => {
      const some = entries.filter((entry) => keyOf(entry) === key && entry.layer === layer);
      if (distinct(some.flatMap((entry) => axis(entry) ?? [])).length < 2) return [];
      return [panelOf([key, some[0]!.group].filter(Boolean).join(', '), some, axis)];
    }),
  );
  return { panels, columns: Math.max(1, Math.min(layers.length, 8)) };
}

/** The entries at the last epoch that every subject was measured at; all where there is none. */
function atLastEpoch(entries: readonly Entry[]): { last: number | null; found: Entry[] } {
  const subjects = distinct(entries.map(({ subject }) => subject));
  const epochs = ascending(entries.flatMap(({ epoch }) => epoch ?? []));
  const common = epochs.filter((epoch) =>
    subjects.every((subject) => entries.some((entry) => entry.subject === subject && entry.epoch === epoch)),
  );
  const last = common.at(-1);
  if (last !== undefined) return { last, found: entries.filter(({ epoch }) => epoch === last) };
  const lastOf = new Map(
    subjects.map((subject) => {
      const own = entries.filter((entry) => entry.subject === subject);
      return [subject, Math.max(...own.map(({ epoch }) => epoch ?? 0))];
    }),
  );
  return { last: null, found: entries.filter((entry) => (entry.epoch ?? 0) === lastOf.get(entry.subject)) };
}

/** Where the similarities themselves were asked for: one row of panels per pair, at most four. */
function similarityFigures(rows: readonly ActivationMatchingRow[]): Figures {
  const panels = rows.slice(0, 4).flatMap((row) => {
    const found = row.matching_results.flatMap(({ similarity, layer }) =>
      similarity && isMatrix(similarity)
        ? [
            {
              title: `${groupName(layer)}, models ${row.model1_index} and ${row.model2_index}`,
              matrix: similarity,
            },
          ]
        : [],
    );
    return found.length === 0 ? [] : [found];
  });
  if (panels.length === 0) return [];
  const data = {
    rows: panels,
    valueLabel: 'similarity',
    rowLabel: 'neuron of the first',
    columnLabel: 'of the second',
    colours: 'diverging' as const,
  };
  return [{ title: 'Similarity of neurons', recipe: { kind: 'matrix', data } }];
}

/** All figures of one way of comparing. */
function figuresOf(entries: readonly Entry[], way: Way, suffix: string): Figures {
  const { last, found } = atLastEpoch(entries);
  const when = last === null ? 'at their last epochs' : `at epoch ${last}`;
  const several = distinct(entries.map(({ subject }) => subject)).length > 1;
  const overEpochs = panelsBy(
    entries,
    ({ subject }) => (several ? subject : ''),
    ({ epoch }) => epoch,
  );
  const share = ({ result }: Entry) => result.fixed_share;
  const layers = ascending(found.map(({ layer }) => layer));
  const sweep = layers.some(
    (layer) =>
      distinct(found.filter((e) => e.layer === layer && e.family === 'w-asymmetric').map(share)).length > 1,
  );
  const families = distinct(found.map(({ family }) => family)).length > 1;
  const overSigma = panelsBy(
    // Imported results may not say of which family they are.
    found.filter(({ family }) => family === '' || hasSigma(family as Family)),
    (entry) => {
      const fixed = share(entry);
      const parts = [
        families ? familyName(entry.family) : '',
        sweep && fixed !== undefined ? `${percent(fixed)} fixed` : '',
      ];
      return parts.filter(Boolean).join(', ');
    },
    ({ result }) => result.sigma_f,
  );
  const overShare = panelsBy(
    found.filter(({ family }) => hasNumFixed(family as Family)),
    ({ family, result }) => (family === 'sparse' ? familyName(family) : `σ_F = ${result.sigma_f}`),
    share,
  );
  // Groups that are no hidden layers have names, but no order along an axis.
  const inOrder = found.filter(({ result }) => hiddenLayerOf(result.layer) !== undefined);
  const overLayers = distinct(inOrder.map(({ subject }) => subject)).map((subject) =>
    panelOf(
      subject,
      inOrder.filter((entry) => entry.subject === subject),
      ({ layer }) => layer,
    ),
  );
  return [
    ...figureOf(`Matching over training${suffix}`, 'epoch', way, overEpochs.panels, overEpochs.columns),
    ...figureOf(`Matching over σ_F, ${when}${suffix}`, 'sigma_F', way, overSigma.panels, overSigma.columns),
    ...figureOf(
      `Matching over the fixed share of weights, ${when}${suffix}`,
      'sparsity',
      way,
      overShare.panels,
      overShare.columns,
    ),
    ...(layers.length > 1
      ? figureOf(`Matching over layers, ${when}${suffix}`, 'layer', way, overLayers)
      : []),
  ];
}

const familyName = (family: string): string =>
  Object.hasOwn(familyNames, family) ? familyNames[family as Family] : family;

const wholePercent = (share: number): string => `${String(Math.round(100 * share)).replace('-', '−')} %`;

function verdictOf(entries: readonly Entry[]): string {
  const { last, found } = atLastEpoch(entries);
  const subjects = distinct(found.map(({ subject }) => subject)).map((subject) => ({
    subject,
    place: placeOf(found.filter((entry) => entry.subject === subject)),
  }));
  const when = last === null ? '' : `At epoch ${last}. `;
  if (found.some(({ result }) => result.objectives.random.length === 0)) {
    const { optimal, identity } = objectivesOf(found);
    return `${when}Under the identity, neurons correspond with ${shown(identity)} on average, under the best permutation with ${shown(optimal)}. Whether that is more than chance is not clear without random permutations.`;
  }
  return `${when}${placesText(subjects)}`;
}

function objectivesOf(entries: readonly Entry[]): {
  optimal: number;
  identity: number;
  random: number | null;
} {
  const drawn = entries.filter(({ result }) => result.objectives.random.length > 0);
  return {
    optimal: meanOf(entries.map(({ result }) => result.objectives.optimal)),
    identity: meanOf(entries.map(({ result }) => result.objectives.identity)),
    random: drawn.length === 0 ? null : meanOf(drawn.map(({ result }) => result.objectives.random_mean)),
  };
}

/** Mean ± deviation over pairs, divided by count - 1. */
function meanAndSpread(values: readonly number[]): string {
  const mean = meanOf(values);
  if (values.length < 2) return shown(mean);
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return `${shown(mean)} ± ${shown(Number(Math.sqrt(squares / (values.length - 1)).toPrecision(2)))}`;
}

function tableOf(entries: readonly Entry[], ways: readonly Way[]): NonNullable<Presentation['table']> {
  const key = (e: Entry) => `${e.subject}|${e.epoch}|${e.layer}|${wayKey(e.way)}`;
  const places = Map.groupBy(entries, key);
  return {
    columns: [
      'of',
      ...(ways.length > 1 ? ['compared'] : []),
      'epoch',
      'layer',
      'σ_F',
      'fixed',
      'pairs',
      'best permutation',
      'identity',
      'random',
      'identity between chance and best',
    ],
    rows: [...places.values()].map((some) => {
      const { subject, epoch, group, way, result } = some[0]!;
      const { random } = objectivesOf(some);
      const place = placeOf(some);
      return [
        subject,
        ...(ways.length > 1 ? [wayName(way)] : []),
        epoch ?? '–',
        hiddenLayerOf(result.layer) ?? group,
        shown(result.sigma_f),
        result.fixed_share === undefined ? '–' : percent(result.fixed_share),
        some.length,
        meanAndSpread(some.map((e) => e.result.objectives.optimal)),
        meanAndSpread(some.map((e) => e.result.objectives.identity)),
        shown(random),
        place === null ? '–' : wholePercent(place),
      ];
    }),
  };
}

const wayName = ({ mode, point }: Way): string =>
  `${mode
    .replaceAll('_', ' ')
    .replace(/ with .*/, '')
    .replace(/^pearson/, 'Pearson')}, ${pointNames[point]}`;

export const matchActivations = definePresenter(matchActivationsJob, (r): Presentation => {
  const rows = 'pairs' in r ? r.pairs : [r];
  const entries = entriesOf(rows);
  const ways = [...new Map(entries.map(({ way }) => [wayKey(way), way])).values()];
  const of = (way: Way) => entries.filter((entry) => wayKey(entry.way) === wayKey(way));
  const draws = entries[0]?.result.objectives.random.length ?? 0;
  const epochs = ascending(rows.flatMap(({ epoch }) => epoch ?? []));
  return {
    verdict: ways.length === 0 ? 'Nothing was compared.' : verdictOf(of(ways[0]!)),
    tone: 'plain',
    facts: [
      ['Of', distinct(entries.map(({ subject }) => subject)).join(', ')],
      ['Compared', ways.map(wayName).join('; ')],
      ['Pairs of models', String(rows.length)],
      ...(epochs.length > 0 ? [['Epochs', epochs.join(', ')] as [string, string]] : []),
      ['Random permutations', `${draws} per layer and pair, seed ${r.matching_seed}`],
    ],
    table: tableOf(entries, ways),
    figures: [
      ...similarityFigures(rows),
      ...ways.flatMap((way) => figuresOf(of(way), way, ways.length > 1 ? ` (${wayName(way)})` : '')),
    ],
    notes: [...r.warnings, ...distinct(rows.flatMap(({ note }) => note ?? []))],
  };
});
