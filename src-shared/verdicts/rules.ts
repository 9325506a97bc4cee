/**
 * How findings are told apart from chance and rounding. Every sentence of Basin that says what was found comes from a
 * function in this folder: numbers in, an outcome and words out, by a rule with a threshold (docs/verdicts.md).
 */

/** `not clear`: the numbers cannot tell: too few, too close to the threshold, or not finite. */
export type Outcome = 'yes' | 'partly' | 'no' | 'not clear';

/** Of rules that know nothing between yes and no. */
export type Clear = Exclude<Outcome, 'partly'>;

export interface Finding {
  outcome: Outcome;
  /** One or two sentences; says "not clear" if that is the outcome. */
  text: string;
}

/** How a finding is coloured if `yes` is what the theory expects. */
export const toneOf = ({ outcome }: Pick<Finding, 'outcome'>): 'good' | 'bad' | 'plain' =>
  outcome === 'yes' ? 'good' : outcome === 'no' ? 'bad' : 'plain';

export const allFinite = (values: readonly (number | null | undefined)[]): boolean =>
  values.every((value) => Number.isFinite(value));

/** The finding wherever a number behind it is not finite. */
export const notFinite = (what: string): Finding => ({
  outcome: 'not clear',
  text: `Not clear: ${what} has numbers that are not finite.`,
});

/** Mean and sample deviation (divided by count - 1) of `count` values. */
export interface Sample {
  mean: number;
  std: number;
  count: number;
}

export function sampleOf(values: readonly number[]): Sample {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, std: Math.sqrt(squares / (count - 1)), count };
}

/** Fewer values than this do not tell how much they scatter. */
export const fewest = 3;

/** Two standard errors: chance alone moves a mean further about once in twenty times. NaN for fewer than three values. */
export const leeway = ({ std, count }: Sample): number =>
  count < fewest ? NaN : (2 * std) / Math.sqrt(count);

/** Is a single number within `distance` of another? `not clear` if one is not finite. */
export const isNear = (value: number, other: number, distance: number): Clear =>
  !allFinite([value, other]) ? 'not clear' : Math.abs(value - other) <= distance ? 'yes' : 'no';

/** Is the mean below the limit (`yes`) or not (`no`), by more than its leeway? */
export function isBelow(sample: Sample, limit: number): Clear {
  const room = leeway(sample);
  if (sample.mean + room < limit) return 'yes';
  return sample.mean - room >= limit ? 'no' : 'not clear';
}

/** Is the mean above the limit (`yes`) or not (`no`), by more than its leeway? */
export const isAbove = (sample: Sample, limit: number): Clear =>
  isBelow({ ...sample, mean: -sample.mean }, -limit);

/**
 * Do the means rise from the first to the last? `yes`: the last lies above the first and no step goes down; `no`: a step
 * goes down, or the last lies below the first; each by more than the leeways of the two (root of their squares).
 */
export function rises(samples: readonly Sample[]): Clear {
  if (samples.length < 2) return 'not clear';
  const step = (a: Sample, b: Sample): number => {
    const room = Math.hypot(leeway(a), leeway(b));
    const change = b.mean - a.mean;
    if (Number.isNaN(room) || !Number.isFinite(change)) return NaN;
    return Math.abs(change) > room ? Math.sign(change) : 0;
  };
  const steps = samples.slice(1).map((sample, i) => step(samples[i]!, sample));
  const whole = step(samples[0]!, samples.at(-1)!);
  if ([...steps, whole].some(Number.isNaN)) return 'not clear';
  if (steps.includes(-1) || whole === -1) return 'no';
  return whole === 1 ? 'yes' : 'not clear';
}

/** As `rises`, downwards. */
export const falls = (samples: readonly Sample[]): Clear =>
  rises(samples.map((sample) => ({ ...sample, mean: -sample.mean })));

/**
 * Single numbers without a known scatter: does each exceed the one before by `factor` at least? `no`: one is smaller than
 * the one before by that factor. For positive numbers.
 */
export function risesByFactor(values: readonly number[], factor: number): Clear {
  if (values.length < 2 || !allFinite(values) || values.some((value) => value < 0)) return 'not clear';
  const steps = values.slice(1).map((value, i) => [values[i]!, value] as const);
  if (steps.some(([before, after]) => after * factor <= before && before > 0)) return 'no';
  return steps.every(([before, after]) => after >= before * factor && after > 0) ? 'yes' : 'not clear';
}

/** The finding of a whole from those of its parts: yes or no if all say so, `not clear` if one does, else partly. */
export function together(outcomes: readonly Outcome[]): Outcome {
  if (outcomes.length === 0 || outcomes.includes('not clear')) return 'not clear';
  const [first] = outcomes;
  return outcomes.every((outcome) => outcome === first) ? first! : 'partly';
}
