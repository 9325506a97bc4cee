/** Configs as other programs leave them: interpolations, values as text, values that were never filled in. */
import { describe, expect, it } from 'vitest';
import { readTolerantly, resolveData, resolveChain, understandConfig } from '../../../src-shared/config.ts';

type Plain = Record<string, unknown>;

const model = {
  name: 'mlp_mnist',
  input_dim: 4,
  hidden_dim: 3,
  output_dim: 2,
  num_layers: 3,
  symmetry: 0,
  norm: 'layer',
  activation: 'gelu',
};
const resolved = (config: Plain): Plain => understandConfig(config).config;
const specOf = (change: Plain, rest: Plain = {}) =>
  resolveChain(readTolerantly({ model: { ...model, ...change }, ...rest }, 'c.yaml').config, 'c.yaml');
const problemsOf = (config: Plain): string[] => readTolerantly(config).problems.map(({ message }) => message);

describe('interpolations', () => {
  it.each<[string, Plain, Plain]>([
    ['absolute', { a: '${b.c}', b: { c: 16 } }, { a: 16 }],
    ['of a list', { a: '${b[1]}', c: '${b.0}', b: [7, 8] }, { a: 8, c: 7 }],
    ['of a sibling', { s: { x: '${.y}', y: 3 } }, { s: { x: 3, y: 3 } }],
    ['of the section above', { s: { y: 5, t: { x: '${..y}' } } }, { s: { y: 5, t: { x: 5 } } }],
    ['of a list item', { s: [1, '${.0}'] }, { s: [1, 1] }],
    ['in a text', { a: 'run_${n}_${b}', n: 3, b: true }, { a: 'run_3_True' }],
    ['nested', { a: '${m.${which}}', which: 'big', m: { big: 512 } }, { a: 512 }],
    ['through another', { a: '${b}', b: '${c}', c: 2 }, { a: 2, b: 2 }],
    ['of a section', { a: '${b}', b: { c: 1, d: '${.c}' } }, { a: { c: 1, d: 1 } }],
    ['into a section given by one', { a: '${b.c}', b: '${d}', d: { c: 9 } }, { a: 9 }],
    [
      'with the default of a variable',
      { a: '${oc.env:WIDTH,64}', b: "${oc.env:X,'y z'}" },
      { a: '64', b: 'y z' },
    ],
    ['with a nested default', { a: '${oc.env:W,${b}}', b: 12 }, { a: '12' }],
    ['selected', { a: '${oc.select:b.c,4}', d: '${oc.select:e.f,4}', e: { f: 6 } }, { a: 4, d: 6 }],
    ['selected, absent', { a: '${oc.select:nothing}' }, { a: null }],
    ['decoded', { a: '${oc.decode:${b}}', b: '0.5' }, { a: 0.5 }],
  ])('%s', (_what, config, expected) => {
    const { config: found, unresolved } = understandConfig(config);
    expect(found).toMatchObject(expected);
    expect([...unresolved]).toEqual([]);
    expect(resolved(found)).toEqual(found);
  });

  it.each([
    ['a key that is not there', { a: '${b}' }, 'it refers to "b", which the config does not have'],
    ['a circle', { a: '${b}', b: '${a}' }, 'it refers to itself'],
    ['itself', { a: '${a}' }, 'it refers to itself'],
    ['the section it lies in', { a: { b: '${a}' } }, 'it refers to itself'],
    ['what was never filled in', { a: '${b}', b: '???' }, 'it refers to "b", which was never filled in'],
    ['a variable without default', { a: '${oc.env:HOME}' }, 'environment variable HOME'],
    ['the older form', { a: '${env:HOME}' }, 'environment variable HOME'],
    ['another resolver', { a: '${eval:"5*1"}' }, 'only the program that wrote the config can compute "eval"'],
    ['a missing brace', { a: '${b' }, 'a closing brace is missing'],
    ['a section in a text', { a: 'x${b}', b: { c: 1 } }, 'it puts a section or a list into a text'],
  ])('stays as written: %s', (_what, config, reason) => {
    const { config: found, unresolved } = understandConfig(config);
    expect(understandConfig(found).config).toEqual(found);
    expect(found['a']).toEqual((config as Plain)['a']);
    expect([...unresolved.values()].join()).toContain(reason);
  });

  it('looks for a default below a section that is a reference itself', () => {
    const written = {
      ...{ base: { x: { y: '${oc.env:V,d}${oc.env:NAME}' } }, dataset: '${base}' },
      ref: '${dataset.x.y}',
    };
    expect([...understandConfig(written).unresolved.values()].join()).toContain('environment variable NAME');
  });

  it('never asks the environment', () => {
    process.env['BASIN_TEST_WIDTH'] = '999';
    const { config, assumptions } = understandConfig({
      dataset: { batch_size: '${oc.env:BASIN_TEST_WIDTH,64}' },
    });
    delete process.env['BASIN_TEST_WIDTH'];
    expect(config).toEqual({ dataset: { batch_size: 64 } });
    expect(assumptions.join()).toContain(
      'dataset.batch_size is ${oc.env:BASIN_TEST_WIDTH,64}: its default is used',
    );
  });

  it('does not guess what the network is from the default of a variable, by whatever way it comes in', () => {
    const written = {
      act: '${oc.env:ACT,relu}',
      defaults: { activation: '${act}' },
      model: { activation: '${oc.env:ACT,relu}', norm: '${defaults.activation}', hidden_dim: '${width}' },
      width: 16,
    };
    const { config, unresolved, assumptions } = understandConfig(written);
    const variable = written.act;
    expect(config['model']).toEqual({ activation: variable, norm: variable, hidden_dim: 16 });
    expect([...unresolved.keys()].sort()).toEqual(['model.activation', 'model.norm']);
    expect(unresolved.get('model.norm')).toContain(
      'depends on the environment variable ACT at training time',
    );
    expect(assumptions.join()).not.toContain('model.activation');
    expect(understandConfig(config).config).toEqual(config);
  });

  it('keeps an escaped one, and does not unfold ten lines into gigabytes', () => {
    expect(understandConfig({ a: '\\${b}', b: 1 }).config).toEqual({ a: '\\${b}', b: 1 });
    const bomb: Plain = { x0: 'lots of text', s0: { a: 1, b: 2 } };
    for (let i = 1; i < 40; i++) {
      bomb[`x${i}`] = `\${x${i - 1}}\${x${i - 1}}`;
      bomb[`s${i}`] = { a: `\${s${i - 1}}`, b: `\${s${i - 1}}` };
    }
    const { config } = understandConfig(bomb);
    expect(JSON.stringify(config).length).toBeLessThan(10_000_000);
    expect(config['x39']).toBe('${x38}${x38}');
  });
});

