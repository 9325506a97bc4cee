/** Overrides that do nothing, `sigma_f` and `num_fixed`, and what is said of a config file. */
import { describe, expect, it } from 'vitest';
import {
  configWith,
  mergeConfig,
  notesOnConfig,
  resolveChain,
  resolveTrainable,
} from '../../../src-shared/config.ts';
import type { RunConfig } from '../../../src-shared/config.ts';
import { listPresets, loadTrainingConfig, presetNames } from '../../../src-main/formats/presets.ts';
import { preview } from '../../../src-main/engine/train-form.ts';
import type { StepTimes } from '../../../src-main/engine/step-times.ts';
import { planTraining } from '../../../src-main/compute/training/plan.ts';
import { readYaml } from '../../../src-main/formats/yaml.ts';
import { fixturePath } from '../../support/fixtures.ts';
import { referenceRuns } from '../../support/reference-run.ts';

type Plain = Record<string, unknown>;

describe('overrides that do nothing', () => {
  const preset =
    (name: string, ...overrides: string[]) =>
    () =>
      loadTrainingConfig(name, overrides);

  it.each([
    [
      'w-asymmetric',
      ['model.mask_params.default.mask_constant=5'],
      /every layer has its own value.*linear_mask_params_0\.mask_constant=1,.*sigma_f=VALUE/,
    ],
    [
      'mlp_symmetry1_kappaPerLayer',
      ['model.mask_params.default.mask_constant=1'],
      /linear_mask_params_3\.mask_constant=0\.25/,
    ],
    [
      'w-asymmetric',
      ['model.mask_params.default.num_fixed=5'],
      /linear_mask_params_3\.num_fixed=.*num_fixed=VALUE/,
    ],
    ['w-asymmetric', ['model.mask_params.linear_mask_params_4.num_fixed=5'], /4 layers, 0 to 3/],
    ['syre', ['model.mask_params.linear_mask_params_0.num_fixed=5'], /SYRE .*none is fixed/],
    ['syre', ['num_fixed=12'], /SYRE .*none is fixed/],
    ['standard', ['sigma_f=0.5'], /standard networks .* no fixed weights/],
    ['standard', ['num_fixed=12'], /standard networks .* no fixed weights/],
    ['sigma-asymmetric', ['sigma_f=0.5'], /matrix C/],
    ['standard', ['mask_seed=7'], /no fixed weights to draw/],
    ['standard', ['training.early_stopping.patience=3'], /early_stopping\.enabled is not true/],
    ['standard', ['training.early_stopping={patience: 3}'], /early_stopping\.enabled is not true/],
    ['standard', ['training.ntk_tracking.num_samples=50'], /ntk_tracking\.enabled is not true/],
    ['standard', ['interpolation=grid', 'num_models=1'], /num_models is 1: there is no other model/],
    ['standard', ['interpolation=grid', 'interpolation.rebasin=true'], /compared unaligned while they train/],
    ['standard', ['logging=wandb'], /metrics\.json/],
    ['standard', ['logging.project=mine'], /metrics\.json/],
    ['standard', ['hydra.run.dir=/tmp/x'], /--out DIR/],
    ['standard', ['hydra.run.dir='], /--out DIR/],
    ['standard', ['device=cpu'], /BASIN_BACKEND/],
    ['standard', ['optimizer.momentum=0.5'], /only sgd and rmsprop have it/],
    ['standard', ['scheduler.gamma=0.5'], /scheduler\.name is none/],
    ['standard', ['init_seed=1', 'optimization_seed=2', 'mask_seed=3'], /mask_seed has no effect/],
    // One undoes the other.
    ['standard', ['optimizer.lr=0.5', 'optimizer=sgd'], /"optimizer=sgd" comes after it/],
    [
      'w-asymmetric',
      ['model.mask_params.linear_mask_params_0.mask_constant=5', 'sigma_f=0.5'],
      /"sigma_f=0\.5" comes after it/,
    ],
    [
      'w-asymmetric',
      [
        'sigma_f=0.5',
        ...[0, 1, 2, 3].map((i) => `model.mask_params.linear_mask_params_${i}.mask_constant=5`),
      ],
      /linear_mask_params_3\.mask_constant=5" comes after it/,
    ],
    ['w-asymmetric', ['num_fixed=[1,2,3]'], /3 values for 4 layers/],
    ['w-asymmetric', ['num_fixed=1.5'], /whole number/],
    ['w-asymmetric', ['sigma_f=-1'], /at least 0/],
    ['w-asymmetric', ['sigma_f=half'], /at least 0/],
  ])('%s %j', (name, overrides, message) => {
    expect(preset(name, ...overrides)).toThrow(message);
  });

  it('a seed over a config that holds all that was drawn from another one', () => {
    const recorded = { ...loadTrainingConfig('w-asymmetric'), ...{ seed: 1, init_seed: [1, 2] } };
    const seeds = ['optimization_seed=2', 'mask_seed=3'];
    expect(() => configWith(recorded, ['seed=2'])).not.toThrow();
    expect(() => configWith({ ...recorded, optimization_seed: 2, mask_seed: 3 }, ['seed=2'])).toThrow(
      /take precedence/,
    );
    // A recorded run's seeds given again, all of them.
    expect(() => configWith(recorded, ['seed=2', 'init_seed=[3,4]', ...seeds])).not.toThrow();
  });

  it.each([
    ['optimizer=sgd', 'optimizer.lr=0.5'],
    ['optimizer.lr=0.5', 'optimizer.lr=0.25'],
    ['logging.use_wandb=false', 'interpolation=disabled', 'training=default', 'optimizer=adamw'],
    ['training.early_stopping=null', '~training.ntk_tracking', 'max_parallel_processes=1'],
  ])('%s %s ... are taken: they ask for nothing, or for what happens', (...overrides) => {
    expect(preset('standard', ...overrides)).not.toThrow();
  });
});

