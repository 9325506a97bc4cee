/** Findings of the symmetry laboratory (arXiv 2505.23681). The rules are written out in docs/verdicts.md. */
import type { JobResult } from '../jobs/index.ts';
import { shown } from '../shown.ts';
import { allFinite, notFinite, together, type Clear, type Finding, type Outcome } from './rules.ts';

/** Solutions per expected component: with fewer, a component may be missed by chance. */
const startsPerComponent = 10;

interface Counted {
  found: number;
  expected: number;
  converged: number;
}

/**
 * `no`: more components than expected, or fewer although there are 10 solutions per expected one; `yes`: as many, from
 * that many solutions; else `not clear`.
 */
export function counted({ found, expected, converged }: Counted): Clear {
  if (found > expected) return 'no';
  if (converged < startsPerComponent * expected) return 'not clear';
  return found === expected ? 'yes' : 'no';
}

const tooFew = (expected: number): string =>
  `Not clear: to find ${expected} components for certain, at least ${startsPerComponent * expected} solutions are needed.`;

/** As `counted`; `no` as well if the classes are not those of the determinants' signs. */
export function linearComponentsFinding(r: JobResult<'linear-components'>): Finding {
  const head = `${r.converged} of ${r.starts} networks reached zero loss. Joined by explicit zero-loss paths they fall into ${r.found} ${r.found === 1 ? 'class' : 'classes'}; the theory expects ${r.expected}.`;
  const outcome = counted(r);
  if (outcome === 'not clear') return { outcome, text: `${head} ${tooFew(r.expected)}` };
  if (outcome === 'no') return { outcome, text: `${head} The count differs from the theory’s.` };
  if (!r.classes_match_signs)
    return {
      outcome: 'no',
      text: `${head} The count agrees, but the classes do not correspond to patterns of determinant signs.`,
    };
  return { outcome, text: `${head} Each class has its own pattern of determinant signs.` };
}

/** As `counted`, for both networks. */
export function skipConnectionsFinding(r: JobResult<'skip-connections'>): Finding {
  const { with_skip: on, without_skip: off } = r;
  const outcomes = [counted(on), counted(off)];
  const head = `With the skip connection the solutions form ${on.found} components, without it ${off.found} (expected ${on.expected} and ${off.expected}).`;
  if (outcomes.includes('no')) return { outcome: 'no', text: `${head} The counts differ from the theory’s.` };
  const outcome = together(outcomes);
  if (outcome !== 'yes')
    return { outcome: 'not clear', text: `${head} ${tooFew(Math.max(on.expected, off.expected))}` };
  return { outcome, text: head };
}

/** Variation of the loss along a symmetry curve, as a share of the straight line's highest loss: rounding; real. */
export const flat = { rounding: 1e-9, real: 1e-4 } as const;

/** Is the loss constant? `yes` up to `flat.rounding`, `no` above `flat.real`, between them `not clear`. */
export function curveIsFlat(relativeSpread: number): Clear {
  if (!Number.isFinite(relativeSpread)) return 'not clear';
  if (relativeSpread <= flat.rounding) return 'yes';
  return relativeSpread > flat.real ? 'no' : 'not clear';
}

/** See `curveIsFlat`; the line rises if its barrier is 1e-6 of its highest loss and 100 times what the curve varies by. */
export function symmetryCurveFinding(r: JobResult<'symmetry-curve'>): Finding {
  if (!allFinite([...r.curve_loss, ...r.line_loss, r.relative_spread, r.line_barrier]))
    return notFinite('the loss along the curve or the line');
  const outcome = curveIsFlat(r.relative_spread);
  const rises = r.line_barrier > Math.max(1e-6 * Math.max(...r.line_loss), 100 * r.curve_spread);
  const line = rises
    ? `the straight line rises by ${shown(r.line_barrier)}`
    : r.line_barrier <= r.curve_spread
      ? 'the straight line does not rise above its ends'
      : `whether the straight line rises is not clear (${shown(r.line_barrier)})`;
  const spread = `${shown(r.relative_spread)} of the line’s highest loss`;
  const texts: Record<typeof outcome, string> = {
    yes: `The loss is constant along the symmetry curve (it varies by ${spread}); ${line}.`,
    no: `The loss is not constant along the curve: it varies by ${shown(r.curve_spread)}, ${spread}; ${line}.`,
    'not clear': `Not clear: the loss varies along the curve by ${spread}, more than rounding explains but too little to count as a change; ${line}.`,
  };
  return { outcome, text: texts[outcome] };
}

/** A power counts as the theory's within this; a closed form as met within this, relative. */
export const closeEnough = { exponent: 0.1, relative: 1e-6 } as const;