describe('values as text', () => {
  it('are numbers, switches and lists where the key holds those, and text where it does not', () => {
    const config = {
      model: {
        ...model,
        hidden_dim: '3',
        elementwise_affine: 'True',
        mask_params: { default: { mask_constant: '5e-1' } },
      },
      optimizer: { lr: '1e-3', betas: '(0.9, 0.999)', weight_decay: 'None', name: 'adamw' },
      dataset: { name: 'mnist', val_split: '.1', data_dir: 'None', batch_size: '1_000' },
      experiment_name: '1e-3',
      unknown: '1e-3',
    };
    expect(resolved(config)).toMatchObject({
      model: { hidden_dim: 3, elementwise_affine: true, mask_params: { default: { mask_constant: 0.5 } } },
      optimizer: { lr: 0.001, betas: [0.9, 0.999], weight_decay: null },
      dataset: { val_split: 0.1, data_dir: null, batch_size: 1000 },
      experiment_name: '1e-3',
      unknown: '1e-3',
    });
  });

  it.each([
    'GELU',
    'nn.GELU()',
    'torch.nn.GELU',
    "GELU(approximate='none')",
    "<class 'torch.nn.modules.activation.GELU'>",
    '!!python/name:torch.nn.modules.activation.GELU',
    'torch.nn.functional.gelu',
    { _target_: 'torch.nn.GELU' },
    { _target_: 'torch.nn.GELU', _partial_: true, approximate: 'none' },
  ])('the activation %j is gelu', (activation) => {
    expect(specOf({ activation }).activation).toBe('gelu');
  });

  it.each([
    ['LeakyReLU', /model\.activation is "LeakyReLU"/],
    ['None', /model\.activation is "None"; expected one of/],
    [{ _target_: 'torch.nn.GELU', approximate: 'tanh' }, /model\.activation is .*approximate/],
    ["GELU(approximate='tanh')", /approximate='tanh'/],
    ['my.own.GELU', /my\.own\.GELU/],
    ['???', /never filled in/],
    ['${act}', /it refers to "act"/],
  ])('the activation %j is refused by name and never becomes a default', (activation, message) => {
    expect(() => specOf({ activation })).toThrow(message);
  });

  it.each([
    ['None', 'none'],
    ['no', 'none'],
    ['LayerNorm', 'layer'],
    [{ _target_: 'torch.nn.BatchNorm1d' }, 'batch'],
    ['nn.Identity', 'none'],
  ])('the norm %j is %s', (norm, expected) => {
    expect(specOf({ norm }).norm).toBe(expected);
  });

  it('refuses a norm with settings of its own', () => {
    expect(() => specOf({ norm: { _target_: 'torch.nn.LayerNorm', eps: 1e-3 } })).toThrow(/model\.norm is/);
  });

  it('take one width per hidden layer if all are equal, and refuse others by name', () => {
    const widths = (hidden_dim: unknown): number[] =>
      specOf({ hidden_dim }).layers.map(({ outputs }) => outputs);
    expect(widths([3, 3])).toEqual([3, 3, 2]);
    expect(widths('[3, 3]')).toEqual([3, 3, 2]);
    expect(() => widths([3, 4])).toThrow(/model\.hidden_dim is \[3,4\]: one width is expected/);
    expect(() => widths([3, 3, 3])).toThrow(/model\.hidden_dim is \[3,3,3\]/);
    expect(() => widths(['${a}', 3])).toThrow(/model\.hidden_dim/);
  });

  it('come out of what Weights & Biases wraps around them', () => {
    const wrapped = {
      wandb_version: 1,
      _wandb: { value: {} },
      model: { desc: null, value: model },
      lr: { value: 1 },
    };
    expect(resolved(wrapped)).toEqual({ model, lr: 1 });
  });
});

