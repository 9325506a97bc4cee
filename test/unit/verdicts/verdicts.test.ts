/** What the presentations say was found: for each kind, numbers that give every outcome, through the words people read. */
import { describe, expect, test } from 'vitest';
import type { JobKindName, JobResult } from '../../../src-shared/jobs/index.ts';
import { matrix } from '../../../src-shared/matrix.ts';
import { present } from '../../../src-shared/presentations/index.ts';
import { sampleResult } from '../../support/sample-result.ts';

/** A result of the kind with these fields in place of the sample's. */
function shownAs<K extends JobKindName>(kind: K, fields: Partial<JobResult<K>>) {
  return present(kind, { ...(sampleResult(kind) as object), ...fields })!;
}

type Tone = 'good' | 'bad' | 'plain';
type Case<K extends JobKindName> = [tone: Tone, words: RegExp, fields: Partial<JobResult<K>>];

/** Each case's numbers give its words; what is not clear is said to be so, and is neither good nor bad. */
function verdicts<K extends JobKindName>(kind: K, cases: Case<K>[]): void {
  describe(kind, () => {
    test.each(cases)('%s: %s', (tone, words, fields) => {
      const shown = shownAs(kind, fields);
      expect(shown.verdict).toMatch(words);
      expect(shown.tone).toBe(tone);
      expect(shown.verdict).not.toMatch(/NaN|undefined|Infinity/);
    });
  });
}

const counts = { starts: 200, converged: 200, expected: 4, found: 4, classes_match_signs: true };
verdicts('linear-components', [
  ['good', /4 classes; the theory expects 4\. Each class has its own pattern/, counts],
  ['bad', /The count differs from the theory/, { ...counts, found: 3 }],
  ['bad', /The count differs from the theory/, { ...counts, found: 5, converged: 7 }],
  ['bad', /do not correspond to patterns/, { ...counts, classes_match_signs: false }],
  ['plain', /Not clear: to find 4 components for certain, at least 40/, { ...counts, converged: 39 }],
  ['plain', /Not clear/, { ...counts, converged: 0, found: 0 }],
]);

const skip = (found: number, converged = 200) => ({
  ...(sampleResult('skip-connections') as JobResult<'skip-connections'>).with_skip,
  ...{ expected: 3, found, starts: 200, converged },
});
verdicts('skip-connections', [
  ['good', /form 3 components, without it 3/, { with_skip: skip(3), without_skip: skip(3) }],
  ['bad', /The counts differ from the theory/, { with_skip: skip(2), without_skip: skip(3) }],
  ['plain', /Not clear/, { with_skip: skip(3), without_skip: skip(3, 20) }],
]);

const curve = (relative: number, barrier: number) => ({
  ...{ relative_spread: relative, curve_spread: 2 * relative, line_barrier: barrier },
  line_loss: [0, 2, 0],
});
verdicts('symmetry-curve', [
  ['good', /is constant .* the straight line rises by 2\./, curve(1e-12, 2)],
  ['good', /is constant .* does not rise above its ends/, curve(1e-12, 0)],
  ['good', /is constant .* whether the straight line rises is not clear/, curve(1e-10, 1e-9)],
  ['bad', /is not constant along the curve: it varies by 0\.02/, curve(0.01, 2)],
  ['plain', /Not clear: the loss varies/, curve(1e-6, 2)],
]);