describe('settings as other programs write them', () => {
  const plain = (name: string, over: Plain): Plain => mergeConfig(loadTrainingConfig(name) as Plain, over);

  it('take effect as what they mean, on both sides', () => {
    const config = configWith(plain('standard', {}), ['model.activation=nn.GELU()', 'optimizer.lr="1e-2"']);
    expect([config.model?.activation, config.optimizer?.lr]).toEqual(['gelu', 0.01]);
    const text = plain('standard', { optimizer: { momentum: '0.9' } });
    expect(() => configWith(text, ['optimizer.momentum=0.9'])).not.toThrow();
    expect(() => configWith(text, ['optimizer.momentum=0.5'])).toThrow(/only sgd and rmsprop have it/);
  });

  it('are what the interpolations of the file refer to', () => {
    const base = plain('standard', { optimizer: { weight_decay: '${optimizer.lr}' } });
    expect(configWith(base, ['optimizer.lr=0.5']).optimizer).toMatchObject({ lr: 0.5, weight_decay: 0.5 });
    const layers = { linear_mask_params_1: '${model.mask_params.default}' };
    const masked = plain('w-asymmetric', { model: { mask_params: layers } });
    const scales = resolveChain(configWith(masked, ['sigma_f=0.5'])).layers.map(({ sigmaF }) => sigmaF);
    expect(scales).toEqual([0.5, 0.5, 0.5, 0.5]);
    expect(() => configWith(masked, ['sigma_f=[1,2,3,4]'])).toThrow(
      /linear_mask_params_1 is .*not a section/,
    );
  });

  it('that cannot be resolved are refused in the form, too', () => {
    const overrides = ['optimizer.lr=${oc.env:LR}'];
    expect(() => loadTrainingConfig('standard', overrides)).toThrow(/optimizer\.lr is/);
    const stepTimes = { estimate: () => null } as unknown as StepTimes;
    const { problems } = preview(loadTrainingConfig('standard') as Plain, overrides, {
      ...{ stepTimes, home: '' },
    });
    expect(problems.join(' ')).toMatch(/optimizer\.lr is/);
  });
});

describe('sigma_f and num_fixed', () => {
  const scales = (config: RunConfig) => resolveTrainable(config).layers.map(({ sigmaF }) => sigmaF);
  const counts = (config: RunConfig) => resolveTrainable(config).layers.map(({ numFixed }) => numFixed);

  it.each(presetNames())('reach every layer of %s, or are refused', (name) => {
    const { symmetry, n_mul: times } = loadTrainingConfig(name).model!;
    for (const [override, families, layers, expected] of [
      ['sigma_f=0.5', [1, 3], scales, 0.5],
      ['num_fixed=4', [1], counts, 4 * (times ?? 1)],
    ] as const) {
      const load = () => loadTrainingConfig(name, [override]);
      if ((families as readonly number[]).includes(symmetry ?? -1))
        expect([...new Set(layers(load()))]).toEqual([expected]);
      else expect(load).toThrow(/has no effect/);
    }
  });

  it('take one value per layer, and single layers after them', () => {
    expect(scales(loadTrainingConfig('w-asymmetric', ['sigma_f=[1,2,3,4]']))).toEqual([1, 2, 3, 4]);
    const one = 'model.mask_params.linear_mask_params_2.num_fixed=3';
    expect(counts(loadTrainingConfig('w-asymmetric', ['num_fixed=12', one]))).toEqual([12, 12, 3, 12]);
  });

  it('count as config values do: n_mul multiplies the number, and it stays below the inputs', () => {
    expect(counts(loadTrainingConfig('w-asymmetric', ['num_fixed=12', 'model.n_mul=2']))).toEqual([
      24, 24, 24, 24,
    ]);
    expect(() => resolveChain(loadTrainingConfig('w-asymmetric-small', ['num_fixed=64']))).toThrow(
      /layer 1: num_fixed is 64.*64 inputs/,
    );
  });

  it('make a fixed part for a preset that is turned into another family', () => {
    const config = loadTrainingConfig('standard-small', ['model.symmetry=1', 'sigma_f=0.5', 'num_fixed=12']);
    expect([scales(config), counts(config)]).toEqual([
      [0.5, 0.5, 0.5, 0.5],
      [12, 12, 12, 12],
    ]);
  });
});

