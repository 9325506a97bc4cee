/** The sections of a config that ask for something to be tracked while its models train: they do what they say. */
import { describe, expect, it } from 'vitest';
import {
  applyOverrides,
  configWith,
  defaultConfig,
  isTracked,
  notesOnConfig,
  readConfig,
  resolveTracking,
  tracksAt,
} from '../../../src-shared/config.ts';
import type { TrackingFacts } from '../../../src-shared/config.ts';
import { loadTrainingConfig } from '../../../src-main/formats/presets.ts';
import { planTraining } from '../../../src-main/compute/training/plan.ts';

const two: TrackingFacts = { models: 2, overGraph: false };

const planOf = (overrides: string[], facts: Partial<TrackingFacts> = {}) =>
  resolveTracking(readConfig(applyOverrides(defaultConfig(), overrides)), { ...two, ...facts });

const ntk = (rest: string) => `training.ntk_tracking={enabled: true, ${rest}}`;

describe('the sections of the published configs', () => {
  it('ask for nothing by default, nor in the published training configs that have them off', () => {
    expect(planOf([])).toBeUndefined();
    expect(planOf(['training.cosine_similarity={enabled: false, save_every: null}'])).toBeUndefined();
  });

  it.each<[string, string[], number, unknown]>([
    ['auto of two models', ['interpolation=auto'], 2, { way: 'grid', steps: 10, every: undefined }],
    ['auto of three', ['interpolation=auto'], 3, { way: 'midpoint', steps: 1, every: undefined }],
    ['grid of three', ['interpolation=grid'], 3, { way: 'grid', steps: 10, every: undefined }],
    ['midpoint of two', ['interpolation=midpoint'], 2, { way: 'midpoint', steps: 1, every: undefined }],
    [
      'every few epochs',
      ['interpolation=grid', 'interpolation.save_every=5', 'interpolation.steps=25'],
      2,
      { way: 'grid', steps: 25, every: 5 },
    ],
    [
      'of interval_analysis.yaml',
      ['training.interpolation={enabled: true, type: auto, steps: 10, save_every: 10}'],
      2,
      { way: 'grid', steps: 10, every: 10 },
    ],
    [
      'of lmc.yaml',
      ['training.interpolation={enabled: true, steps: 10, rebasin: false}'],
      2,
      { way: 'grid', steps: 10, every: undefined },
    ],
  ])('interpolation: %s', (_name, overrides, models, expected) => {
    expect(planOf(overrides, { models })!.interpolation).toEqual(expected);
  });

  it('cosine_similarity.yaml: every epoch', () => {
    expect(planOf(['training.cosine_similarity={enabled: true, save_every: 1}'])).toMatchObject({
      cosine: { every: 1 },
    });
  });

  it('functional similarity on the splits that it names, each once and in order', () => {
    const functional = (splits: string) =>
      planOf([`training.functional_similarity={enabled: true, save_every: 3, splits: ${splits}}`])!
        .functional;
    expect(functional('[test, valid, test]')).toEqual({ every: 3, splits: ['val', 'test'] });
    expect(functional('null')).toEqual({ every: 3, splits: ['train', 'val', 'test'] });
  });

  it('tangent kernels with all their keys', () => {
    const keys =
      'save_every: 2, num_samples: 30, class_balanced: false, split: test, save_matrix: true, compute_linearization: true';
    expect(planOf([ntk(keys)])!.ntk).toEqual({
      ...{ every: 2, samples: 30, classBalanced: false, split: 'test' },
      ...{ stats: false, linearisation: true, matrices: true },
    });
    // Of one model, too.
    expect(planOf([ntk('compute_ntk_stats: true')], { models: 1 })!.ntk).toMatchObject({ samples: 100 });
  });

  it('do not ask for a comparison of one model with itself, and an override that does is refused', () => {
    expect(planOf(['interpolation=grid'], { models: 1 })).toBeUndefined();
    const base = { ...loadTrainingConfig('standard-small', ['num_models=1']) };
    expect(() => configWith(base, ['training.cosine_similarity.enabled=true'])).toThrow(
      /has no effect: num_models is 1/,
    );
    expect(() => configWith(base, ['training.interpolation.enabled=false'])).not.toThrow();
    const written = applyOverrides(base, ['interpolation=grid', 'training.cosine_similarity.enabled=true']);
    expect(notesOnConfig(written).join('\n')).toMatch(
      /^training\.cosine_similarity\.enabled, interpolation\.enabled and 2 more have no effect: num_models is 1/,
    );
  });

  it.each<[string, string[], Partial<TrackingFacts>, RegExp]>([
    ['another type', ['interpolation=grid', 'interpolation.type=line'], {}, /interpolation\.type is "line"/],
    ['no steps', ['interpolation=grid', 'interpolation.steps=0'], {}, /interpolation\.steps is 0/],
    ['too many steps', ['interpolation=grid', 'interpolation.steps=5000'], {}, /at most 1000/],
    [
      'rebasin',
      ['training.interpolation={enabled: true, rebasin: true}'],
      {},
      /training\.interpolation\.rebasin is true/,
    ],
    [
      'two sections that disagree',
      ['interpolation=grid', 'training.interpolation={enabled: true, steps: 7}'],
      {},
      /both enabled/,
    ],
    [
      'null for how often',
      ['training.cosine_similarity={enabled: true, save_every: null}'],
      {},
      /cosine_similarity\.save_every is null: nothing would be tracked/,
    ],
    [
      'another split',
      ['training.functional_similarity={enabled: true, splits: [dev]}'],
      {},
      /functional_similarity\.splits names the split "dev"/,
    ],
    ['no split', ['training.functional_similarity={enabled: true, splits: []}'], {}, /splits is empty/],
    [
      'several labels per example',
      ['training.functional_similarity.enabled=true'],
      { targets: '8 binary labels each' },
      /only if every example has one class/,
    ],
    ['nothing of a kernel', [ntk('num_samples: 9')], {}, /nothing would be tracked/],
    [
      'a kernel of one example',
      [ntk('num_samples: 1, compute_ntk_stats: true')],
      {},
      /num_samples is 1; 2 to/,
    ],
    ['kernels of graphs', [ntk('compute_ntk_stats: true')], { overGraph: true }, /not for graph networks/],
  ])('are refused for %s', (_name, overrides, facts, message) => {
    expect(() => planOf(overrides, facts)).toThrow(message);
  });

  it('that ask twice for the same are taken once', () => {
    const same = 'training.interpolation={enabled: true, type: grid, steps: 10}';
    expect(planOf(['interpolation=grid', same])!.interpolation).toMatchObject({ way: 'grid', steps: 10 });
  });

  it('say where the published code does something else', () => {
    const notesOf = (overrides: string[], models = 2) => planOf(overrides, { models })!.notes.join('\n');
    expect(notesOf(['interpolation=auto'])).toMatch(
      /evaluates the mean of all models for every type but "grid"/,
    );
    expect(notesOf(['interpolation=grid'])).not.toMatch(/mean of all models/);
    expect(notesOf(['interpolation=auto'], 3)).toMatch(/steps \(10\) is not used/);
    expect(notesOf(['training.interpolation={enabled: true}'])).toMatch(/no published code reads it/);
    expect(notesOf(['training.cosine_similarity.enabled=true'], 3)).toMatch(/only if there are two/);
    expect(notesOf([ntk('compute_ntk_stats: true')])).toMatch(/stops with an error/);
  });
});

