/** Every key of a config either changes what is trained, or is refused as an override with the reason. */
import type { MlpSpec } from '../../../src-shared/model.ts';
import { describe, expect, it } from 'vitest';
import {
  applyOverrides,
  configWith,
  effectClass,
  fixedWeightSettings,
  knownKeys,
  mergeConfig,
  parseOverride,
} from '../../../src-shared/config.ts';
import type { RunConfig } from '../../../src-shared/config.ts';
import { exportedSection } from '../../../src-shared/config/exported.ts';
import { loadTrainingConfig } from '../../../src-main/formats/presets.ts';
import { planTraining } from '../../../src-main/compute/training/plan.ts';
import { exportedFixture, lowered } from '../exported/files.ts';

type Plain = Record<string, unknown>;

const keys = [...knownKeys()].filter((key) => ![...knownKeys()].some((other) => other.startsWith(`${key}.`)));
const hidden = [0, 1].map(() => '{outputs: 20, norm: layer, activation: relu}').join(', ');

/** A value that none of the bases has, for every key that is used at all. */
const samples: Record<string, string> = {
  'model.symmetry': '2',
  'model.input_dim': '700',
  'model.hidden_dim': '99',
  'model.output_dim': '23',
  'model.num_layers': '3',
  'model.n_mul': '0.5',
  'model.norm': 'batch',
  'model.elementwise_affine': 'false',
  'model.activation': 'tanh',
  'model.dropout': '0.2',
  'model.asym_init_only': 'true',
  'model.family.name': 'bias-only',
  'model.family.alpha': '0.37',
  'model.family.share': '0.37',
  'model.family.sigma_f': '0.37',
  'model.family.parameters': 'fc.*',
  'model.family.num_fixed': '9',
  'model.family.file': '/given.npz',
  'model.family.sha256': 'abc',
  'model.family.parts': '[{parameter: lins.0.bias, tensors: [F], zeros: 0, fixed: 9}]',
  'model.layers': `[${hidden}, {outputs: 20}]`,
  'dataset.name': 'fashion-mnist',
  'dataset.data_dir': '/data',
  'dataset.batch_size': '17',
  'dataset.val_split': '0.3',
  'dataset.split_seed': '9',
  'dataset.split_file': '/split.json',
  'dataset.contents': 'abcdef01',
  'dataset.augmentation.flip': 'true',
  'dataset.augmentation.pad': '3',
  'dataset.augmentation.evaluation': 'train-and-val',
  'optimizer.name': 'adam',
  'model.model_type': 'asym_gelu_gnn',
  'dataset.block_model_dataset.degree': '6',
  'dataset.block_model_dataset.num_nodes': '20',
  'model.depth': '32',
  'model.w': '2',
  'model.input_shape': '[1, 14, 56]',
  'optimizer.lr': '0.017',
  'optimizer.weight_decay': '0.017',
  'optimizer.betas': '[0.8, 0.9]',
  'optimizer.eps': '0.01',
  'optimizer.momentum': '0.3',
  'optimizer.nesterov': 'true',
  'optimizer.alpha': '0.7',
  'optimizer.centered': 'true',
  'scheduler.name': 'linear_warmup',
  'scheduler.T_max': '7',
  'scheduler.eta_min': '0.0001',
  'scheduler.step_size': '7',
  'scheduler.milestones': '[7]',
  'scheduler.gamma': '0.77',
  'scheduler.warmup_steps': '7',
  'training.num_epochs': '77',
  'training.val_every': '7',
  'training.save_every': '7',
  'training.label_smoothing': '0.2',
  'training.early_stopping.enabled': 'true',
  'training.early_stopping.patience': '3',
  'training.early_stopping.min_delta': '0.01',
  'training.clip_grad_norm': '0.5',
  'interpolation.enabled': 'true',
  'interpolation.type': 'midpoint',
  'training.interpolation.enabled': 'true',
  'training.interpolation.type': 'midpoint',
  'training.cosine_similarity.enabled': 'true',
  'training.functional_similarity.enabled': 'true',
  'training.functional_similarity.splits': '[val]',
  'training.ntk_tracking.enabled': 'true',
  'training.ntk_tracking.class_balanced': 'false',
  'training.ntk_tracking.split': 'val',
  'training.ntk_tracking.save_matrix': 'true',
  'training.ntk_tracking.compute_ntk_stats': 'true',
  'training.ntk_tracking.compute_linearization': 'true',
  num_models: '7',
  seed: '7',
  init_seed: '77',
  optimization_seed: '77',
  mask_seed: '77',
  sigma_f: '0.37',
  num_fixed: '5',
};

