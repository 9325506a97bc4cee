/** What names and shapes tell of a network, and by which name the others are refused. */
import { describe, expect, it } from 'vitest';
import { recogniseStateDict } from '../../../src-main/interop/adopt/state-dicts.ts';
import type { MlpFound } from '../../../src-main/interop/adopt/state-dicts.ts';

type Shapes = Record<string, number[]>;

const recognise = (shapes: Shapes) =>
  recogniseStateDict(new Map(Object.entries(shapes).map(([name, shape]) => [name, { shape }])));

/** Linear layers by module: `{ fc1: [outputs, inputs] }`; one number is a norm with running statistics or without. */
function dict(modules: Record<string, [number, number] | number>, batch = true): Shapes {
  const shapes: Shapes = {};
  for (const [path, size] of Object.entries(modules)) {
    const width = typeof size === 'number' ? size : size[0];
    shapes[`${path}.weight`] = typeof size === 'number' ? [size] : size;
    shapes[`${path}.bias`] = [width];
    if (typeof size !== 'number' || !batch) continue;
    shapes[`${path}.running_mean`] = [width];
    shapes[`${path}.running_var`] = [width];
  }
  return shapes;
}

const order = (found: ReturnType<typeof recognise>): string[] =>
  (found as MlpFound).layers.map(({ linear, norm }) => (norm === undefined ? linear : `${linear} ${norm}`));

describe('what is understood', () => {
  it.each<[string, Shapes, string[]]>([
    [
      'numbers as numbers, and a norm directly behind',
      dict({ 10: [3, 5], 0: [5, 7], 1: 5, 3: [5, 5], 4: 5, 6: [5, 5], 7: 5 }),
      ['0 1', '3 4', '6 7', '10'],
    ],
    [
      'a head behind a Sequential',
      dict({ head: [3, 5], 'body.2': [5, 5], 'body.0': [5, 7] }),
      ['body.0', 'body.2', 'head'],
    ],
    [
      'unnumbered names, if shapes leave one order',
      dict({ mid: [4, 6], last: [3, 4], start: [6, 7] }),
      ['start', 'mid', 'last'],
    ],
    [
      'blocks of blocks',
      dict({ 's2.b1.fc': [5, 5], 's10.b1.fc': [5, 5], 's2.b2.fc': [5, 5], 's1.b1.fc': [5, 7], out: [2, 5] }),
      ['s1.b1.fc', 's2.b1.fc', 's2.b2.fc', 's10.b1.fc', 'out'],
    ],
    [
      'numbers from 0 for norms and from 1 for layers',
      dict({ fc1: [5, 7], fc2: [5, 5], out: [3, 5], bn0: 5, bn1: 5 }),
      ['fc1 bn0', 'fc2 bn1', 'out'],
    ],
    [
      'lins with gaps, a Sequential of that name',
      dict({ 'lins.0': [5, 7], 'lins.2': [3, 5] }),
      ['lins.0', 'lins.2'],
    ],
  ])('%s', (_, shapes, layers) => {
    const found = recognise(shapes);
    expect(found.kind, JSON.stringify(found)).toBe('mlp');
    expect(order(found)).toEqual(layers);
  });

  it('says what it took for granted', () => {
    const found = recognise(dict({ 'body.1': [5, 7], 'body.4': [5, 5], head: [3, 5] })) as MlpFound;
    expect(found.notes).toEqual([
      expect.stringMatching(/^Before "body.1"/),
      expect.stringMatching(/^Between "body.1" and "body.4" are 2 modules/),
      expect.stringMatching(/^Between "body.4" and the last layer "head"/),
    ]);
  });

  it('the norms of the reference stand where the reference has them; others may not', () => {
    const reference = dict({ 'lins.0': [5, 7], 'lins.1': [3, 5], 'norms.0': 5 });
    expect(recognise(reference)).toMatchObject({ kind: 'mlp', normsTold: true });
    const other = dict({ 'layers.0': [5, 7], 'layers.1': [3, 5], 'norms.0': 5 });
    expect(recognise(other)).toMatchObject({ kind: 'mlp', normsTold: false });
  });
});