const rescaled = (barriers: number[], errors: number | null = 1e-12) => ({
  rows: barriers.map((barrier, i) => ({
    ...{ factor: 10 ** (i + 1), measured_loss: barrier + 1, lambda: 0.5, barrier },
    ...{ closed_form_loss: errors === null ? null : barrier + 1, relative_error: errors },
  })),
});
const power = (growth: number | null, expected: number | null) => ({
  growth_exponent: growth,
  expected_exponent: expected,
});
verdicts('rescaling-barrier', [
  [
    'good',
    /grows from 1 at c = 10 to 10000 at c = 1000, like c\^2\.00 .*theory: c\^2/,
    { ...rescaled([1, 100, 1e4]), ...power(2, 2) },
  ],
  ['good', /grows from 1 .*like c\^1\.10/, { ...rescaled([1, 20, 300], null), ...power(1.1, null) }],
  ['bad', /does not grow with every c/, { ...rescaled([1, 100, 90]), ...power(1, 2) }],
  ['bad', /differs from the theory’s exponent/, { ...rescaled([1, 10, 100]), ...power(1, 2) }],
  [
    'bad',
    /deviates from its closed form by up to 0\.01/,
    { ...rescaled([1, 100, 1e4], 0.01), ...power(2, 2) },
  ],
  ['plain', /not clear: at least three factors/, { ...rescaled([1, 100]), ...power(null, 2) }],
  ['plain', /The exponent is not clear/, { ...rescaled([1, 100, 1e4]), ...power(null, 2) }],
]);

const moved = (before: number, after: number) => ({
  ...{ barrier_before: before, barrier_after: after, end_loss: 0.5, relative_residual: 0.2 },
});
verdicts('detect-symmetry', [
  ['good', /falls from 2 to 0\.1: it is gone/, moved(2, 0.1)],
  ['plain', /falls from 2 to 1: 50 % of it is left/, moved(2, 1)],
  ['bad', /does not fall: from 2 to 2\.5/, moved(2, 2.5)],
  ['bad', /does not fall: from 2 to 1\.95/, moved(2, 1.95)],
  ['plain', /not clear: there was hardly one/, moved(0.001, 0.0001)],
]);

const bounds = (pairs: [bound: number, measured: number][], holds = true) => ({
  holds,
  rows: pairs.map(([barrier_bound, measured_barrier], i) => ({
    ...(sampleResult('curvature-bound') as JobResult<'curvature-bound'>).rows[0]!,
    ...{ barrier_bound, measured_barrier, length: i + 1 },
  })),
});
verdicts('curvature-bound', [
  [
    'good',
    /for every curve: 2 times the barrier for the curve of length 1, 50 times .* length 2/,
    bounds([
      [2, 1],
      [100, 2],
    ]),
  ],
  [
    'bad',
    /exceeds the bound .* in 1 of 2 rows\. Please report/,
    bounds(
      [
        [2, 1],
        [1, 2],
      ],
      false,
    ),
  ],
  [
    'plain',
    /Not clear: no chord has a barrier/,
    bounds([
      [2, 0],
      [3, 0],
    ]),
  ],
]);

type DecayRow = JobResult<'weight-decay-study'>['rows'][number];
const decayed = (optimizer: DecayRow['optimizer'], imbalances: number[], more: Partial<DecayRow> = {}) =>
  imbalances.map((imbalance, i): DecayRow => ({
    ...{ optimizer, decay: i / 100, loss: 0.1, imbalance, lower_norm: 3, upper_norm: 4, distance: 5 },
    ...{ residual: 2 / (i + 1), rescaling_distance: 1, barrier_before: 1, barrier_after: 0.5 },
    ...(i > 0 ? more : {}),
  }));