describe('what cannot be read', () => {
  const config = {
    model,
    dataset: { name: 'mnist', batch_size: '${batch}', val_split: 0.2 },
    optimizer: { name: 'adamw', lr: '???', betas: [0.9, '${b}'] },
    training: { num_epochs: '${eval:"5*1"}' },
    scheduler: 'cosine',
    init_seed: ['a', 2],
  };

  it('stops nothing that does not ask for it', () => {
    const read = readTolerantly(config, 'c.yaml').config;
    expect(resolveChain(read).layers).toHaveLength(3);
    expect(resolveData(read)).toMatchObject({ name: 'mnist', valFraction: 0.2 });
    expect(read.optimizer?.name).toBe('adamw');
    expect(() => read.optimizer?.lr).toThrow('c.yaml: optimizer.lr is "???": it was never filled in.');
    expect(() => resolveData(read).batchSize).toThrow('dataset.batch_size is "${batch}"');
    expect(() => ({ ...read.optimizer })).toThrow('optimizer');
  });

  it('is listed, each key once', () => {
    const keys = readTolerantly(config).problems.map(({ key }) => key);
    expect(keys.toSorted()).toEqual([
      'dataset.batch_size',
      'init_seed',
      'optimizer.betas',
      'optimizer.lr',
      'scheduler',
      'training.num_epochs',
    ]);
    expect(problemsOf({ model, my_own: '${x}', logging: { dir: '${hydra:runtime.cwd}' } })).toEqual([]);
  });

  it.each(Object.keys(model).filter((key) => key !== 'name'))(
    'blocks the network if it is model.%s',
    (key) => {
      expect(() => specOf({ [key]: '${nothing}' })).toThrow(`model.${key} is "\${nothing}"`);
      expect(() => specOf({ [key]: '???' })).toThrow(`model.${key} is "???"`);
    },
  );

  it('blocks the network if the whole section is meant, and the data if they are', () => {
    const read = readTolerantly({ model: '${models.mlp}', dataset: 'mnist' }, 'c.yaml').config;
    expect(() => resolveChain(read)).toThrow('c.yaml: model is "${models.mlp}"');
    expect(() => resolveData(read)).toThrow('c.yaml: dataset is "mnist"');
  });

  it('survives any values', () => {
    for (const value of [1, 'x', null, [], [[]], {}, { a: [] }, true, -1, Infinity, '${', '???'])
      for (const section of ['model', 'dataset', 'optimizer', 'training', 'logging', 'seed', 'init_seed'])
        for (const raw of [
          { [section]: value },
          { [section]: { name: value, layers: value, lr: value, parameter_names: { a: value } } },
        ])
          expect(() => readTolerantly(raw)).not.toThrow();
  });
});
