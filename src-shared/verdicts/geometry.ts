/** Findings about data of known geometry. The rules are written out in docs/verdicts.md. */
import type { JobResult } from '../jobs/index.ts';
import type { SyntheticFamily } from '../jobs/synthetic-coherence.ts';
import { shown } from '../shown.ts';
import {
  allFinite,
  fewest,
  leeway,
  rises,
  sampleOf,
  together,
  type Clear,
  type Finding,
  type Outcome,
} from './rules.ts';

/** Does the mean midpoint barrier grow from the largest coherence to the smallest? See `rises`. */
export function barrierGrows({ aggregate }: SyntheticFamily): Clear {
  if (aggregate.length < 2) return 'not clear';
  return rises([aggregate[0]!, aggregate.at(-1)!].map((a) => sampleOf(a.midpoint_barriers)));
}

/** As `barrierGrows`, for every embedding: `partly` if they disagree. */
export function coherenceFinding(families: readonly SyntheticFamily[], names: readonly string[]): Finding {
  const ends = families.map(({ aggregate }, i) => {
    const [high, low] = [aggregate[0]!, aggregate.at(-1)!];
    return `${names[i]}: ${shown(high.mean_midpoint_barrier)} at coherence ${shown(high.coherence)}, ${shown(low.mean_midpoint_barrier)} at ${shown(low.coherence)}`;
  });
  const outcomes = families.map(barrierGrows);
  const outcome = together(outcomes);
  const most = Math.min(
    ...families.flatMap(({ aggregate }) => aggregate.map((a) => a.midpoint_barriers.length)),
  );
  const why = families.some(({ aggregate }) => aggregate.length < 2)
    ? 'only one coherence was measured'
    : most < fewest
      ? `at least ${fewest} pairs per coherence are needed`
      : 'the difference is within two standard errors';
  const says: Record<Outcome, string> = {
    yes: 'The barrier grows as the coherence falls: spreading the same data over more inputs makes neurons less identifiable.',
    partly: `The embeddings disagree: the barrier grows as the coherence falls for ${families.flatMap((_, i) => (outcomes[i] === 'yes' ? [names[i]!] : [])).join(', ')} only.`,
    no: 'The barrier falls as the coherence falls.',
    'not clear': `Whether the barrier grows as the coherence falls is not clear: ${why}.`,
  };
  return { outcome, text: `Mean midpoint barrier (test MSE), ${ends.join('; ')}. ${says[outcome]}` };
}

/** How far from the theory's power the fitted one may be to count as the same. */
export const sameSlope = 0.1;
/** Taken as the leeway of a slope if fewer than three pairs of layers tell how much it scatters. */
const slopeLeeway = 0.05;

/** Is the slope that of the theory? `yes` and `no` only if its leeway (two standard errors over pairs) leaves no doubt. */
export function slopeAgrees(r: JobResult<'chord-deviation'>): Clear {
  const room = r.curves.length < fewest ? slopeLeeway : leeway(sampleOf(r.curves.map(({ slope }) => slope)));
  const away = Math.abs(r.slope - r.expected_slope);
  if (!allFinite([away, room]) || r.betas.length < 2) return 'not clear';
  if (away + room <= sameSlope) return 'yes';
  return away - room > sameSlope ? 'no' : 'not clear';
}

export function chordFinding(r: JobResult<'chord-deviation'>): Finding {
  const outcome = slopeAgrees(r);
  const says: Record<typeof outcome, string> = {
    yes: 'If the shared fixed part is large compared with the trained part, layers interpolate almost linearly.',
    no: 'The exponent differs from the theory’s.',
    'not clear':
      'Whether the exponent agrees with the theory’s is not clear: use more pairs or more examples.',
  };
  return {
    outcome,
    text: `The largest deviation from the chord grows as β to the power ${Number.isFinite(r.slope) ? r.slope.toFixed(3) : '–'} between β = ${r.betas[0]} and ${r.betas.at(-1)}; the theory says ${r.expected_slope}. ${says[outcome]}`,
  };
}
