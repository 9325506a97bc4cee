/** What the entries on parameter-space symmetry say of the numbers they are given, whichever way they come out. */
import { describe, expect, it } from 'vitest';
import { experiment as curvatureBound } from '../../../src-main/cli/reproduce/curvature-bound.ts';
import type {
  Experiment,
  ExperimentReport,
  ExperimentWork,
} from '../../../src-main/cli/reproduce/experiment.ts';
import { experiment as skipConnections } from '../../../src-main/cli/reproduce/skip-connections.ts';
import { experiment as weightDecay } from '../../../src-main/cli/reproduce/weight-decay.ts';
import { scatterDataSchema } from '../../../src-shared/figures/kinds/scatter.ts';
import type { Limit } from '../../../src-main/cli/reproduce/experiment.ts';

type Params = Record<string, unknown>;

/** Runs an entry on results made by `answer`. */
async function reported(
  experiment: Experiment,
  answer: (params: Params) => unknown,
  limit: Limit = {},
): Promise<{ report: ExperimentReport; asked: Params[] }> {
  const asked: Params[] = [];
  const work: ExperimentWork = {
    ...{ size: 'quick', seed: 7, limit },
    train: () => Promise.reject(new Error('nothing is trained')),
    fork: () => Promise.reject(new Error('nothing is forked')),
    run: (_kind, params) => {
      asked.push(params);
      return Promise.resolve(answer(params) as never);
    },
  };
  return { report: await experiment.run(work), asked };
}

const holdsOf = ({ rows }: ExperimentReport, what: RegExp) =>
  rows.filter((row) => what.test(row.what)).map(({ holds }) => holds);

describe('skip-connections', () => {
  const answer =
    (wrong: (params: Params) => number) =>
    (params: Params): unknown => {
      const count = (expected: number, off: number) => ({
        ...{ expected, found: expected + off, starts: 200, converged: 200 },
        ...{ left_out: [], classes: [], max_loss_on_paths_within: 1e-30 },
      });
      return {
        ...params,
        with_skip: count(params['width'] === 1 ? 3 : 2, wrong(params)),
        without_skip: count(4, 0),
        ...(params['width'] === 1 && {
          plane: {
            ...{ components: 3, bound: 3, target: 1 },
            points: Array.from({ length: 600 }, (_, i) => ({ w1: i, w2: 1, component: i % 3 })),
            boundary: [],
          },
        }),
      };
    };

  it('counts over tasks with seeds of their own, and draws the plane and the counts', async () => {
    const { report, asked } = await reported(
      skipConnections,
      answer(() => 0),
    );
    expect(report.rows.every(({ holds }) => holds === 'yes')).toBe(true);
    expect([...new Set(asked.map(({ seed }) => seed))]).toEqual([7, 8, 9]);
    expect(report.rows[0]).toMatchObject({
      expected: '3 (Proposition 4.3)',
      measured: '3 in 6 tasks, 1200 of 1200 starts at zero loss',
    });
    expect(Object.keys(report.figures)).toEqual(['skip-plane', 'skip-components']);
  });

  it.each<[string, number, string | null, string]>([
    ['one component too many in all tasks', 1, 'no', 'yes'],
    ['no fewer components than without', 2, 'no', 'no'],
  ])('%s', async (_, off, counts, fewer) => {
    const { report } = await reported(
      skipConnections,
      answer(({ width }) => (width === 3 ? off : 0)),
    );
    expect(holdsOf(report, /width 3, with a skip/)).toEqual([counts]);
    expect(holdsOf(report, /fewer components/)).toEqual(['yes', 'yes', fewer, 'yes']);
  });

  it('one task that differs makes the count hold partly; --limit takes the first widths only', async () => {
    const one = answer(({ seed, skip }) => (seed === 8 && skip === -1 ? 1 : 0));
    const { report, asked } = await reported(skipConnections, one, { settings: 2 });
    expect(holdsOf(report, /with a skip/)).toEqual(['partly', 'partly']);
    expect([...new Set(asked.map(({ width }) => width))]).toEqual([1, 2]);
  });
});

