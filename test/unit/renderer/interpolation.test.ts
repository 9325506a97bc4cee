import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Group } from '../../../src-shared/api.ts';
import type { Interpolation } from '../../../src-shared/jobs/interpolate.ts';
import { endNames, endsOf } from '../../../src-shared/presentations/interpolation-figure.ts';
import {
  barrierOf,
  barrierSummary,
  endpointSummary,
  acrossEpochs,
  barrierRecipe,
  interpolationRecipe,
  spread,
} from '../../../src-renderer/interpolation/curves.ts';
import { groupsOfImported, importedFrom } from '../../../src-renderer/interpolation/imported.ts';
import type { Measured } from '../../../src-renderer/interpolation/measurement.svelte.ts';
import { groupOfResult, resultOfGroup } from '../../../src-renderer/interpolation/own-result.ts';

function pair(one: number, two: number, more: Partial<Interpolation> = {}, run = 'a'): Interpolation {
  return {
    model1_index: one,
    model2_index: two,
    epoch: 5,
    checkpoint_path_1: `/runs/${run}/checkpoint_epoch_5_model_${one}.pt`,
    checkpoint_path_2: `/runs/${run}/checkpoint_epoch_5_model_${two}.pt`,
    lambdas: [0, 0.5, 1],
    distance: 1,
    normalized_distance: 1,
    num_params: 10,
    align: 'none',
    rescaling_ratio: 1,
    ...more,
  };
}

const group = (key: string, colour = '#0072b2'): Group => ({
  ...{ id: key, architecture: 'mlp', key, colour, notes: '', members: [] },
});
const measured = (key: string, pairs: Interpolation[]): Measured => ({
  ...{ group: group(key), align: 'none', pairs, midpoints: [], notes: [], captionNotes: [] },
  ...{ provenance: [], resultIds: [] },
});

const choice = {
  split: 'test',
  metric: 'accuracy',
  draw: 'mean',
  band: 'range',
  barrier: 'chord',
} as const;

describe('sums over pairs', () => {
  it('have the mean and the n - 1 deviation', () => {
    expect(spread([])).toBeNull();
    expect(spread([3])).toEqual({ mean: 3, std: 0, n: 1 });
    expect(spread([1, 2, 3, 4])).toEqual({ mean: 2.5, std: Math.sqrt(5 / 3), n: 4 });
    const values = fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { minLength: 2 });
    fc.assert(
      fc.property(values, fc.double({ min: -1e3, max: 1e3, noNaN: true }), (list, shift) => {
        const [before, after] = [spread(list)!, spread(list.map((v) => v + shift))!];
        expect(after.mean).toBeCloseTo(before.mean + shift, 6);
        expect(after.std).toBeCloseTo(before.std, 6);
      }),
    );
  });

  it('take the barrier of split, metric and definition asked for, computed from the curves', () => {
    const all = measured('a', [
      pair(1, 2, { test_accuracy: [90, 50, 80], test_loss: [1, 5, 2] }),
      pair(1, 3, { test_accuracy: [90, 60, 90], test_loss: [1, 4, 1] }),
      pair(2, 3, { val_accuracy: [90, 10, 90] }),
    ]);
    expect(barrierSummary(all, 'test', 'accuracy', 'chord')).toMatchObject({
      ...{ spread: { mean: 32.5, n: 2 }, missing: 0, all: 2 },
    });
    expect(barrierSummary(all, 'test', 'loss', 'max_ends').spread).toMatchObject({ mean: 3, n: 2 });
    expect(barrierSummary(all, 'test', 'loss', 'chord').spread).toMatchObject({ mean: 3.25, n: 2 });
    expect(barrierSummary(all, 'val', 'accuracy', 'midpoint').spread).toMatchObject({ mean: 80, n: 1 });
    expect(barrierSummary(all, 'train', 'loss', 'chord')).toEqual({ spread: null, missing: 0, all: 0 });
  });

  it('leave a curve that is not finite out of the mean, and count it', () => {
    const all = measured('a', [
      pair(1, 2, { test_loss: [1, null, 2], test_accuracy: [90, 50, 80] }),
      pair(1, 3, { test_loss: [1, 4, 1], test_accuracy: [90, 60, 90] }),
    ]);
    expect(barrierSummary(all, 'test', 'loss', 'chord')).toMatchObject({
      ...{ spread: { mean: 3, n: 1 }, missing: 1, all: 2 },
    });
    expect(barrierOf(all.pairs[0]!, 'test', 'loss', 'chord')).toEqual({
      ...{ value: null, reason: '1 of 3 points is not finite' },
    });
    expect(barrierSummary(all, 'test', 'accuracy', 'chord')).toMatchObject({ missing: 0, all: 2 });
    const diverged = measured('b', [pair(1, 2, { test_loss: [1, null, null] })]);
    expect(endpointSummary(diverged, 'test', 'loss')).toEqual({ spread: spread([1]), missing: 1, all: 2 });
    const figure = interpolationRecipe([{ title: 'x', measured: [all] }], { ...choice, metric: 'loss' });
    expect(figure!.data.panels[0]!.series[0]!.curves[0]!.values).toEqual([1, null, 2]);
  });

  it('count each model once among the ends', () => {
    const accuracy = [90, 92, 97];
    const curves = [
      pair(1, 2, { test_accuracy: [90, 50, 92] }),
      pair(1, 3, { test_accuracy: [90, 50, 97] }),
      pair(2, 3, { test_accuracy: [92, 50, 97] }),
    ];
    expect(endpointSummary(measured('a', curves), 'test', 'accuracy').spread).toEqual(spread(accuracy));
    expect(endpointSummary(measured('a', curves), 'val', 'accuracy').spread).toBeNull();
  });
});

