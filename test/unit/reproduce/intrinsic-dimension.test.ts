/** What `basin reproduce intrinsic-dimension` says of the numbers it is given, whichever way they come out. */
import { describe, expect, it } from 'vitest';
import type { ExperimentReport, ExperimentWork, Limit } from '../../../src-main/cli/reproduce/experiment.ts';
import { experiment } from '../../../src-main/cli/reproduce/intrinsic-dimension.ts';
import { loadTrainingConfig } from '../../../src-main/formats/presets.ts';

interface Place {
  k: number;
  separation: number;
  sigmaF: number;
}
type Drop = (place: Place) => number;

async function reported(
  drop: Drop,
  ceiling: (place: { k: number; separation: number }) => number,
  limit: Limit = {},
) {
  const places = new Map<string, Place & { models: number }>();
  const work: ExperimentWork = {
    ...{ size: 'quick', seed: 2, limit },
    train: (source, overrides) => {
      const { dataset, num_models } = loadTrainingConfig(source, overrides);
      const made = dataset?.gaussian_subspace_dataset as Record<string, number>;
      const sigmaF = Number(/^sigma_f=(.+)$/.exec(overrides.find((o) => o.startsWith('sigma_f='))!)![1]);
      const run = `run ${places.size}`;
      const [k, separation] = [made['d_intrinsic']!, made['class_separation']!];
      places.set(run, { k, separation, sigmaF, models: num_models ?? 0 });
      return Promise.resolve({ run_directory: run } as never);
    },
    fork: () => Promise.reject(new Error('nothing is forked')),
    run: (kind, params) => {
      const asked = params as Record<string, number> & { run: string; pairs: [number, number][] };
      if (kind === 'best-classifier') {
        const accuracy = ceiling({ k: asked['dimension']!, separation: asked['separation']! });
        return Promise.resolve({ accuracy } as never);
      }
      const lost = drop(places.get(asked.run)!);
      const pairs = asked.pairs.map(([model1_index, model2_index], i) => ({
        ...{ model1_index, model2_index, lambdas: [0, 0.5, 1], test_barrier_height: -2 * lost },
        test_accuracy: [60, 60 - lost - i / 100, 60],
      }));
      return Promise.resolve({ pairs } as never);
    },
  };
  return { report: await experiment.run(work), places: [...places.values()] };
}

const published: Record<number, number> = { 2: 46.4, 8: 15.7, 32: 6.1 };
const row = ({ rows }: ExperimentReport, what: RegExp) => rows.find((one) => what.test(one.what))!;

describe('reproduce intrinsic-dimension', () => {
  it('says that the published drop cannot come from the stated separation, and finds the one that gives it', async () => {
    const { report, places } = await reported(
      ({ k, separation }) => (separation === 3 ? published[k]! + 1 : separation * 4 + 8 / k),
      ({ separation }) => (separation === 0.3 ? 17 : 84),
    );
    expect(row(report, /^can 46.4 points/)).toMatchObject({
      measured: 'impossible: the best classifier has 17.0 % to lose',
      holds: 'no',
    });
    const nearest = row(report, /nearest to the published ones, in points/);
    expect(nearest.measured).toMatch(/^3: 47\.4 \/ 16\.7 \/ 7\.1, 1\.0 off/);
    expect(nearest.holds).toBe('yes');
    expect(row(report, /in percent of the accuracy/).holds).toBe('no');
    expect(row(report, /^drop over .* σ_F = 1, separation 1$/).holds).toBe('yes');
    expect(row(report, /^accuracy drop, k = 2, σ_F = 1, separation 0.3/).measured).toMatch(
      /the best classifier has 17\.0 %$/,
    );
    expect(places.filter(({ sigmaF }) => sigmaF === 0)).toHaveLength(3);
    expect(places.map(({ models }) => models)).toEqual([8, 8, 8, 8, 8, 8, 4, 4, 4, 4, 4, 4]);
    expect(Object.keys(report.figures)).toEqual(['intrinsic-dimension', 'drop-over-separation']);
  });

  it('says so if no separation gives the numbers, and if the drop does not fall with k', async () => {
    const { report } = await reported(
      ({ k }) => k,
      () => 99,
    );
    expect(row(report, /^can 46.4/).holds).toBe('yes');
    expect(row(report, /nearest .* in points/).holds).toBe('no');
    expect(row(report, /^drop over .* σ_F = 1, separation 1$/).holds).toBe('no');
  });

  it('--limit tries the first separations only', async () => {
    const { report, places } = await reported(
      () => 1,
      () => 50,
      { settings: 1, models: 2, epochs: 1 },
    );
    expect([...new Set(places.map(({ separation }) => separation))]).toEqual([1]);
    expect(places.every(({ models }) => models === 2)).toBe(true);
    // Nothing was tried at the stated separation.
    expect(report.rows.some(({ what }) => what.startsWith('can 46.4'))).toBe(false);
  });
});
