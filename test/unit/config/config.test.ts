import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../../src-shared/errors.ts';
import {
  applyOverrides,
  configGroups,
  defaultConfig,
  isOverride,
  knownKeys,
  readConfig,
  recordSeeds,
  refuseUnknownKeys,
  resolveData,
  resolveChain,
  resolveTrainable,
  resolveSeeds,
} from '../../../src-shared/config.ts';
import type { RunConfig } from '../../../src-shared/config.ts';
import { listPresets, loadTrainingConfig, presetNames } from '../../../src-main/formats/presets.ts';
import { readYaml } from '../../../src-main/formats/yaml.ts';
import { fixturePath } from '../../support/fixtures.ts';
import { referenceRuns } from '../../support/reference-run.ts';

function reference(run: string): RunConfig {
  const file = fixturePath(`runs/${run}/config.yaml`);
  return readConfig(readYaml(file), file);
}

const wAsymmetric = (change: Partial<NonNullable<RunConfig['model']>> = {}): RunConfig => ({
  model: {
    symmetry: 1,
    input_dim: 784,
    hidden_dim: 64,
    output_dim: 10,
    num_layers: 4,
    norm: 'layer',
    activation: 'gelu',
    mask_params: { default: { num_fixed: 16, mask_constant: 1 } },
    ...change,
  },
});

describe('reading a config.yaml', () => {
  it.each(referenceRuns)('takes the reference run %s, and it could be trained again', (run) => {
    const config = reference(run);
    const spec = resolveChain(config);
    expect(spec.layers.map((layer) => [layer.inputs, layer.outputs])).toEqual([
      [784, 64],
      [64, 64],
      [64, 64],
      [64, 10],
    ]);
    expect(spec).toMatchObject({ norm: 'layer', activation: 'gelu', elementwiseAffine: true });
    expect(() => refuseUnknownKeys(config)).not.toThrow();
    expect(resolveData(config)).toMatchObject({
      name: 'mnist',
      batchSize: 64,
      valFraction: 0.1,
      splitSeed: 42,
    });
    expect(resolveSeeds(config, () => 0).init).toEqual([101, 102, 103, 104]);
  });

  it('keeps unknown keys and nulls', () => {
    const config = readConfig({ model: null, mystery: { a: 1 }, dataset: { name: 'mnist', extra: null } });
    expect(config).toEqual({ model: null, mystery: { a: 1 }, dataset: { name: 'mnist', extra: null } });
  });

  it.each([
    [{ optimizer: { lr: 'fast' } }, /run\.yaml: optimizer\.lr is "fast"/],
    [{ num_models: 0 }, /num_models is 0/],
    [{ init_seed: [1, -2] }, /init_seed/],
    [{ model: { symmetry: 4 } }, /model\.symmetry is 4/],
    [['a'], /the document/],
  ])('names file, key and value of what cannot be: %j', (value, message) => {
    expect(() => readConfig(value, 'run.yaml')).toThrow(message);
    expect(() => readConfig(value, 'run.yaml')).toThrow(UserError);
  });
});

