/** What the entries on open questions, and on symmetries found in networks, say of the numbers they are given. */
import { describe, expect, it } from 'vitest';
import { experiment as barrierBound } from '../../../src-main/cli/reproduce/barrier-bound.ts';
import { experiment as componentsConvergence } from '../../../src-main/cli/reproduce/components-convergence.ts';
import type {
  Experiment,
  ExperimentReport,
  ExperimentWork,
  Limit,
} from '../../../src-main/cli/reproduce/experiment.ts';
import { experiment as symmetryDetection } from '../../../src-main/cli/reproduce/symmetry-detection.ts';
import { loadTrainingConfig } from '../../../src-main/formats/presets.ts';
import { matrixFigureDataSchema } from '../../../src-shared/figures/kinds/matrix.ts';
import { scatterDataSchema } from '../../../src-shared/figures/kinds/scatter.ts';
import { matrix } from '../../../src-shared/matrix.ts';

type Params = Record<string, never> & Record<string, unknown>;
type Answer = (kind: string, params: Params) => unknown;

async function reported(experiment: Experiment, answer: Answer, limit: Limit = {}) {
  const asked: [string, Params][] = [];
  const trained: string[] = [];
  const work: ExperimentWork = {
    ...{ size: 'quick', seed: 3, limit },
    train: (source, overrides) => {
      loadTrainingConfig(source, overrides);
      const activation = /^model.activation=(.+)$/.exec(
        overrides.find((o) => o.startsWith('model.act')) ?? '',
      );
      trained.push(`${source} ${activation?.[1] ?? ''}`);
      return Promise.resolve({ run_directory: trained.at(-1) } as never);
    },
    fork: () => Promise.reject(new Error('nothing is forked')),
    run: (kind, params) => {
      asked.push([kind, params as Params]);
      return Promise.resolve(answer(kind, params as Params) as never);
    },
  };
  return { report: await experiment.run(work), asked, trained };
}

const holdsOf = ({ rows }: ExperimentReport, what: RegExp) =>
  rows.filter((row) => what.test(row.what)).map(({ holds }) => holds);
const rowOf = ({ rows }: ExperimentReport, what: RegExp) => rows.find((row) => what.test(row.what))!;
const drawable = ({ figures }: ExperimentReport, name: string) =>
  scatterDataSchema.safeParse(figures[name]!.data).error === undefined;

describe('components-convergence', () => {
  /** All starts converge from `needed` steps on. */
  const answer =
    (needed: (components: number, params: Params) => number): Answer =>
    (kind, params) => {
      const count = (expected: number) => ({
        expected,
        converged: Number(params['steps']) >= needed(expected, params) ? 40 : 0,
      });
      if (kind === 'linear-components') return count(2 ** (Number(params['layers']) - 1));
      return { with_skip: count(2), without_skip: count(4) };
    };

  it('says yes if what has more components needs more steps', async () => {
    const { report } = await reported(
      componentsConvergence,
      answer((components) => 100 * components),
    );
    expect(holdsOf(report, /converge faster/)).toEqual(['yes', 'yes', 'yes', 'yes']);
    expect(rowOf(report, /^number of components/).holds).toBe('yes');
    expect(drawable(report, 'components-convergence')).toBe(true);
  });

  it('says no if it is the other way round', async () => {
    const { report } = await reported(
      componentsConvergence,
      answer((components) => 1700 / components),
    );
    expect(holdsOf(report, /converge faster/)).toEqual(['no', 'no', 'no', 'no']);
    expect(rowOf(report, /^number of components/).holds).toBe('no');
  });

  it('counts starts that never get there as slower, and says so', async () => {
    const { report } = await reported(
      componentsConvergence,
      answer((components) => (components === 8 ? Infinity : 100)),
      { settings: 1 },
    );
    expect(rowOf(report, /4 layers/).measured).toBe(
      'more steps than were tried; 0 to 0 % at the largest budget',
    );
    expect(rowOf(report, /^number of components/).holds).toBe('yes');
    // Equal budgets: faster in no task.
    expect(holdsOf(report, /converge faster/)).toEqual(['no', 'no']);
  });
});

describe('barrier-bound', () => {
  /** The closed form for a network at a minimum, whose two layers have norm 1. */
  const copies = (factors: readonly number[], power = 1) =>
    factors.map((factor) => ({
      ...{ factor, norm: Math.hypot(factor, 1 / factor), closed_form_loss: 1, lambda: 0.5, measured_loss: 1 },
      ...{ barrier: (((factor + 1 / factor - 2) / 4) ** 2) ** power, relative_error: 1e-12 },
    }));
  const answer =
    ({ power = 1, bound = 5, trend = 1 }): Answer =>
    (kind, params) => {
      if (kind === 'rescaling-barrier') {
        const own = params['run'] === undefined;
        const rows = copies(params['factors'] as unknown as number[], power);
        const exponents = { growth_exponent: own ? 2 * power : null, expected_exponent: own ? 2 : null };
        return { rows: own ? rows : rows.map((row) => ({ ...row, relative_error: null })), ...exponents };
      }
      if (kind === 'curvature-bound')
        return {
          holds: bound >= 1,
          rows: (params['scales'] as unknown as number[]).map((scale) => ({
            ...{ scale, length: scale, measured_barrier: scale ** 4, barrier_bound: bound * scale ** 4 },
          })),
        };
      const decays = params['decays'] as unknown as number[];
      return {
        rows: decays.map((_, i) => ({ lower_norm: 5 - i, upper_norm: 1, barrier_before: 4 - trend * i })),
      };
    };

  it('holds for the closed form, bounds above barriers, and barriers that fall with the norm', async () => {
    const { report, trained } = await reported(barrierBound, answer({}));
    expect(new Set(report.rows.map(({ holds }) => holds))).toEqual(new Set(['yes']));
    expect(rowOf(report, /moderate/)).toMatchObject({ measured: '40.96' });
    expect(trained).toEqual(['standard-small relu']);
    expect(drawable(report, 'barrier-bound')).toBe(true);
  });

  it('sees another power, a bound that is too low, and barriers that do not fall', async () => {
    const { report } = await reported(barrierBound, answer({ power: 0.5, bound: 0.5, trend: -1 }));
    expect(holdsOf(report, /large ratios|large R|moderate/)).toEqual(['no', 'no', 'no']);
    expect(holdsOf(report, /Theorem 6.2|independently/)).toEqual(['no', 'no']);
  });
});