function sampleOf(key: string): string {
  const given = samples[key];
  if (given !== undefined) return given;
  if (key.endsWith('.mask_constant')) return '0.37';
  if (key.endsWith('.num_fixed')) return '5';
  if (key.endsWith('.do_normal_mask')) return 'false';
  if (key.endsWith('modulo_base')) return '3';
  if (key.endsWith('multilabel_subspace_dataset.loss')) return 'soft-labels';
  if (/explained_variance_ratio|coherence$/.test(key)) return '0.77';
  if (/class_separation$|homophily$/.test(key)) return '0.77';
  return '8';
}

/**
 * Everything that a training does with a config: the network, data, seeds, rates and numbers of its plan, without the
 * fields of the plan that nothing reads for this kind of network or data.
 */
function doing(config: RunConfig): unknown {
  const {
    config: written,
    notes: _notes,
    schedule,
    spec,
    seeds,
    data,
    batchSize,
    ...plan
  } = planTraining(config);
  // A graph is taken whole, in its own split.
  const whole = spec.architecture === 'gnn';
  const { splitSeed, valFraction, dataDir, ...files } = data;
  return {
    ...plan,
    batchSize: whole ? null : batchSize,
    network: spec.architecture === 'mlp' ? networkOf(spec) : spec,
    // Fresh models are made from it.
    file: written.model?.family?.file ?? null,
    seeds: {
      ...{ ...seeds, seed: null },
      mask: ['standard', 'linear-residual', 'given'].includes(spec.family) ? null : seeds.mask,
    },
    data: {
      ...files,
      split: files.splitFile === undefined && !whole ? [splitSeed, valFraction] : null,
      dataDir: files.geometry && files.geometry.kind !== 'mnist-coherence' ? null : dataDir,
    },
    rates: Array.from({ length: 40 }, (_, epoch) => schedule(epoch)),
  };
}

function networkOf(spec: MlpSpec): unknown {
  const { norm, activation, elementwiseAffine, dropout, ...network } = spec;
  const hidden = spec.layers.length > 1;
  return {
    ...network,
    norm: hidden ? norm : null,
    dropout: hidden ? dropout : null,
    activation: hidden && spec.family !== 'sigma-asymmetric' ? activation : null,
    affine: hidden && norm !== 'none' && elementwiseAffine,
  };
}