verdicts('weight-decay-study', [
  [
    'good',
    /SGD with L2: the layers balance out .*0\.8 at decay 0, 0\.1 at 0\.02/,
    { rows: decayed('sgd', [0.8, 0.4, 0.1]) },
  ],
  ['plain', /move towards balance/, { rows: decayed('sgd', [0.8, 0.6]) }],
  // What was once called "the layers balance out".
  ['bad', /do not balance out .*0\.8642 at decay 0, 0\.864 at/, { rows: decayed('sgd', [0.8642, 0.864]) }],
  ['plain', /not clear: at least two weight decays/, { rows: decayed('sgd', [0.8]) }],
  [
    'plain',
    /not clear: decay 0\.01 shrank all weights/,
    { rows: decayed('sgd', [0.8, 0], { lower_norm: 1e-5, upper_norm: 0 }) },
  ],
  [
    'bad',
    /SGD with L2: .*do not balance.* AdamW: the layers balance out/,
    { rows: [...decayed('sgd', [0.8, 0.8]), ...decayed('adamw', [0.8, 0.1])] },
  ],
  ['good', /shrinks \(0\.4 to 0\.2 of their size\)/, { rows: decayed('sgd', [0.8, 0.1]) }],
  ['good', /does not shrink \(0\.4 to 0\.4 of/, { rows: decayed('sgd', [0.8, 0.1], { residual: 2 }) }],
]);

const slopes = (values: number[]) => ({
  ...{ slope: values.reduce((a, b) => a + b) / values.length, expected_slope: 1.5, exact_slope: 1.5 },
  betas: [0.01, 0.1],
  curves: values.map((slope) => ({
    ...(sampleResult('chord-deviation') as JobResult<'chord-deviation'>).curves[0]!,
    slope,
  })),
});
verdicts('chord-deviation', [
  ['good', /power 1\.500 .*interpolate almost linearly/, slopes([1.49, 1.5, 1.51])],
  ['good', /interpolate almost linearly/, slopes([1.53])],
  ['bad', /differs from the theory/, slopes([1, 1.01, 1.02])],
  ['plain', /not clear: use more pairs/, slopes([1.3, 1.5, 1.7])],
  ['plain', /not clear/, slopes([1.42])],
]);

type Family = NonNullable<JobResult<'synthetic-coherence'>['exact_copy']>;
function family(high: number[], low: number[]): Family {
  const sample = (sampleResult('synthetic-coherence') as JobResult<'synthetic-coherence'>).exact_copy!;
  const of = (coherence: number, midpoint_barriers: number[]): Family['aggregate'][number] => ({
    ...sample.aggregate[0]!,
    ...{ coherence, midpoint_barriers },
    mean_midpoint_barrier: midpoint_barriers.reduce((a, b) => a + b) / midpoint_barriers.length,
  });
  return { ...sample, aggregate: [of(1, high), of(0.1, low)] };
}
const alone = (one: Family) => ({ exact_copy: one, random_tight_frame: undefined });
verdicts('synthetic-coherence', [
  ['good', /The barrier grows as the coherence falls/, alone(family([0.01, 0.02, 0.01], [0.2, 0.25, 0.22]))],
  ['bad', /The barrier falls as the coherence falls/, alone(family([0.2, 0.25, 0.22], [0.01, 0.02, 0.01]))],
  [
    'plain',
    /not clear: the difference is within two standard errors/,
    alone(family([0.1, 0.2, 0.3], [0.2, 0.3, 0.4])),
  ],
  // A single pair has no spread; it once counted as sure.
  ['plain', /not clear: at least 3 pairs/, alone(family([0.01], [0.9]))],
  [
    'plain',
    /The embeddings disagree/,
    {
      exact_copy: family([0, 0, 0.01], [1, 1, 1.1]),
      random_tight_frame: { ...family([1, 1, 1.1], [0, 0, 0.01]), embedding_family: 'random_tight_frame' },
    },
  ],
]);

type Costs = JobResult<'realization-cost'>;
function exchanges(swaps: number[]): Costs {
  const row = [sampleResult('realization-cost')].flat()[0] as Extract<Costs, { run_key: string }>;
  const layer = row.realization_cost_results[0]!;
  const [a, b, c] = swaps as [number, number, number];
  const costs = matrix(3, 3, Float64Array.of(0, a, b, a, 0, c, b, c, 0));
  const own = matrix(3, 3, new Float64Array(9).fill(100));
  const found = { ...layer, transposition_cost_squared: costs, mahalanobis_distance_squared: own };
  return { ...row, realization_cost_results: [found] };
}
verdicts('realization-cost', [
  ['plain', /something for 100\.0 % of all pairs, 2 on average/, exchanges([1, 2, 3])],
  ['plain', /costs nothing in any layer/, exchanges([0, 0, 0])],
  // Rounding errors of costs of 100 are no costs.
  ['plain', /costs nothing in any layer/, exchanges([1e-9, -1e-9, 0])],
  ['plain', /something for 33\.3 % of all pairs.* 33\.3 % of the swaps would save/, exchanges([1, -1, 0])],
  ['plain', /Not clear: a layer has numbers that are not finite/, exchanges([1, NaN, 0])],
]);