describe('the published choices for the section training', () => {
  it.each<[string, object, object]>([
    ['lmc', { epochs: 25 }, { interpolation: { way: 'grid', steps: 10, every: undefined } }],
    ['cosine_similarity', { epochs: 100, saveEvery: 10 }, { cosine: { every: 1 } }],
    [
      'interval_analysis',
      { epochs: 50, saveEvery: 5 },
      { cosine: { every: 5 }, interpolation: { way: 'grid', steps: 10, every: 10 } },
    ],
  ])('training=%s', (choice, numbers, tracking) => {
    const base = { ...loadTrainingConfig('standard-small', ['num_models=2']) };
    const plan = planTraining({ ...configWith(base, [`training=${choice}`]) });
    expect(plan).toMatchObject(numbers);
    expect({ ...plan.tracking, notes: null }).toEqual({ ...tracking, notes: null });
  });
});

describe('the epochs of a tracker', () => {
  const of = (every: number | undefined, first: number, last: number): number[] =>
    Array.from({ length: last - first + 1 }, (_, i) => first + i).filter((epoch) =>
      isTracked(every, epoch, { first, last: epoch === last }),
    );

  it('are every n-th, the first and the last', () => {
    expect(of(3, 0, 7)).toEqual([0, 3, 6, 7]);
    expect(of(3, 0, 6)).toEqual([0, 3, 6]);
    expect(of(undefined, 0, 6)).toEqual([6]);
    // Of a fork from epoch 4.
    expect(of(3, 4, 10)).toEqual([4, 6, 9, 10]);
  });

  it('are saved', () => {
    const plan = planOf([
      'interpolation=grid',
      'interpolation.save_every=4',
      ntk('save_every: 3, save_matrix: true'),
    ])!;
    const saved = [0, 1, 2, 3, 4, 5, 6, 7, 8].filter((epoch) => tracksAt(plan, epoch, 0));
    expect(saved).toEqual([0, 3, 4, 6, 8]);
    expect(tracksAt(planOf(['interpolation=grid'])!, 0, 0)).toBe(false);
  });
});

describe('a training that is planned', () => {
  it('knows that examples have several labels, and refuses what takes one', () => {
    const config = loadTrainingConfig('multilabel-small');
    const asking = applyOverrides(config, ['training.functional_similarity.enabled=true']);
    expect(() => planTraining(asking)).toThrow(/training\.functional_similarity is enabled, but .*one class/);
    expect(planTraining(applyOverrides(config, ['interpolation=grid'])).tracking).toMatchObject({
      interpolation: { way: 'grid' },
    });
  });

  it('knows a graph network', () => {
    const asking = applyOverrides(loadTrainingConfig('gnn-small'), [ntk('compute_ntk_stats: true')]);
    expect(() => planTraining(asking)).toThrow(/training\.ntk_tracking is enabled.*graph networks/);
  });
});
