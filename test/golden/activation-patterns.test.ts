/** Signs of activations of the fixtures' runs against PyTorch in float64. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { activationPatternsJob } from '../../src-shared/jobs/activation-patterns.ts';
import type { ActivationPattern } from '../../src-shared/jobs/activation-patterns.ts';
import { present } from '../../src-shared/presentations/index.ts';
import { fixturePath, fixtureRun } from '../support/fixtures.ts';
import { gnnRunFolder, graphFolder } from '../support/gnn-runs.ts';
import { cancelledContext, goldenData, job } from '../support/job.ts';
import { cifarFolder, resnetRun } from '../support/resnet-runs.ts';

const expected = JSON.parse(readFileSync(fixturePath('activation-patterns/expected.json'), 'utf8')) as Record<
  string,
  (ActivationPattern & { near_zero: number })[]
>;

const points = ['post_linear', 'post_norm', 'post_activation_function'];
const question = (name: string, more: object = {}) => ({
  ...{ run: fixtureRun(name), models: [1, 2], epochs: [0, 5], split: 'val', data: goldenData() },
  ...{ recordingPoint: points, ...more },
});
const ask = async (name: string, more?: object) =>
  activationPatternsJob.result.parse(await job('activation-patterns', question(name, more)));

const placeOf = ({ hook_location, layer }: ActivationPattern): string => `${hook_location} ${layer}`;
/**
 * Whole numbers decide: nothing but the last digits of the sums over them may differ, unless values so near to zero that
 * float32 may round them across it. One more or less moves a deviation over inputs by 1 / (neurons sqrt(inputs)) at most,
 * and all other numbers by less.
 */
const noise = ({ near_zero, num_activations: n, num_inputs: inputs }: (typeof expected)[string][number]) =>
  near_zero === 0 ? 1e-12 : near_zero / (n * Math.sqrt(inputs));

describe.each(['sym0', 'sym1_kappa1'])('%s', (name) => {
  test('every epoch, place and layer', async () => {
    const found = await ask(name);
    expect(found).toMatchObject({ run_key: name, split: 'val' });
    expect(found.pairs.map(({ epoch }) => epoch)).toEqual([0, 5]);
    for (const { epoch, activation_pattern_results: patterns } of found.pairs) {
      const golden = new Map(expected[`${name} ${epoch}`]!.map((pattern) => [placeOf(pattern), pattern]));
      expect(patterns.map(placeOf)).toEqual(
        points.flatMap((at) => ['P_0', 'P_1', 'P_2'].map((l) => `${at} ${l}`)),
      );
      for (const pattern of patterns) {
        const wanted = golden.get(placeOf(pattern))!;
        const { hook_location: _point, layer: _layer, near_zero: _near, ...numbers } = wanted;
        for (const [key, value] of Object.entries(numbers)) {
          const own = pattern[key as keyof typeof numbers]!;
          expect(Math.abs(own - value!), `epoch ${epoch}, ${placeOf(pattern)}, ${key}: ${own}`).toBeLessThan(
            noise(wanted),
          );
        }
      }
    }
  });
});

test('asymmetric networks are active more alike than standard ones, and the presentation says so', async () => {
  const verdict = async (name: string) => present('activation-patterns', await ask(name))!;
  const [plain, asymmetric] = [await verdict('sym0'), await verdict('sym1_kappa1')];
  expect(plain.verdict).toMatch(/^At epoch 5 .*: neurons of the same place have little in common\.$/);
  expect(asymmetric.verdict).toMatch(
    /^At epoch 5 .*: neurons of the same place are more often active on the same inputs than chance/,
  );
  expect(plain.table!.rows).toHaveLength(2 * 9);
  expect(plain.figures.map(({ recipe }) => recipe.kind)).toEqual(Array(4).fill('training-curves'));
});

test('pairs: as asked for, else all; the order of a pair is that of a and b', async () => {
  const more = { models: undefined, epochs: [5], recordingPoint: 'post_linear' };
  const all = await ask('sym0', more);
  expect(all.pairs.map((p) => [p.model1_index, p.model2_index])).toEqual([
    ...[
      [1, 2],
      [1, 3],
      [1, 4],
      [2, 3],
      [2, 4],
      [3, 4],
    ],
  ]);
  const some = await ask('sym0', { ...more, pairs: [[4, 2]] });
  const [a] = some.pairs[0]!.activation_pattern_results;
  const [b] = all.pairs[4]!.activation_pattern_results;
  expect(a).toMatchObject({
    ...{ agreement_ratio: b!.agreement_ratio, positive_ratio_a: b!.positive_ratio_b },
    ...{ std_per_neuron_b: b!.std_per_neuron_a, std_per_input_a: b!.std_per_input_b },
  });
});

test('of a graph every node is an input, and the notes say so', async () => {
  const root = mkdtempSync(join(tmpdir(), 'basin-gnn-signs-'));
  try {
    const run = gnnRunFolder('gnn_sym0', root);
    const found = await ask('', { run, epochs: undefined, split: 'train', data: { dataDir: graphFolder() } });
    for (const { num_inputs } of found.pairs[0]!.activation_pattern_results) expect(num_inputs).toBe(200);
    expect(found.notes.join()).toMatch(/all nodes/);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

test('of convolutions every pixel is an input', async () => {
  const found = await ask('', {
    run: resnetRun('resnet_sym0'),
    epochs: undefined,
    data: { dataDir: cifarFolder() },
  });
  const [first] = found.pairs[0]!.activation_pattern_results;
  expect(first!.num_inputs).toBeGreaterThan(1000);
});

test('a cancel is seen between two chunks; unknown epochs are refused', async () => {
  const { context, looks } = cancelledContext(2);
  await expect(job('activation-patterns', question('sym0', { split: 'train' }), context)).rejects.toThrow(
    /cancel/i,
  );
  expect(looks()).toBe(2);
  await expect(ask('sym0', { epochs: [3] })).rejects.toThrow(/epoch 3/);
});