/** Largest relative distance from the closed form; null without one. */
export function worstError(r: JobResult<'rescaling-barrier'>): number | null {
  const errors = r.rows.flatMap(({ relative_error }) => (relative_error === null ? [] : [relative_error]));
  return errors.length === 0 ? null : Math.max(...errors);
}

/** Does the exponent agree with the theory's? `not clear` without one (fewer than two factors of 100 or more). */
export function exponentAgrees(measured: number | null, expected: number): Clear {
  if (measured === null || !Number.isFinite(measured)) return 'not clear';
  return Math.abs(measured - expected) <= closeEnough.exponent ? 'yes' : 'no';
}

/**
 * Does the barrier grow with the factor? Over the factors above 1, at least three: `yes` if it rises from each to the
 * next and, if the theory knows its power and its value, agrees with them; `no` if it does not rise, or disagrees.
 */
export function rescalingFinding(r: JobResult<'rescaling-barrier'>): Finding {
  const grown = r.rows.filter(({ factor }) => factor > 1).toSorted((a, b) => a.factor - b.factor);
  if (!allFinite(r.rows.flatMap((row) => [row.barrier, row.measured_loss])))
    return notFinite('the loss on a line to a rescaled copy');
  const head = 'Rescaling by c does not change the function.';
  if (grown.length < 3)
    return {
      outcome: 'not clear',
      text: `${head} Whether the barrier to the copy grows with c is not clear: at least three factors above 1 are needed.`,
    };
  const up = grown.every((row, i) => i === 0 || row.barrier > grown[i - 1]!.barrier);
  const range = `from ${shown(grown[0]!.barrier)} at c = ${shown(grown[0]!.factor)} to ${shown(grown.at(-1)!.barrier)} at c = ${shown(grown.at(-1)!.factor)}`;
  if (!up)
    return { outcome: 'no', text: `${head} The barrier to the copy does not grow with every c: ${range}.` };
  const power =
    r.growth_exponent === null ? '' : `, like c^${r.growth_exponent.toFixed(2)} for c of 100 and more`;
  const grows = `${head} The barrier on the straight line to the copy grows ${range}${power}`;
  if (r.expected_exponent === null) return { outcome: 'yes', text: `${grows}.` };
  const agrees = exponentAgrees(r.growth_exponent, r.expected_exponent);
  const theory = `theory: c^${shown(r.expected_exponent)}, without bound`;
  const error = worstError(r);
  if (error !== null && !(error <= closeEnough.relative))
    return {
      outcome: 'no',
      text: `${grows}; it deviates from its closed form by up to ${shown(error)} of it (${theory}).`,
    };
  if (agrees === 'no')
    return { outcome: 'no', text: `${grows}; that differs from the theory’s exponent (${theory}).` };
  if (agrees === 'not clear')
    return {
      outcome: 'not clear',
      text: `${grows}. The exponent is not clear: two factors of 100 or more are needed (${theory}).`,
    };
  return { outcome: 'yes', text: `${grows} (${theory}).` };
}

/** Shares of a barrier that count as gone, and as still there. */
const left = { gone: 0.1, there: 0.9 } as const;

/**
 * Does moving along the orbit take the barrier away? `yes`: a tenth is left at most; `no`: nine tenths at least; `partly`
 * between; `not clear` if there was none: below 1 % of the ends' loss and below 1e-9.
 */
export function detectSymmetryFinding(r: JobResult<'detect-symmetry'>): Finding {
  const { barrier_before: before, barrier_after: after } = r;
  if (!allFinite([before, after, r.relative_residual, r.end_loss]))
    return notFinite('a distance or a barrier');
  const head = `The best group element takes the first network to within ${shown(100 * r.relative_residual)} % of the second;`;
  const path = r.path_found ? 'A path along the orbit joins them.' : 'No path along the orbit was found.';
  const say = (outcome: Outcome, text: string): Finding => ({ outcome, text: `${head} ${text} ${path}` });
  const values = `from ${shown(before)} to ${shown(after)}`;
  if (before <= Math.max(1e-9, 0.01 * r.end_loss))
    return say('not clear', `whether that removes a barrier is not clear: there was hardly one (${values}).`);
  const share = after / before;
  if (share <= left.gone) return say('yes', `the barrier between them falls ${values}: it is gone.`);
  if (share < left.there)
    return say('partly', `the barrier between them falls ${values}: ${shown(100 * share)} % of it is left.`);
  return say('no', `the barrier between them does not fall: ${values}.`);
}

