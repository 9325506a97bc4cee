/** `basin run ...` on reference run directories, without importing them: the numbers of the reference, one object each. */
import { afterAll, describe, expect, test } from 'vitest';
import { rmSync } from 'node:fs';
import { basin, basinJson, digitsFolder, temporaryFolder } from '../support/cli.ts';
import { fixturePath, fixtureRun, goldenJson } from '../support/fixtures.ts';

const workspace = temporaryFolder();
afterAll(() => {
  rmSync(workspace, { recursive: true, force: true });
});

type Curve = Record<string, number[]> & Record<string, number>;
interface Golden {
  pairs: Record<
    string,
    {
      unaligned: Curve;
      aligned_by_mode: Record<string, Curve>;
      activation_matching: Record<
        string,
        Record<string, { permutation: number[]; objective_optimal: number; objective_identity: number }>
      >;
    }
  >;
}
interface MatchingRow {
  model1_index: number;
  model2_index: number;
  epoch: number;
  matching_results: {
    matching_mode: string;
    correlation_mode: string;
    layer: string;
    objectives: {
      optimal: number;
      identity: number;
      random: number[];
      random_mean: number;
      random_std: number;
    };
    permutations: { optimal: number[] };
  }[];
}

const imagesOf = { train: 7200, val: 800, test: 2000 } as const;
const data = ['--data-dir', digitsFolder, '--split-file', fixturePath('golden/data_split.json')];

function flags(run: string, ...more: string[]): string[] {
  return [
    '--workspace',
    workspace,
    '--run',
    fixtureRun(run),
    '--models',
    '1,2',
    '--epoch',
    '5',
    ...data,
    ...more,
  ];
}

/** Losses within 2e-4 relative of the reference, accuracies within one image. */
function expectCurve(found: Curve, golden: Curve): void {
  expect(found.lambdas).toEqual(golden.lambdas);
  for (const [split, images] of Object.entries(imagesOf)) {
    golden[`${split}_loss`]!.forEach((loss: number, i: number) => {
      expect(Math.abs(found[`${split}_loss`]![i]! - loss) / loss).toBeLessThan(2e-4);
    });
    golden[`${split}_accuracy`]!.forEach((accuracy: number, i: number) => {
      expect(Math.abs(found[`${split}_accuracy`]![i]! - accuracy)).toBeLessThan(100 / images + 1e-4);
    });
    const barrier = Math.abs(found[`${split}_barrier_height`]! - golden[`${split}_barrier_height`]!);
    expect(barrier).toBeLessThan(200 / images + 1e-3);
  }
  expect(found.distance! / golden.distance!).toBeCloseTo(1, 4);
}

describe.each(['sym0', 'sym1_kappa0', 'sym1_kappa1', 'sym3_kappa1'])(
  'basin run interpolate on %s',
  (name) => {
    const golden = goldenJson<Golden>(name).pairs['1-2']!;

    test('unaligned', async () => {
      const found = await basinJson<Curve>([
        'run',
        'interpolate',
        ...flags(name, '--steps', '8', '--align', 'none'),
      ]);
      expectCurve(found, golden.unaligned);
    });

    test('aligned by activations, maximising correlation', async () => {
      const aligned = ['--align', 'activation', '--mode', 'pearson_correlation'];
      const point = ['--recording-point', 'post_activation_function'];
      const found = await basinJson<Curve>([
        'run',
        'interpolate',
        ...flags(name, '--steps', '8', ...aligned, ...point),
      ]);
      expectCurve(found, golden.aligned_by_mode.pearson_correlation!);
    });
  },
);

test("the published script's own alignment is there by name", async () => {
  const mode = ['--align', 'activation', '--mode', 'reference-lmc-script'];
  const found = await basinJson<Curve>(['run', 'interpolate', ...flags('sym1_kappa1', ...mode)]);
  expectCurve(
    found,
    goldenJson<Golden>('sym1_kappa1').pairs['1-2']!.aligned_by_mode
      .pearson_uncorrelatedness_with_one_for_constant!,
  );
});

test('four models give six pairs, two of them as asked alone', async () => {
  const run = [
    '--workspace',
    workspace,
    '--run',
    fixtureRun('sym0'),
    '--models',
    '1,2,3,4',
    '--epoch',
    '5',
    ...data,
  ];
  const found = await basinJson<{ pairs: (Curve & { model1_index: number; model2_index: number })[] }>([
    'run',
    'interpolate',
    ...run,
    '--steps',
    '8',
  ]);
  expect(found.pairs.map((pair) => `${pair.model1_index}-${pair.model2_index}`)).toEqual([
    '1-2',
    '1-3',
    '1-4',
    '2-3',
    '2-4',
    '3-4',
  ]);
  const golden = goldenJson<Golden>('sym0').pairs;
  expectCurve(found.pairs[0]!, golden['1-2']!.unaligned);
  expectCurve(found.pairs[5]!, golden['3-4']!.unaligned);
});

test('basin run match-activations prints the reference’s row', async () => {
  const mode = [
    '--mode',
    'pearson_correlation_with_zero_for_constant',
    '--recording-point',
    'post_activation_function',
  ];
  const row = await basinJson<MatchingRow>(['run', 'match-activations', ...flags('sym0', ...mode)]);
  expect(row).toMatchObject({ model1_index: 1, model2_index: 2, epoch: 5 });
  const golden = goldenJson<Golden>('sym0').pairs['1-2']!.activation_matching;
  const layers = golden['post_activation_function|pearson_correlation_with_zero_for_constant']!;
  expect(row.matching_results.map((result) => result.layer)).toEqual(Object.keys(layers));
  for (const result of row.matching_results) {
    const expected = layers[result.layer]!;
    expect(result.permutations.optimal).toEqual(expected.permutation);
    expect(result.objectives.optimal).toBeCloseTo(expected.objective_optimal, 5);
    expect(result.objectives.identity).toBeCloseTo(expected.objective_identity, 5);
    expect(result.objectives.random).toHaveLength(100);
    expect(result.objectives.random_std).toBeGreaterThan(0);
  }
});

test('asking again gives the result from the workspace, and says so', async () => {
  const question = ['run', 'interpolate', ...flags('sym0', '--steps', '4', '--splits', 'test'), '--json'];
  const first = await basin(question);
  const second = await basin(question);
  expect(first.code).toBe(0);
  expect(JSON.parse(second.stdout)).toEqual(JSON.parse(first.stdout));
  expect(second.stderr).toMatch(/cached result/);
});