describe('notes on a config file', () => {
  it.each(presetNames())('there are none on the preset %s', (name) => {
    expect(notesOnConfig(loadTrainingConfig(name))).toEqual([]);
  });

  it.each(referenceRuns)('there are none on the published run %s', (run) => {
    const written = readYaml(fixturePath(`runs/${run}/config.yaml`)) as Plain;
    const notes = notesOnConfig(written).filter(
      (note) => !/num_fixed|mask_type|do_normal_mask/.test(note) || !run.startsWith('sym3'),
    );
    expect(notes).toEqual([]);
  });

  it('says what wins over a default, and what has no effect', () => {
    const [preset] = listPresets().filter(({ name }) => name === 'w-asymmetric');
    const written = mergeConfig(preset!.config, {
      model: { mask_params: { default: { mask_constant: 5 } } },
      training: { early_stopping: { patience: 3, min_delta: 7 }, ntk_tracking: { split: 'val' } },
      dataset: { num_workers: 4 },
      device: 'cuda',
    });
    const notes = planTraining(written).notes.join('\n');
    expect(notes).toMatch(/default\.mask_constant \(5\) is not in use.*By layer: 1, 1, 1, 1/);
    expect(notes).toMatch(/training\.ntk_tracking\.split has no effect: .*enabled is not true/);
    expect(notes).toMatch(/dataset\.num_workers has no effect/);
    expect(notes).toMatch(/device has no effect/);
    const standard = mergeConfig(loadTrainingConfig('standard'), {
      model: { mask_params: { default: { mask_constant: 1, num_fixed: 6 } } },
    });
    expect(notesOnConfig(standard)).toEqual([
      expect.stringMatching(
        /^model\.mask_params\.default\.mask_constant, .*num_fixed have no effect: standard/,
      ),
    ]);
    expect(notes.match(/early_stopping\.patience, .*min_delta have no effect/g)).toHaveLength(1);
    expect(resolveChain(loadTrainingConfig('w-asymmetric')).layers[0]!.sigmaF).toBe(1);
  });
});

describe('what the form for training says of settings that cannot be used', () => {
  const problemsWith = (...overrides: string[]) =>
    preview(loadTrainingConfig('w-asymmetric-small') as Plain, overrides, {
      ...{ stepTimes: { estimate: () => null } as unknown as StepTimes, home: '' },
    }).problems;

  it('names every one, in words', () => {
    expect(problemsWith('optimizer.lr=abc', 'training.num_epochs=-3', 'sigma_f=x', 'seed=1.5')).toEqual([
      expect.stringMatching(/sigma_f is "x"/) as string,
      'optimizer.lr is "abc": a number was expected.',
      'training.num_epochs is -3: a number of at least 0 was expected.',
      'seed is 1.5: a whole number was expected.',
    ]);
    expect(problemsWith('model.norm=xx', 'optimizer.lr=x')).toHaveLength(2);
    expect(problemsWith('scheduler.name=cosin', 'optimizer.name=adamm')).toEqual([
      expect.stringMatching(/scheduler\.name is "cosin"; expected one of .*cosine/) as string,
      'optimizer.name is "adamm"; expected one of adamw, adam, sgd, rmsprop.',
    ]);
  });

  it('says them once, and nothing of what would be trained', () => {
    const shown = preview(loadTrainingConfig('w-asymmetric-small') as Plain, ['dataset.batch_size=0'], {
      ...{ stepTimes: { estimate: () => null } as unknown as StepTimes, home: '' },
    });
    expect(shown).toMatchObject({ summary: '', steps: 0, parameters: 0 });
    expect(shown.problems).toEqual(['dataset.batch_size is 0: a number of more than 0 was expected.']);
  });
});
