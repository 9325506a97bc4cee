/** Findings about two models whose neurons are matched. The rules are written out in docs/verdicts.md. */
import type { LayerMatching } from '../jobs/pairs.ts';
import { allFinite, sampleOf, type Finding, type Outcome } from './rules.ts';

type Objectives = LayerMatching['objectives'];

/**
 * Where the identity lies between chance (0) and the best permutation (1), mean over layers and pairs. Null if chance is
 * not known (no random permutation), if a number is not finite, and if the best permutation is no better than chance: by
 * less than two deviations of the random ones.
 */
export function placeBetween(all: readonly Objectives[]): number | null {
  const places = all.flatMap((o) => {
    if (o.random.length === 0 || !allFinite([o.identity, o.optimal, o.random_mean, ...o.random])) return [];
    const scatter = o.random.length < 2 ? 0 : sampleOf(o.random).std;
    const gap = o.optimal - o.random_mean;
    return gap <= 2 * scatter || gap === 0 ? [] : [(o.identity - o.random_mean) / gap];
  });
  return places.length === 0 ? null : places.reduce((sum, place) => sum + place, 0) / places.length;
}

/** Of the place between chance and the best permutation: at least this much, from the nearest down. */
const degrees: [least: number, outcome: Outcome, text: string][] = [
  [0.9, 'yes', 'The identity is (nearly) the best permutation: neurons keep their slots'],
  [0.5, 'partly', 'The identity is nearer to the best permutation than to chance'],
  [0.15, 'partly', 'The identity is better than chance, but far from the best permutation'],
  [-Infinity, 'no', 'The identity is no better than chance: neurons do not keep their slots'],
];

/** Do neurons keep their places? `yes` from 0.9 on, `no` below 0.15, `partly` between, `not clear` without a place. */
export function placeOutcome(place: number | null): Outcome {
  if (place === null) return 'not clear';
  return degrees.find(([least]) => place >= least)?.[1] ?? 'not clear';
}

/** `yes`: up by 0.1 in all and by no step down of more than 0.02; `no`: a step down of more than 0.1, or none up in all. */
export function placesRise(places: readonly number[]): Outcome {
  if (places.length < 2 || !allFinite(places)) return 'not clear';
  const steps = places.slice(1).map((place, i) => place - places[i]!);
  const whole = places.at(-1)! - places[0]!;
  if (whole <= 0 || steps.some((step) => step < -0.1)) return 'no';
  return whole > 0.1 && steps.every((step) => step > -0.02) ? 'yes' : 'not clear';
}

/** Of a place between chance (0) and the optimum (1): `yes` below 0.3, `no` from 0.5 on. */
export const nearChance = (place: number): Outcome =>
  Math.abs(place) < 0.3 ? 'yes' : Math.abs(place) >= 0.5 ? 'no' : 'not clear';

const wholePercent = (share: number): string => `${String(Math.round(100 * share)).replace('-', '−')} %`;

const named = (names: readonly string[]): string =>
  `${names.slice(0, 6).join('; ')}${names.length > 6 ? ` and ${names.length - 6} more` : ''}`;

/** One sentence per degree, naming the subjects (groups, runs) in it. */
export function placesText(subjects: readonly { subject: string; place: number | null }[]): string {
  const sentences = degrees.flatMap(([least, , text], d) => {
    const most = degrees[d - 1]?.[0] ?? Infinity;
    const some = subjects.filter(({ place }) => place !== null && place >= least && place < most);
    if (some.length === 0) return [];
    return [`${text}: ${named(some.map(({ subject, place }) => `${subject} (${wholePercent(place!)})`))}.`];
  });
  const unclear = subjects.filter(({ place }) => place === null).map(({ subject }) => subject);
  const rest =
    unclear.length === 0
      ? []
      : [`Not clear, because the best permutation is hardly better than chance: ${named(unclear)}.`];
  const legend = 'In brackets: the position between chance (0 %) and the best permutation (100 %).';
  return [...sentences, ...rest, ...(sentences.length > 0 ? [legend] : [])].join(' ');
}

/** Of one pair: what is left of the distance (1: all of it), and the share of neurons that change places. */
export interface Matched {
  left: number;
  moved: number;
}

/** From which share of the distance on permuting counts as no help, and up to which as a clear one. */
const help = { none: 0.99, clear: 0.9 } as const;

/**
 * Does permuting neurons bring two models closer? By the mean over pairs of the distance that is left: `yes` up to 0.9,
 * `no` from 0.99 on or if no neuron moves, `partly` between.
 */
export function matchWeightsFinding(pairs: readonly Matched[]): Finding {
  if (pairs.length === 0 || !allFinite(pairs.flatMap(({ left, moved }) => [left, moved])))
    return {
      outcome: 'not clear',
      text: 'Whether permuting neurons brings the two models closer is not clear: they are equal, or a distance is not finite.',
    };
  const mean = (of: (pair: Matched) => number): number =>
    pairs.reduce((sum, pair) => sum + of(pair), 0) / pairs.length;
  if (pairs.every(({ moved }) => moved === 0))
    return {
      outcome: 'no',
      text: 'No permutation brings the two models closer in weight space: the identity is the best permutation found.',
    };
  const [left, moved] = [mean((pair) => pair.left), mean((pair) => pair.moved)];
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const one = pairs.length === 1;
  const head = `Permuting neurons brings ${one ? 'the second model' : 'the second of two models'} to ${percent(left)} of the distance in weight space${one ? '' : ' on average'}`;
  const outcome = left <= help.clear ? 'yes' : left < help.none ? 'partly' : 'no';
  const says = { yes: '', partly: ', not much closer', no: ', hardly closer' }[outcome];
  return { outcome, text: `${head}${says}; ${percent(moved)} of the neurons move.` };
}
