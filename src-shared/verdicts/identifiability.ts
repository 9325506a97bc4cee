/** Findings about the neurons of one model. The rules are written out in docs/verdicts.md. */
import { shown } from '../shown.ts';
import { allFinite, fewest, leeway, notFinite, sampleOf, together } from './rules.ts';
import type { Finding, Outcome } from './rules.ts';

/** Differences of costs up to this share of the largest cost are rounding errors. */
export const roundingShare = 1e-9;

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Of one layer: what every exchange of two neurons costs, and the largest realization cost beside it. */
export interface Exchanges {
  layer: string;
  swaps: readonly number[];
  /** Of the neurons' Gram matrices; with 0 some neuron has no free weight, and its costs are zero for any function. */
  leastRank?: number | undefined;
  largestCost: number;
}

/**
 * Does exchanging two neurons cost something? `yes`: every exchange, by more than rounding; `no`: none; `partly` between;
 * `not clear` if there is no exchange or a cost is not finite. Layers in which a neuron has no free weight are left out.
 */
export function exchangesFinding(all: readonly Exchanges[]): Finding {
  const layers = all.filter(({ leastRank }) => leastRank !== 0);
  if (layers.length === all.length) return findingOf(layers);
  const left = [...new Set(all.flatMap(({ layer, leastRank }) => (leastRank === 0 ? [layer] : [])))];
  const why = `some neurons of ${left.length > 3 ? `${left.length} layers` : left.join(', ')} have no free weights that act on the input subspace, so their costs are zero whatever they compute`;
  if (layers.length === 0) return { outcome: 'not clear', text: `Not clear: ${why}.` };
  const { outcome, text } = findingOf(layers);
  return { outcome, text: `${text} Left out: ${why}.` };
}

function findingOf(layers: readonly Exchanges[]): Finding {
  const swaps = layers.flatMap(({ swaps }) => swaps);
  if (swaps.length === 0)
    return { outcome: 'not clear', text: 'Not clear: no layer has two neurons to swap.' };
  if (!allFinite([...swaps, ...layers.map(({ largestCost }) => largestCost)])) return notFinite('a layer');
  const beyond = (sign: 1 | -1): number =>
    layers.reduce(
      (sum, { swaps, largestCost }) =>
        sum + swaps.filter((cost) => sign * cost > roundingShare * largestCost).length,
      0,
    );
  const [positive, negative] = [beyond(1), beyond(-1)];
  if (positive === 0 && negative === 0)
    return {
      outcome: 'no',
      text: 'Swapping two neurons costs nothing in any layer: by this measure, neurons are not identifiable.',
    };
  const saves =
    negative === 0 ? '' : ` ${percent(negative / swaps.length)} of the swaps would save something.`;
  return {
    outcome: positive === swaps.length ? 'yes' : 'partly',
    text: `Swapping two neurons costs something for ${percent(positive / swaps.length)} of all pairs, ${shown(meanOf(swaps))} on average.${saves}`,
  };
}

/** The verdicts on several layers as one: all the same, or how many of each. */
export function layersFinding(outcomes: readonly Outcome[]): Finding {
  const all = outcomes.length;
  const count = (which: Outcome): number => outcomes.filter((outcome) => outcome === which).length;
  if (count('yes') === all)
    return { outcome: 'yes', text: `The neurons of all ${all} layers measured are identifiable.` };
  if (count('no') === all)
    return {
      outcome: 'no',
      text: `In none of the ${all} layers measured are neurons identifiable: swapping them costs nothing.`,
    };
  if (count('not clear') === all)
    return {
      outcome: 'not clear',
      text: `Whether neurons are identifiable is not clear in any of ${all} layers.`,
    };
  const unclear = count('not clear') === 0 ? '' : `, not clear in ${count('not clear')}`;
  return {
    outcome: 'partly',
    text: `Neurons are identifiable in ${count('yes')} of ${all} layers, partly in ${count('partly')}, not in ${count('no')}${unclear}.`,
  };
}

/**
 * Does another neuron's function cost a slot more than its own? By more than the leeways of the two means (two standard
 * errors each), from three costs of each kind at least.
 */
export function ridgeFinding(own: readonly number[], other: readonly number[]): Finding {
  const count = own.length + other.length;
  if (own.length === 0 || other.length === 0)
    return {
      outcome: 'not clear',
      text: `${count} pairs of neurons were fitted. Whether a slot’s own function costs less is not clear: ${own.length === 0 ? 'no slot was fitted to its own' : 'no slot was fitted to another’s'}.`,
    };
  if (!allFinite([...own, ...other])) return notFinite('the fit of a pair');
  const [a, b] = [sampleOf(own), sampleOf(other)];
  const means = `Fitting its own neuron’s function costs a slot ${shown(a.mean)} on average, another neuron’s ${shown(b.mean)}`;
  const room = Math.hypot(leeway(a), leeway(b));
  if (Number.isNaN(room))
    return {
      outcome: 'not clear',
      text: `${means}. Whether that is more is not clear: at least ${fewest} of each are needed.`,
    };
  const gap = b.mean - a.mean;
  if (Math.abs(gap) <= room)
    return {
      outcome: 'not clear',
      text: `${means}. Whether that is more is not clear: the difference is within two standard errors.`,
    };
  if (gap < 0) return { outcome: 'no', text: `${means}, which is less.` };
  return {
    outcome: 'yes',
    text: `${means}${a.mean > 0 ? `: ${shown(b.mean / a.mean)} times as much` : ''}.`,
  };
}

/** From this factor on, distances between function classes are larger than what descents leave over. */
const classesApart = 2;

/** Of one layer: how far the functions of different neurons lie from one another, and those of a neuron from itself. */
export interface ClassDistances {
  layer: string;
  others: { median: number; lower_quartile: number };
  own: { count: number; median: number; upper_quartile: number };
}

/**
 * Can neurons compute functions that others cannot? A neuron's distance from itself is what the descents leave over, and
 * its upper quartile what is compared. In each layer: `yes` if the lower quartile of the distances between different
 * neurons is at least twice as large; `no` if their median is not; `not clear` between, below three neurons, or if a
 * number is not finite.
 */
export function functionClassesFinding(layers: readonly ClassDistances[]): Finding {
  const numbers = layers.flatMap(({ others, own }) => [
    ...[others.median, others.lower_quartile, own.median, own.upper_quartile],
  ]);
  if (!allFinite(numbers)) return notFinite('a layer');
  const outcome = together(layers.map(classesOutcome));
  const range = (values: readonly number[]): string => {
    const [low, high] = [Math.min(...values), Math.max(...values)].map(shown);
    return low === high ? low! : `${low} to ${high}`;
  };
  const found = `The functions of one neuron lie ${range(layers.map(({ others }) => others.median))} from those that another can compute (median per layer), from its own ${range(layers.map(({ own }) => own.median))}`;
  const told: Record<Outcome, string> = {
    yes: 'each can compute functions that the others cannot.',
    no: 'neurons of a layer can compute the same functions, as far as these descents can tell.',
    partly: 'in some layers, neurons can compute functions that others cannot, in others they cannot.',
    'not clear': 'whether they can compute different functions is not clear.',
  };
  return { outcome, text: `${found}: ${told[outcome]}` };
}

function classesOutcome({ others, own }: ClassDistances): Outcome {
  if (own.count < fewest) return 'not clear';
  const limit = classesApart * own.upper_quartile;
  if (others.lower_quartile >= limit && others.lower_quartile > 0) return 'yes';
  return others.median < limit || others.median === 0 ? 'no' : 'not clear';
}