describe('curvature-bound', () => {
  const answer =
    (power: number, bound = 10) =>
    ({ scales }: Params): unknown => ({
      holds: bound > 1,
      rows: (scales as number[]).map((scale) => ({
        ...{ scale, length: 3 * scale, chord_deviation: scale ** 2, deviation_bound: 1.001 * scale ** 2 },
        ...{ barrier_bound: bound * scale ** power, measured_barrier: scale ** power },
      })),
    });

  it('holds for curves with the power of the theory under their bounds', async () => {
    const { report } = await reported(curvatureBound, answer(4));
    expect(new Set(report.rows.map(({ holds }) => holds))).toEqual(new Set(['yes', null]));
    expect(holdsOf(report, /growth of the barrier/)).toEqual(['yes', 'yes', 'yes', null, null, null]);
    expect(scatterDataSchema.safeParse(report.figures['curvature-bound']!.data).error).toBeUndefined();
  });

  it('sees another power, a barrier above its bound, and chords without a barrier', async () => {
    const other = (await reported(curvatureBound, answer(3))).report;
    expect(holdsOf(other, /linear layers: growth/)).toEqual(['no', 'no', 'no']);
    const above = (await reported(curvatureBound, answer(4, 0.5))).report;
    expect(holdsOf(above, /bound on the barrier/)).toEqual(Array(6).fill('no'));
    const flat = (
      await reported(curvatureBound, ({ scales }) => ({
        holds: true,
        rows: (scales as number[]).map((scale) => ({
          ...{
            scale,
            length: scale,
            chord_deviation: 1,
            deviation_bound: 1.5,
            barrier_bound: 1,
            measured_barrier: 0,
          },
        })),
      }))
    ).report;
    expect(holdsOf(flat, /bound on the barrier|linear layers: growth/)).toEqual(Array(9).fill('not clear'));
    expect(holdsOf(flat, /shortest curves/)).toEqual(Array(6).fill('no'));
  });
});

describe('weight-decay', () => {
  /** |W1|^2 - |W2|^2 falls like exp(-2 a t) with t = 0.05 * 8000 / 2. */
  const answer =
    ({ rate = 1, left = 0.01, balance = 0.1 }) =>
    ({ decays }: Params): unknown => ({
      ...{ initial_imbalance: 0.9, seed: 1 },
      rows: (['sgd', 'adamw'] as const).flatMap((optimizer) =>
        (decays as number[]).map((decay) => ({
          ...{ optimizer, decay, loss: 0.1, imbalance: decay === 0 ? 0.9 : 0.9 * balance, upper_norm: 1 },
          ...{ lower_norm: Math.sqrt(1 + 8 * Math.exp(-400 * rate * decay)), residual: 1 },
          ...{ barrier_before: 2, barrier_after: 2 * left, distance: 1, rescaling_distance: 1 },
        })),
      ),
    });

  it('holds for what the gradient flow does; AdamW is only set beside', async () => {
    const { report } = await reported(weightDecay, answer({}));
    expect(new Set(report.rows.map(({ holds }) => holds))).toEqual(new Set(['yes', null]));
    expect(holdsOf(report, /AdamW: imbalance/)).toEqual([null, null]);
    expect(report.rows.find(({ what }) => what.includes('what decay 0.001 leaves'))!.measured).toBe(
      '0.670, 0.670, 0.670',
    );
  });

  it('sees another rate, a barrier that stays, layers that do not balance', async () => {
    const { report } = await reported(weightDecay, answer({ rate: 0.5, left: 0.5, balance: 0.95 }));
    expect(holdsOf(report, /what decay 0.003 leaves/)).toEqual(['no', 'no']);
    expect(holdsOf(report, /share of the barrier left/)).toEqual(Array(4).fill('partly'));
    expect(holdsOf(report, /SGD with L2: imbalance/)).toEqual(['no', 'no']);
    const stays = (await reported(weightDecay, answer({ left: 0.95 }))).report;
    expect(holdsOf(stays, /share of the barrier left/)).toEqual(Array(4).fill('no'));
  });
});