describe('the model a config describes', () => {
  it('takes each key of a layer over the default', () => {
    const params = {
      default: { mask_constant: 1, num_fixed: 16 },
      linear_mask_params_2: { mask_constant: 0.5 },
      linear_mask_params_3: { num_fixed: 32 },
    };
    const { layers } = resolveChain(wAsymmetric({ mask_params: params }));
    expect(layers.map((layer) => [layer.sigmaF, layer.numFixed])).toEqual([
      [1, 16],
      [1, 16],
      [0.5, 16],
      [1, 32],
    ]);
  });

  it('multiplies num_fixed by n_mul and truncates', () => {
    const { layers } = resolveChain(wAsymmetric({ n_mul: 1.7, mask_params: { default: { num_fixed: 7 } } }));
    expect(layers[0]!.numFixed).toBe(11);
  });

  it('has no fixed part where the family has none, whatever mask_params say', () => {
    for (const symmetry of [0, 2] as const) {
      const { layers } = resolveChain(wAsymmetric({ symmetry }));
      expect(layers.every((layer) => layer.sigmaF === 0 && layer.numFixed === 0)).toBe(true);
    }
  });

  it('reads every falsy norm as none', () => {
    for (const norm of [null, false, ''] as const)
      expect(resolveChain(wAsymmetric({ norm })).norm).toBe('none');
  });

  it('builds one layer and many', () => {
    const one = resolveChain(wAsymmetric({ num_layers: 1 }));
    expect(one.layers).toHaveLength(1);
    expect(one.layers[0]).toMatchObject({ inputs: 784, outputs: 10 });
    expect(resolveChain(wAsymmetric({ num_layers: 9 })).layers).toHaveLength(9);
  });

  it.each([
    [{ num_layers: 4, mask_params: { default: { num_fixed: 64 } } }, /layer 1.*num_fixed is 64.*64 inputs/],
    [{ name: 'resnet_cifar' }, /model\.depth is missing/],
    [{ name: 'vit_cifar' }, /model\.name is "vit_cifar"/],
    [{ hidden_dim: null }, /model\.hidden_dim is missing/],
    [{ norm: 'lyer' }, /"lyer".*Did you mean "layer"/],
    [{ activation: 'gel' }, /"gel".*Did you mean "gelu"/],
    [{ mask_params: null }, /model\.mask_params is missing/],
    [{ symmetry: 2 as const, norm: 'layer_linear' }, /sigma-asymmetric models take/],
    [{ mask_params: { default: { num_fixed: 'all' } } }, /layer 0: num_fixed/],
  ])('refuses %j', (change, message) => {
    expect(() => resolveChain(wAsymmetric(change as unknown as Record<string, never>), 'c.yaml')).toThrow(
      message,
    );
  });
});

describe('overrides as hydra users type them', () => {
  const base = loadTrainingConfig('mlp_symmetry1_kappa1_noInterpolation') as Record<string, unknown>;

  it.each([
    ['num_models=4', ['num_models'], 4],
    ['optimizer.lr=3e-4', ['optimizer', 'lr'], 3e-4],
    ['model.mask_params.default.mask_constant=2', ['model', 'mask_params', 'default', 'mask_constant'], 2],
    ['init_seed=[1,2]', ['init_seed'], [1, 2]],
    ['+model.asym_init_only=true', ['model', 'asym_init_only'], true],
    ['model.norm=null', ['model', 'norm'], null],
    ["experiment_name='a b'", ['experiment_name'], 'a b'],
    ['experiment_name=', ['experiment_name'], ''],
    ['output_dir=/tmp/x=y', ['output_dir'], '/tmp/x=y'],
    ['scheduler={name:step,step_size:3}', ['scheduler', 'step_size'], 3],
  ])('%s', (override, path, expected) => {
    const changed = applyOverrides(base, [override]);
    expect(path.reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], changed)).toEqual(
      expected,
    );
    expect(isOverride(override)).toBe(true);
  });

  it('takes whole sections and then single keys, in order', () => {
    const changed = applyOverrides(base, ['optimizer=sgd', 'optimizer.lr=0.5', 'logging=console']);
    expect(changed['optimizer']).toEqual({ ...configGroups['optimizer']!['sgd'], lr: 0.5 });
  });

  it('removes keys, and leaves its argument alone', () => {
    const before = structuredClone(base);
    expect(applyOverrides(base, ['~model.mask_params.linear_mask_params_0'])['model']).not.toHaveProperty(
      'mask_params.linear_mask_params_0',
    );
    expect(base).toEqual(before);
  });

  it.each([
    ['num_models', /expected key\.path=value/],
    ['=3', /expected key\.path=value/],
    ['optimizer=sdg', /choose one of adamw, adam, sgd.*Did you mean "sgd"/],
    ['model.norm.kind=layer', /model\.norm is "layer", not a section/],
    ['model.mask_params=3', /is a section/],
    ['init_seed=1,2', /write a list as \[1,2\]/],
    ['init_seed=[1,2', /not closed/],
    ['~optimizer.momentum', /no optimizer\.momentum to remove/],
    ['__proto__.polluted=1', /cannot be a key/],
    ['model.constructor.x=1', /cannot be a key/],
  ])('refuses %s', (override, message) => {
    expect(() => applyOverrides(base, [override])).toThrow(message);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('reads back any JSON scalar or list of numbers', () => {
    const value = fc.oneof(
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.array(fc.integer(), { minLength: 1 }),
    );
    fc.assert(
      fc.property(value, (v) => {
        expect(applyOverrides({}, [`key=${JSON.stringify(v)}`])).toEqual({ key: v });
      }),
    );
  });
});

