/** Findings about the signs of two models' activations. The rules are written out in docs/verdicts.md. */
import { allFinite, notFinite } from './rules.ts';
import type { Finding, Outcome } from './rules.ts';

/** At one place of one pair. */
export interface SignAgreement {
  agreement_ratio: number;
  /** As if the signs of both models were independent. */
  chance_agreement_ratio: number;
}

/** Agreement of signs from chance (0) to always (1); null if chance leaves nothing: no neuron ever changes its sign. */
export const beyondChance = ({ agreement_ratio: found, chance_agreement_ratio: chance }: SignAgreement) =>
  chance < 1 ? (found - chance) / (1 - chance) : null;

/** From here on two models are said to be active alike, and below the second not. */
export const activeAlike = 0.5;
export const activeByChance = 0.1;

/** Of a place between chance (0) and always (1). */
export const alikeOutcome = (place: number): Outcome => {
  if (!Number.isFinite(place)) return 'not clear';
  if (place >= activeAlike) return 'yes';
  return place < activeByChance ? 'no' : 'partly';
};

/** Mean over places and pairs at which anything varies; null if there are none. */
export function meanBeyondChance(patterns: readonly SignAgreement[]): number | null {
  const places = patterns.flatMap((pattern) => beyondChance(pattern) ?? []);
  return places.length === 0 ? null : places.reduce((sum, place) => sum + place, 0) / places.length;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/**
 * Are the neurons of two models active on the same inputs? The agreement of signs between chance (0) and always (1), mean
 * over layers and pairs. `yes` from 0.5 on, `no` below 0.1, `partly` between; `not clear` if no neuron's sign varies.
 */
export function patternsFinding(epoch: number, patterns: readonly SignAgreement[]): Finding {
  const numbers = patterns.flatMap((p) => [p.agreement_ratio, p.chance_agreement_ratio]);
  if (!allFinite(numbers)) return notFinite('a pair');
  const place = meanBeyondChance(patterns);
  if (place === null)
    return { outcome: 'not clear', text: `Not clear: at epoch ${epoch} no neuron ever changes its sign.` };
  const mean = (key: keyof SignAgreement): string =>
    percent(patterns.reduce((sum, pattern) => sum + pattern[key], 0) / patterns.length);
  const outcome = alikeOutcome(place);
  const told = {
    yes: 'neurons of the same place are active on the same inputs.',
    partly: 'neurons of the same place are more often active on the same inputs than chance would have it.',
    no: 'neurons of the same place have little in common.',
    'not clear': 'what that says is not clear.',
  };
  return {
    outcome,
    text: `At epoch ${epoch} the activations of two networks have the same sign in ${mean('agreement_ratio')} of all cases, by chance it would be ${mean('chance_agreement_ratio')}: ${told[outcome]}`,
  };
}