describe('several epochs', () => {
  const at = (epoch: number, low: number): Measured[] => [
    measured('a', [pair(1, 2, { epoch, test_accuracy: [90, low, 90] })]),
    measured('none', []),
  ];

  it('are one group each across epochs; what is the same at every epoch counts once', () => {
    const single = measured('single', [pair(1, 2, { test_accuracy: [90, 80, 90] })]);
    const [all, none, once] = acrossEpochs([
      [...at(0, 60), single],
      [...at(5, 80), single],
    ]);
    expect(all!.pairs.map(({ epoch }) => epoch)).toEqual([0, 5]);
    expect(none!.pairs).toEqual([]);
    expect(once!.pairs).toHaveLength(1);
    expect(acrossEpochs([])).toEqual([]);
  });

  it('are drawn as barriers, by the definition that is chosen; one epoch alone is not', () => {
    const panels = (of: Measured[][]) => [{ title: 'Unaligned', measured: acrossEpochs(of) }];
    const recipe = barrierRecipe(panels([at(0, 60), at(5, 80)]), choice);
    expect(recipe).toMatchObject({
      kind: 'barrier-over-epochs',
      data: { panels: [{ series: [{ label: 'a', epochs: [0, 5], pairs: [{ values: [30, 10] }] }] }] },
    });
    expect(barrierRecipe(panels([at(0, 60)]), choice)).toBeNull();
  });
});

describe('the names of models', () => {
  const namesOf = (pairs: Interpolation[]) => [...endNames(pairs).values()];

  it('are as short as tells them apart', () => {
    expect(namesOf([pair(1, 2), pair(1, 3)])).toEqual(['1', '2', '3']);
    expect(namesOf([pair(1, 2), pair(1, 2, {}, 'b')])).toEqual(['a 1', 'a 2', 'b 1', 'b 2']);
    const later = { checkpoint_path_2: '/runs/a/checkpoint_epoch_9_model_1.pt', model2_index: 1 };
    expect(namesOf([pair(1, 2, later)])).toEqual([
      'a/checkpoint_epoch_5_model_1',
      'a/checkpoint_epoch_9_model_1',
    ]);
  });

  it('are there for both ends of every pair', () => {
    const number = fc.integer({ min: 1, max: 4 });
    const pairs = fc.array(fc.tuple(number, number, fc.constantFrom('a', 'b', 'c')), { maxLength: 8 });
    fc.assert(
      fc.property(pairs, (list) => {
        const all = list.map(([one, two, run]) => pair(one, two, {}, run));
        const names = endNames(all);
        for (const end of all.flatMap(endsOf)) expect(names.get(end)).toBeTruthy();
        expect(new Set(names.values()).size).toBe(names.size);
      }),
    );
  });
});

describe('the figure', () => {
  const panel = (title: string, ...all: Measured[]) => ({ title, measured: all });
  const full = measured('full', [pair(1, 2, { test_accuracy: [90, 50, 92] })]);

  it('leaves out groups and panels without curves, and is none without any', () => {
    const recipe = interpolationRecipe(
      [panel('left', measured('empty', []), full), panel('right', measured('other split', [pair(1, 2)]))],
      choice,
    );
    expect(recipe?.data.panels).toEqual([
      {
        title: 'left',
        series: [
          {
            label: 'full',
            colour: '#0072b2',
            lambdas: [0, 0.5, 1],
            curves: [{ pair: '1–2', values: [90, 50, 92] }],
          },
        ],
      },
    ]);
    expect(interpolationRecipe([panel('left', full)], { ...choice, split: 'val' })).toBeNull();
  });
});

describe('results shown as groups', () => {
  it('are named after what they are about, and found again by their group', () => {
    const own = groupOfResult('interpolate-12', 'Interpolate, aligned by weights: demo: W');
    expect(own.key).toBe('demo: W');
    expect(resultOfGroup(own)).toBe('interpolate-12');
    expect(resultOfGroup(group('result'))).toBeUndefined();
    expect(resultOfGroup({ ...own, members: [{ runId: 'a' }] })).toBeUndefined();
  });

  it('from files are one for each run that a file names', () => {
    const provenance = { backend: 'imported from lmc.json' } as Parameters<typeof importedFrom>[2];
    const a = importedFrom({ runKey: 'mlp_sym0' }, 'Interpolate: mlp_sym0, 1–2', provenance);
    expect(a).toEqual({ key: 'mlp_sym0', from: 'imported from lmc.json' });
    const b = importedFrom({}, 'Interpolate: W', undefined);
    expect(b).toEqual({ key: 'W', from: 'imported from an analysis' });
    const groups = groupsOfImported([a, b, a]);
    expect(groups.map(({ key }) => key)).toEqual(['mlp_sym0 (imported)', 'W (imported)']);
    expect(new Set(groups.map(({ colour }) => colour)).size).toBe(2);
  });
});