/** `yes`: every bound lies above its measured barrier; `no`: one lies below; `not clear`: no curve has a barrier. */
export function curvatureBoundFinding(r: JobResult<'curvature-bound'>): Finding {
  if (!allFinite(r.rows.flatMap((row) => [row.barrier_bound, row.measured_barrier, row.length])))
    return notFinite('a bound or a barrier');
  const barriers = r.rows.filter((row) => row.measured_barrier > 0);
  if (barriers.length === 0)
    return {
      outcome: 'not clear',
      text: 'Not clear: no chord has a barrier, so the bound cannot be tested.',
    };
  const broken = r.rows.filter((row) => row.measured_barrier > row.barrier_bound);
  if (broken.length > 0 || !r.holds)
    return {
      outcome: 'no',
      text: `A measured barrier exceeds the bound of Theorem 6.2 in ${broken.length} of ${r.rows.length} rows. Please report this as a bug.`,
    };
  const ordered = barriers.toSorted((a, b) => a.length - b.length);
  const [short, long] = [ordered[0]!, ordered.at(-1)!];
  const times = (row: typeof short): string =>
    `${shown(row.barrier_bound / row.measured_barrier)} times the barrier for the curve of length ${shown(row.length)}`;
  const how = short === long ? times(short) : `${times(short)}, ${times(long)}`;
  return {
    outcome: 'yes',
    text: `The bound of Theorem 6.2 exceeds the measured barrier for every curve: ${how}.`,
  };
}

type DecayRow = JobResult<'weight-decay-study'>['rows'][number];
const nameOf = { sgd: 'SGD with L2', adamw: 'AdamW' } as const;
const sizeOf = (row: DecayRow): number => Math.hypot(row.lower_norm, row.upper_norm);

/** From the least to the largest decay: `yes` if at most half is left, `no` if nine tenths are, `partly` between. */
function shrinks(before: number, after: number): Outcome {
  if (!allFinite([before, after]) || before <= 0) return 'not clear';
  if (after <= 0.5 * before) return 'yes';
  return after >= 0.9 * before ? 'no' : 'partly';
}

/** Of one optimizer: does the imbalance of the layers shrink as the decay grows? */
function balanceOf(all: readonly DecayRow[]): Finding {
  const rows = all.toSorted((a, b) => a.decay - b.decay);
  const [low, high] = [rows[0]!, rows.at(-1)!];
  const name = nameOf[low.optimizer];
  if (low.decay === high.decay)
    return { outcome: 'not clear', text: `${name}: not clear: at least two weight decays are needed.` };
  const numbers = [low, high].flatMap((row) => [row.imbalance, row.residual, row.loss, sizeOf(row)]);
  if (!allFinite(numbers))
    return {
      outcome: 'not clear',
      text: `${name}: not clear: training diverged at decay ${shown(low.decay)} or ${shown(high.decay)}.`,
    };
  if (sizeOf(high) < 1e-3 * sizeOf(low))
    return {
      outcome: 'not clear',
      text: `${name}: not clear: decay ${shown(high.decay)} shrank all weights to almost 0.`,
    };
  const outcome = shrinks(low.imbalance, high.imbalance);
  const values = `imbalance ${shown(low.imbalance)} at decay ${shown(low.decay)}, ${shown(high.imbalance)} at ${shown(high.decay)}`;
  const says: Record<Outcome, string> = {
    yes: 'the layers balance out as the decay grows',
    partly: 'the layers move towards balance as the decay grows',
    no: 'the layers do not balance out as the decay grows',
    'not clear': 'whether the layers balance out is not clear: they are balanced without decay',
  };
  const residual = (row: DecayRow): number => row.residual / sizeOf(row);
  const rest: Record<Outcome, string> = {
    yes: 'shrinks',
    partly: 'shrinks a little',
    no: 'does not shrink',
    'not clear': 'is 0 to begin with',
  };
  const after = shrinks(residual(low), residual(high));
  return {
    outcome,
    text: `${name}: ${says[outcome]} (${values}); the distance left between two networks after permutation and rescaling ${rest[after]} (${shown(residual(low))} to ${shown(residual(high))} of their size).`,
  };
}

/** See `balanceOf`. The theory speaks of SGD alone, so its outcome is that of the whole, if it was studied. */
export function weightDecayFinding(r: JobResult<'weight-decay-study'>): Finding {
  const found = (['sgd', 'adamw'] as const).flatMap((optimizer) => {
    const rows = r.rows.filter((row) => row.optimizer === optimizer);
    return rows.length === 0 ? [] : [balanceOf(rows)];
  });
  return { outcome: found[0]?.outcome ?? 'not clear', text: found.map(({ text }) => text).join(' ') };
}