describe('symmetry-detection', () => {
  interface World {
    residual?: number;
    /** Of the pairs every how many lies in one component. */
    every?: number;
    /** Is a path found where the signs say that there is none? */
    wrongPath?: boolean;
    swaps?: (run: string) => 'free' | 'dear';
    factor?: (run: string) => number[];
    moved?: (run: string) => boolean;
  }
  const plain = (run: string) => run.startsWith('standard');
  const answer = ({
    residual = 1e-16,
    every = 2,
    wrongPath = false,
    swaps = (run) => (plain(run) ? 'free' : 'dear'),
    factor = (run) => (run.endsWith('relu') && !run.startsWith('w-asymmetric-small') ? [2, 3, 4, 5] : []),
    moved = (run) => plain(run),
  }: World): Answer => {
    let pair = 0;
    return (kind, params) => {
      const run = params['run'] as string | undefined;
      if (kind === 'permutation-sensitivity') {
        const positive = swaps(run!) === 'free' ? 0 : 6;
        const layer = {
          ...{ neurons: 4, transpositions: { count: 6, positive, negative: 0 } },
          transposition_cost_squared: matrix(4, 4, new Float64Array(16)),
        };
        return {
          sensitivity_results: [
            layer,
            { neurons: 10, transpositions: { count: 45, positive: 0, negative: 0 } },
          ],
        };
      }
      const same = pair++ % every === 0;
      return {
        ...{ activation: 'linear', residual_before: 1, residual_after: 0, relative_residual: residual },
        ...{
          barrier_before: 1,
          barrier_after: 0,
          end_loss: 0,
          lambda: [0, 1],
          line_before: [0, 0],
          line_after: [0, 0],
        },
        group_elements: run === undefined ? [] : [[factor(run)]],
        permutations: run === undefined ? [] : [moved(run) ? [1, 0, 3, 2] : [0, 1, 2, 3]],
        ...{ rescaling_distance: 0, predicted_same_component: same && !wrongPath, path_found: same },
        ...{ path_excess_loss: null, notes: [], seed: 1 },
      };
    };
  };

  it('holds for the symmetries that the theory expects of each family and activation', async () => {
    const { report, trained } = await reported(symmetryDetection, answer({}), {});
    expect(trained).toHaveLength(9);
    const rows = report.rows.filter(({ what }) => !/3 linear|3 ReLU|share of pairs/.test(what));
    expect(new Set(rows.map(({ holds }) => holds))).toEqual(new Set(['yes', null]));
    expect(rowOf(report, /^standard, ReLU: swaps/)).toMatchObject({ measured: '6 of 6' });
    expect(rowOf(report, /^SYRE σ_F=1, ReLU: .* rescaled/)).toMatchObject({
      measured: '4 of 4',
      holds: 'yes',
    });
    expect(rowOf(report, /^sigma-asymmetric: swaps/).holds).toBeNull();
    expect(Object.keys(report.figures)).toEqual(['symmetry-curve', 'family-symmetries']);
    const costs = matrixFigureDataSchema.parse(report.figures['family-symmetries']!.data);
    expect(costs.rows[0]!.map(({ title }) => title)).toEqual([
      'standard, ReLU',
      'W-asymmetric σ_F=0, ReLU',
      'W-asymmetric σ_F=1, ReLU',
      'SYRE σ_F=1, ReLU',
    ]);
    // Half of the pairs are what two layers are to have, and not what three are.
    expect(holdsOf(report, /share of pairs in one/)).toEqual(['yes', 'not clear']);
  });

  it.each<[string, World, RegExp, string]>([
    ['networks that are no images', { residual: 0.3 }, /2 linear layers: independent/, 'no'],
    ['paths where there are none', { wrongPath: true }, /a path inside/, 'no'],
    ['swaps that cost nothing', { swaps: () => 'free' }, /^W-asym.*1, ReLU: swaps/, 'no'],
    ['swaps that cost something', { swaps: () => 'dear' }, /^standard, ReLU: swaps/, 'no'],
    ['one neuron with a factor', { factor: () => [1, 1, 1, 2] }, /^W-asym.*1, ReLU: .* rescaled/, 'partly'],
    ['neurons without factors', { factor: () => [] }, /^standard, ReLU: .* rescaled/, 'no'],
    ['neurons that are moved', { moved: () => true }, /^SYRE.*, ReLU: .* moves/, 'no'],
    ['neurons that stay', { moved: () => false }, /^standard, ReLU: .* moves/, 'no'],
  ])('sees %s', async (_, world, what, outcome) => {
    const { report } = await reported(symmetryDetection, answer(world));
    expect(rowOf(report, what).holds).toBe(outcome);
  });
});