const exportedBase = 'an exported network with fixed entries';
const mixed = '{default: {mask_constant: 1, num_fixed: 6, do_normal_mask: true}}';
const bases: Record<string, [string, string[]]> = {
  'a standard network': ['standard-small', []],
  'a W-asymmetric network': ['w-asymmetric-small', []],
  'a W-asymmetric network with a default for all layers': [
    'w-asymmetric-small',
    [`model.mask_params=null`, `model.mask_params=${mixed}`],
  ],
  'a sigma-asymmetric network': ['sigma-asymmetric-small', []],
  SYRE: ['syre-small', []],
  'a linear residual': ['linear-residual-small', []],
  'a sparse network': ['sparse-small', []],
  'a fixed part on biases': ['bias-only-small', []],
  'given F and D': [
    'standard-small',
    [
      'model.family={name: given, sha256: x, parts: [{parameter: lins.0.weight, tensors: [D], zeros: 5, fixed: 5}]}',
    ],
  ],
  'a network without norm layers': ['mlp_symmetry0_noNorm', []],
  'a network of one layer': ['standard-small', ['model.num_layers=1']],
  'a residual network': ['resnet-small', []],
  'a W-asymmetric residual network': ['resnet-w-asymmetric-small', []],
  'a residual network with a default for all layers': [
    'resnet-w-asymmetric-small',
    [`model.mask_params=null`, `model.mask_params=${mixed}`],
  ],
  'a graph network': ['gnn-small', []],
  'a W-asymmetric graph network': ['gnn-w-asymmetric-small', []],
  'a sigma-asymmetric graph network': ['gnn-sigma-asymmetric-small', []],
  'a SYRE graph network': ['gnn-syre-small', []],
  'a graph network of one layer': ['gnn-small', ['model.num_layers=1']],
  'graph networks of files': ['gnn_symmetry1', []],
  [exportedBase]: ['standard-small', []],
  SGD: ['standard-small', ['optimizer=sgd']],
  interpolation: ['standard-small', ['interpolation=grid']],
  'one model': ['standard-small', ['num_models=1']],
  trackers: [
    'standard-small',
    [
      ...['cosine_similarity', 'functional_similarity', 'ntk_tracking', 'interpolation'].map(
        (name) => `training.${name}.enabled=true`,
      ),
      'training.ntk_tracking.save_matrix=true',
      'num_models=2',
    ],
  ],
  'kernel statistics': ['standard-small', ['training.ntk_tracking={enabled: true, compute_ntk_stats: true}']],
  'early stopping': ['standard-small', ['training.early_stopping.enabled=true']],
  RMSprop: ['standard-small', ['optimizer=rmsprop']],
  Adam: ['w-asymmetric-small', ['optimizer=adam']],
  ...Object.fromEntries(
    ['cosine', 'step', 'multistep', 'constant', 'linear_warmup', 'resnet'].map((name) => [
      `the schedule ${name}`,
      ['standard-small', [`scheduler=${name}`]] as [string, string[]],
    ]),
  ),
  'varied images': ['standard-small', ['dataset=cifar10', 'model.input_dim=3072']],
  'a split file': ['standard-small', ['dataset.split_file=/given.json']],
  'recorded seeds': ['w-asymmetric-small', ['init_seed=1', 'optimization_seed=2', 'mask_seed=3']],
  ...Object.fromEntries(
    ['mnist-coherence', 'gaussian-subspace', 'parity-subspace', 'multilabel-subspace'].map((name) => [
      name,
      [
        'standard-small',
        [
          `dataset=${name}`,
          ...(name === 'mnist-coherence'
            ? []
            : ['model.input_dim=512', `model.output_dim=${name === 'multilabel-subspace' ? 50 : 60}`]),
        ],
      ] as [string, string[]],
    ]),
  ),
};

const family = 'model.family={name: w-asymmetric, parameters: "*.weight", num_fixed: 2, sigma_f: 1}';

function baseOf(name: string): Plain {
  const [preset, overrides] = bases[name]!;
  const base = { ...loadTrainingConfig(preset, overrides), seed: 1 };
  if (name !== exportedBase) return base;
  const { graph, tied } = lowered(exportedFixture('digits.pt2'));
  const model = exportedSection({ architecture: 'declared', graph, exported: { tied } });
  return { ...applyOverrides({ ...base, model }, [family]) };
}