describe('a config for training', () => {
  it.each([
    ['traning.num_epochs=3', /unknown key "traning\.num_epochs".*Did you mean "training\.num_epochs"/],
    ['lr=3', /unknown key "lr".*"optimizer\.lr"/],
    ['model.hiden_dim=3', /"model\.hiden_dim".*"model\.hidden_dim"/],
    ['model.mask_params.default.mask_const=3', /"model\.mask_params\.default\.mask_constant"/],
  ])('%s is refused with near misses', (override, message) => {
    expect(() => loadTrainingConfig('standard', [override])).toThrow(message);
  });

  it('names presets near a mistyped one', () => {
    expect(() => loadTrainingConfig('mlp_symetry1_kappa1')).toThrow(/Did you mean "mlp_symmetry1_kappa1"/);
  });

  it.each(presetNames())('preset %s resolves, also as _noInterpolation', (name) => {
    const config = loadTrainingConfig(name);
    const { architecture, layers } = resolveTrainable(config);
    // Of graph networks one more than `num_layers`.
    const expected = { mlp: 4, resnet: 22, gnn: name.endsWith('-small') ? 3 : 4, declared: 0 };
    expect(layers).toHaveLength(expected[architecture]);
    expect(loadTrainingConfig(`${name}_noInterpolation`)).toEqual(config);
  });

  it('presets say what they are', () => {
    for (const { summary } of listPresets()) expect(summary).toMatch(/^[A-Z].*\.$/);
  });

  it('a default config knows all its own keys', () => {
    expect(() => refuseUnknownKeys(defaultConfig())).not.toThrow();
    expect(knownKeys().has('optimizer.lr')).toBe(true);
  });
});

describe('seeds', () => {
  it('missing ones are drawn once, given ones stay, and what is recorded gives the same again', () => {
    let draws = 0;
    const seeds = resolveSeeds({ num_models: 3, mask_seed: 7 }, () => 1000 + draws++);
    expect(draws).toBe(1);
    expect(seeds).toMatchObject({ seed: 1000, mask: 7 });
    expect(new Set([...seeds.init, ...seeds.optimization]).size).toBe(6);
    const recorded = recordSeeds({ num_models: 3, mask_seed: 7 }, seeds);
    expect(resolveSeeds(recorded, () => 9)).toEqual(seeds);
  });

  it("one number is every model's; a given seed decides the rest", () => {
    const config = { num_models: 2, seed: 3, init_seed: 5 };
    expect(resolveSeeds(config, () => 1).init).toEqual([5, 5]);
    expect(resolveSeeds(config, () => 1)).toEqual(resolveSeeds(config, () => 2));
    expect(resolveSeeds({ ...config, seed: 4 }, () => 1).mask).not.toBe(resolveSeeds(config, () => 1).mask);
  });

  it('a list must have one per model', () => {
    expect(() => resolveSeeds({ num_models: 4, init_seed: [1, 2] }, () => 0)).toThrow(
      /init_seed lists 2 seeds for num_models=4/,
    );
  });
});