describe('what is refused', () => {
  const two = dict({ fc1: [5, 7], fc2: [3, 5] });
  it.each<[string, Shapes, RegExp, RegExp?]>([
    [
      'numbers that shapes contradict',
      dict({ fc1: [3, 5], fc2: [5, 7] }),
      /"fc2" \(7 to 5\) follows "fc1"/,
      /--architecture/,
    ],
    [
      'unnumbered squares',
      dict({ a: [5, 7], b: [5, 5], c: [5, 5], d: [3, 5] }),
      /neither names nor shapes/,
      /--architecture/,
    ],
    [
      'an encoder and a decoder',
      dict({ 'encoder.0': [6, 9], 'encoder.2': [2, 6], 'decoder.0': [4, 2], 'decoder.2': [8, 4] }),
      /activation is between "encoder.2" and "decoder.0"/,
      /--architecture/,
    ],
    [
      'a bare Sequential of linear layers',
      dict({ 0: [5, 7], 1: [3, 5] }),
      /nothing is between "0" and "1"/,
      /identity/,
    ],
    [
      'a norm behind the activation',
      dict({ 0: [5, 7], 2: 5, 3: [5, 5], 5: 5, 6: [3, 5] }),
      /norm after the activation: by their numbers, "2" does not directly follow "0"/,
    ],
    ['the same with layer norms', dict({ 0: [5, 7], 2: 5, 3: [3, 5] }, false), /norm after the activation/],
    ['a norm of the inputs', dict({ 0: 7, 1: [5, 7], 3: [3, 5] }), /before the first linear layer/],
    ['a norm behind the last layer', dict({ 0: [5, 7], 2: [3, 5], 3: 3 }), /belongs to the last layer "2"/],
    [
      'too few norms',
      dict({ 0: [5, 7], 1: 5, 3: [5, 5], 5: [3, 5] }),
      /1 norms for 2 hidden layers/,
      /--architecture/,
    ],
    [
      'norms numbered for the layer after',
      dict({ fc1: [5, 7], fc2: [5, 5], fc3: [5, 5], bn2: 5, bn3: 5 }),
      /"bn3" belongs to the last layer/,
    ],
    [
      'norms of two kinds',
      { ...dict({ fc1: [5, 7], fc2: [5, 5], fc3: [3, 5], n1: 5 }), ...dict({ n2: 5 }, false) },
      /several kinds/,
    ],
    [
      'batch norms without statistics',
      dict({ fc1: [5, 7], bn1: 5, fc2: [3, 5] }, false),
      /"bn1" is called a batch norm/,
    ],
    ['a group norm', dict({ fc1: [5, 7], gn1: 5, fc2: [3, 5] }, false), /"gn1" is called a norm other than/],
    ['a norm without bias', { ...two, 'norm1.weight': [5] }, /PReLU, an RMSNorm/],
    ['statistics in halves', { ...two, 'bn1.running_mean': [5] }, /without running_var/],
    [
      'a transposed weight',
      { ...two, 'fc1.weight': [7, 5] },
      /\[inputs, outputs\]: "fc1.weight" is \[7, 5\]/,
      /weight\.T/,
    ],
    ['a bias of another length', { ...two, 'fc1.bias': [6] }, /"fc1.bias" has shape \[6\]/],
    [
      'Flax kernels',
      { 'params.Dense_0.kernel': [7, 5], 'params.Dense_0.bias': [5] },
      /Flax or Keras \("params.Dense_0.kernel"\)/,
      /kernel\.T/,
    ],
    ['Keras kernels', { 'dense/kernel:0': [7, 5], 'dense/bias:0': [5] }, /Flax or Keras/, /kernel\.T/],
    [
      'no bias',
      { 'fc1.weight': [5, 7], 'fc2.weight': [3, 5], 'fc2.bias': [3] },
      /without a bias \("fc1"\)/,
      /--architecture/,
    ],
    [
      'no bias under the own names',
      { 'lins.0.weight': [5, 7], 'lins.1.weight': [3, 5] },
      /without a bias/,
      /--architecture/,
    ],
    [
      'weight norm',
      { ...two, 'fc1.weight_g': [5, 1], 'fc1.weight_v': [5, 7] },
      /weight norm .*weight_g/,
      /remove_weight_norm/,
    ],
    ['pruning', { ...two, 'fc1.weight_orig': [5, 7], 'fc1.weight_mask': [5, 7] }, /pruned/, /prune\.remove/],
    ['attention', { ...two, 'attn.q_proj.weight': [5, 5], 'attn.q_proj.bias': [5] }, /attention/],
    ['LoRA', { ...two, 'fc1.lora_A.weight': [2, 7] }, /LoRA/],
    ['an ensemble', dict({ 'experts.0': [5, 5], 'experts.1': [5, 5] }), /several branches/],
    ['a tensor of three axes', { ...two, 'stack.weight': [2, 5, 5] }, /3 axes/],
    ['what else lies there', { ...two, temperature: [1] }, /"temperature"/, /ignore/],
    ['no weights at all', { n_averaged: [] }, /no linear layer/],
    [
      'two models in one file',
      { ...dict({ '_orig_mod.fc1': [5, 7] }), ...two },
      /both "fc1\.weight"/,
      /one model/,
    ],
    [
      'norms of the reference, one missing',
      dict({ 'lins.0': [5, 7], 'lins.1': [5, 5], 'lins.2': [3, 5], 'norms.0': 5 }),
      /"norms\.1\.weight" is missing/,
    ],
  ])('%s', (_, shapes, reason, hint) => {
    const found = recognise(shapes);
    expect(found).toMatchObject({ kind: 'other', reason: expect.stringMatching(reason) });
    if (hint) expect(found).toMatchObject({ hint: expect.stringMatching(hint) });
  });

  it('integers are no weights', () => {
    const tensors = Object.entries(dict({ fc1: [5, 7], fc2: [3, 5] })).map(
      ([name, shape]) => [name, { shape, dtype: name === 'fc1.weight' ? 'int8' : 'float32' }] as const,
    );
    expect(recogniseStateDict(new Map(tensors))).toMatchObject({
      reason: expect.stringMatching(/int8: quantised/),
    });
  });
});