describe('every key of the schema', () => {
  it('is in one table of effects, and has a sample here if it does anything', () => {
    for (const key of keys) expect([key, effectClass(key)]).toEqual([key, expect.any(String)]);
    expect(keys.length).toBeGreaterThan(90);
    for (const key of Object.keys(samples)) expect(effectClass(key)).toMatch(/always|depends/);
  });

  const used = [...keys, ...Object.keys(fixedWeightSettings)].filter((key) =>
    /always|depends/.test(effectClass(key) ?? ''),
  );
  const changed = new Set<string>();

  it.each(Object.keys(bases))('%s: an override changes the training, or is refused', (name) => {
    const base = baseOf(name);
    const before = JSON.stringify(doing(base));
    for (const key of used) {
      const override = `${key}=${sampleOf(key)}`;
      if (JSON.stringify(at(base, key)) === JSON.stringify(parseOverride(override).value)) continue;
      let config: RunConfig;
      let after: string;
      try {
        config = configWith(base, [override]);
        after = JSON.stringify(doing(config));
      } catch (error) {
        // Another reason than "no effect" (a size that does not fit) is a refusal as well.
        expect(String(error)).toMatch(/^UserError: /);
        continue;
      }
      expect([name, override, after === before]).toEqual([name, override, false]);
      changed.add(key);
    }
  });

  it('that is used changes something in at least one of these trainings', () => {
    // d_ambient and the number of binary labels change only together with the sizes of the model.
    // A family changes only together with a key of its own, and tangent kernels with what is computed of them.
    const exempt = /num_binary_labels$|d_ambient$|model\.family\.name$|ntk_tracking\.enabled$/;
    expect(used.filter((key) => !changed.has(key) && !exempt.test(key))).toEqual([]);
  });

  it.each(Object.keys(bases))('%s: what is refused for having no effect has none', (name) => {
    const base = baseOf(name);
    const before = JSON.stringify(doing(base));
    let refused = 0;
    for (const key of used) {
      const override = `${key}=${sampleOf(key)}`;
      try {
        configWith(base, [override]);
      } catch (error) {
        if (!/has no effect/.test(String(error)) || Object.hasOwn(fixedWeightSettings, key)) continue;
        refused++;
        const forced = parts(key, parseOverride(override).value);
        let after: string;
        try {
          after = JSON.stringify(doing(mergeConfig(base, forced)));
        } catch {
          continue;
        }
        expect([name, override, after === before]).toEqual([name, override, true]);
      }
    }
    expect(refused).toBeGreaterThan(10);
  });

  const idle = keys.filter((key) => effectClass(key) === 'never');
  const asking: Record<string, string> = {
    'dataset.pin_memory': 'true',
    'model.parameter_names': '{}',
    'model.constants': '{}',
    'dataset.task': 'regression',
  };

  it.each(idle.filter((key) => !['logging', 'hydra'].includes(key)))('%s has none and is refused', (key) => {
    const base = baseOf('a standard network');
    const value = asking[key] ?? anyValue(base, key);
    if (value === 'true') Object.assign(base, mergeConfig(base, parts(key, false)));
    expect(() => configWith(base, [`${key}=${value}`])).toThrow(/^override .*has no effect: \w/s);
    expect(() => configWith(base, [`${key}=null`])).not.toThrow();
  });
});

/** `a.b` -> { a: { b: value } } */
function parts(key: string, value: unknown): Plain {
  return key.split('.').reduceRight<unknown>((inner, part) => ({ [part]: inner }), value) as Plain;
}

function at(config: Plain, key: string): unknown {
  return key.split('.').reduce<unknown>((inner, part) => (inner as Plain | undefined)?.[part], config);
}

/** A value that the schema takes and that is not the one there. */
function anyValue(base: Plain, key: string): string {
  for (const value of [
    'true',
    '7',
    '3.5',
    '[{outputs: 3}, {outputs: 3}]',
    '{a: b}',
    '{a: 3}',
    '[a]',
    'text',
  ]) {
    try {
      configWith(base, [`${key}=${value}`]);
    } catch (error) {
      if (/has no effect/.test(String(error))) return value;
    }
  }
  throw new Error(`no value for ${key}`);
}
