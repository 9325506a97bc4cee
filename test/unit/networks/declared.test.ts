/** Declarations and graphs: there and back, and what is refused, naming the field. */
import fc from 'fast-check';
import { networkDifference } from '../../../src-main/compute/networks/difference.ts';
import { describe, expect, it, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { checkGroups } from '../../../src-main/compute/networks/check-symmetries.ts';
import { readConfig, resolveModel } from '../../../src-shared/config.ts';
import type { DeclaredSpec } from '../../../src-shared/model.ts';
import { readDeclared } from '../../../src-shared/networks/declared.ts';
import { groupAxes } from '../../../src-shared/networks/declared-groups.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import { declarationOf } from '../../../src-shared/networks/write-declaration.ts';
import { randomDeclarations } from './random-declarations.ts';
import type { Layer } from './random-declarations.ts';
import { randomArrays } from './random-networks.ts';

const read = (value: unknown): DeclaredSpec => readDeclared(value, 'net.yaml');
const throughYaml = (value: unknown): unknown => parse(stringify(value, { lineWidth: 0 }));

/** With names for all of its groups. */
function named(spec: DeclaredSpec, layers: unknown): DeclaredSpec {
  const groups = groupAxes(symmetriesOf(readNetwork(spec.graph)));
  const permutations = Object.fromEntries(groups.map(({ axes }, i) => [`group ${i}`, axes.toReversed()]));
  return read({ layers, permutations });
}

describe('random declarations', () => {
  test('declaration -> graph -> YAML -> graph is the same graph', () => {
    fc.assert(
      fc.property(randomDeclarations, (declaration) => {
        const spec = read(throughYaml(declaration));
        for (const each of [spec, named(spec, declaration.layers)]) {
          const { description } = each;
          const name = description === undefined ? {} : { name: description };
          expect(read(throughYaml({ ...name, ...declarationOf(each) }))).toEqual(each);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('a config holds the same network in the same words', () => {
    fc.assert(
      fc.property(randomDeclarations, (declaration) => {
        const spec = read(declaration);
        const { name, ...words } = declaration;
        const model = { name: 'declared', ...(name !== undefined && { description: name }), ...words };
        expect(resolveModel(readConfig(throughYaml({ model })), 'config.yaml')).toEqual(spec);
      }),
      { numRuns: 50 },
    );
  });

  test('their groups leave the function as it is', () => {
    fc.assert(
      fc.property(randomDeclarations, fc.nat(), (declaration, seed) => {
        // Without an epsilon a norm divides by the rounding errors of equal entries, if not by 0.
        const layers = declaration.layers.map((layer) =>
          'norm' in layer ? { ...layer, norm: { ...(layer['norm'] as Layer), eps: 1e-3 } } : layer,
        );
        const network = readNetwork(read({ layers }).graph);
        const { groups } = symmetriesOf(network);
        for (const check of checkGroups(network, randomArrays(network, seed), groups))
          expect(check, JSON.stringify(check)).toMatchObject({ ok: true });
      }),
      { numRuns: 100 },
    );
  });

  test('an unknown field anywhere is refused by name', () => {
    fc.assert(
      fc.property(randomDeclarations, fc.nat(), (declaration, place) => {
        const copy = throughYaml(declaration) as { layers: Layer[] };
        const sections = [
          copy,
          ...copy.layers.flatMap((layer) => [
            layer,
            ...['linear', 'norm'].flatMap((op) => (op in layer ? [layer[op] as Layer] : [])),
          ]),
        ];
        Object.assign(sections[place % sections.length]!, { stride: 2 });
        expect(() => read(copy)).toThrow(/^net\.yaml: .*\bstride\b/);
      }),
      { numRuns: 200 },
    );
  });

  /** Field of a layer's operation -> values that are none. */
  const illFormed: Record<string, unknown[]> = {
    'linear.weight': [3, '', null],
    'linear.bias': [3, '', []],
    'linear.shape': [[1.5, 2], [0, 2], [3], 'x', null],
    'norm.kind': ['group', null, 1],
    'norm.weight': [1, ''],
    'norm.bias': [1, ''],
    'norm.shape': [[], [2, 2], [-1], 'x'],
    'norm.eps': [-1, '1e-5', Infinity],
    activation: ['softplus', null, {}],
    add: [[], 3, [''], null],
    name: ['', 3, 'input', null],
    from: ['', 3, 'nowhere', null],
  };

  test('an ill-formed field is refused by name', () => {
    fc.assert(
      fc.property(randomDeclarations, fc.nat(), fc.nat(), (declaration, which, value) => {
        const copy = throughYaml(declaration) as { layers: Layer[] };
        const fields = copy.layers.flatMap((layer, i) =>
          Object.keys(illFormed).flatMap((field) => {
            const [op = '', word] = field.split('.');
            return op in layer || ['name', 'from'].includes(op) ? [{ layer, i, field, op, word }] : [];
          }),
        );
        const { layer, i, field, op, word } = fields[which % fields.length]!;
        const values = illFormed[field]!;
        const wrong = values[value % values.length];
        Object.assign(word === undefined ? layer : (layer[op] as Layer), { [word ?? op]: wrong });
        expect(() => read(copy)).toThrow(`net.yaml: layers.${i}.${field}`);
      }),
      { numRuns: 400 },
    );
  });
});

const linear = (own: string, outputs: number, inputs: number): Layer => ({
  linear: { weight: `${own}.weight`, bias: `${own}.bias`, shape: [outputs, inputs] },
});

/** x -> p -> p + f(p) -> head, f sharing nothing. */
const residual = (): { layers: Layer[]; [word: string]: unknown } => ({
  layers: [
    { name: 'p', ...linear('project', 4, 6) },
    { activation: 'relu' },
    linear('block', 4, 4),
    { add: 'p' },
    linear('head', 3, 4),
  ],
});

const stream = [
  ['project.weight', 0],
  ['project.bias', 0],
  ['block.weight', 1],
  ['block.weight', 0],
  ['block.bias', 0],
  ['head.weight', 1],
] as [string, number][];

describe('a residual network', () => {
  it('has one group for its stream, and says why the other axes stay', () => {
    const { graph } = read(residual());
    const { groups, fixed } = symmetriesOf(readNetwork(graph));
    expect(groups.map(({ name, size }) => [name, size])).toEqual([['p', 4]]);
    expect(new Set(groupAxes({ groups })[0]!.axes.map(String))).toEqual(new Set(stream.map(String)));
    expect(fixed).toEqual([
      { parameter: 'project.weight', axis: 1, reason: 'input of the network' },
      { parameter: 'head.weight', axis: 0, reason: 'output of the network' },
      { parameter: 'head.bias', axis: 0, reason: 'output of the network' },
    ]);
  });

  it('takes the name of its group from the file', () => {
    const { graph } = read({ ...residual(), permutations: { stream } });
    expect(graph.groupNames).toEqual({ p: 'stream' });
    expect(symmetriesOf(readNetwork(graph)).groups[0]!.name).toBe('stream');
  });

  it.each<[string, unknown, string]>([
    ['lacks an axis', { s: stream.slice(1) }, 'permutations.s: it lacks [project.weight, 0].'],
    [
      'has one too many',
      { s: [...stream, ['head.bias', 0]] },
      'permutations.s: it should not have [head.bias, 0].',
    ],
    ['is there twice', { s: stream, t: stream }, 'permutations.t: it duplicates permutations.s.'],
    [
      'cannot move',
      { s: stream, t: [['head.bias', 0]] },
      'permutations.t: none of its axes can move: [head.bias, 0] is output of the network.',
    ],
    [
      'has an axis that is not there',
      { s: [['head.bias', 1]] },
      'permutations.s: "head.bias" has shape [3] and no axis 1.',
    ],
    ['is not written', {}, 'permutations: there is no group for [project.weight, 0]'],
    ['names no axis', { s: [['head.bias', 2]] }, 'permutations.s.0.1'],
  ])('a group that %s is refused', (_, permutations, message) => {
    expect(() => read({ ...residual(), permutations })).toThrow(message);
  });

  it.each<[string, (layers: Layer[]) => unknown, string]>([
    [
      'a sum with a value of another size',
      (l) => (l[3]!['add'] = 'input'),
      'layers.3.add: "input" has 6 entries, but the value that it is added to has 4.',
    ],
    [
      'a value that comes later',
      (l) => ((l[4]!['name'] = 'z'), (l[3]!['add'] = 'z')),
      'layers.3.add: "z" is layers.4, which does not come before.',
    ],
    [
      'a value that nobody named',
      (l) => (l[3]!['add'] = 'pp'),
      'layers.3.add: no layer has the name "pp". Did you mean "p"?',
    ],
    ['a name used twice', (l) => (l[1]!['name'] = 'p'), 'layers.1.name: "p" is the name of layers.0.'],
    [
      'a value that goes nowhere',
      (l) => (l[3] = { from: 'p', activation: 'relu' }),
      'layers.2: no later layer uses its value.',
    ],
    [
      'two operations in one layer',
      (l) => (l[1]!['add'] = 'p'),
      'layers.1: one of linear, norm, activation, add was expected, found activation and add.',
    ],
    [
      'a shared tensor of two shapes',
      (l) => (l[4] = { linear: { weight: 'block.weight', shape: [3, 4] } }),
      'layers.4.linear.weight: "block.weight" has the shape [3, 4] here and [4, 4] as layers.2.linear.weight',
    ],
    [
      'a tensor that is two things',
      (l) => l.splice(3, 1, { norm: { kind: 'layer', weight: 'project.bias', shape: [4] } }),
      'layers.3.norm.weight: "project.bias" is already layers.0.linear.bias',
    ],
    ['one linear layer', (l) => l.splice(1), 'layers: at least two linear layers are needed'],
    ['none', (l) => l.splice(0, 5, { activation: 'relu' }), 'layers: there is no linear layer.'],
    [
      'statistics of a layer norm',
      (l) => l.splice(1, 0, { norm: { kind: 'layer', running_mean: 'm', shape: [4] } }),
      'layers.1.norm.running_mean: "m": a layer norm keeps no statistics.',
    ],
    [
      'statistics of an RMS norm',
      (l) => l.splice(1, 0, { norm: { kind: 'rms', running_var: 'm', shape: [4] } }),
      'layers.1.norm.running_var: "m": an RMS norm keeps no statistics.',
    ],
  ])('refuses %s', (_, change, message) => {
    const declaration = residual();
    change(declaration.layers);
    expect(() => read(declaration)).toThrow(message);
  });

  it('refuses to ignore a tensor that a layer needs, not a counter', () => {
    const batch = {
      kind: 'batch',
      running_mean: 'bn.running_mean',
      running_var: 'bn.running_var',
      shape: [4],
    };
    const layers = [...residual().layers.slice(0, 1), { norm: batch }, linear('head', 3, 4)];
    expect(() => read({ layers, ignore: ['head.bias'] })).toThrow('ignore: "head.bias" belongs to a layer');
    expect(
      read({ layers, ignore: ['bn.num_batches_tracked'] }).graph.parameters.map(({ name }) => name),
    ).toEqual([
      ...['project.weight', 'project.bias', 'bn.running_mean', 'bn.running_var', 'bn.num_batches_tracked'],
      ...['head.weight', 'head.bias'],
    ]);
  });
});

it('a batch norm whose names have no dots brings no counter that nobody declared', () => {
  const norm = { kind: 'batch', running_mean: 'bn_running_mean', running_var: 'bn_running_var', shape: [4] };
  const layers = [linear('p', 4, 3), { norm }, linear('head', 2, 4)];
  const names = read({ layers }).graph.parameters.map(({ name }) => name);
  expect(names).toEqual([
    'p.weight',
    'p.bias',
    'bn_running_mean',
    'bn_running_var',
    'head.weight',
    'head.bias',
  ]);
});

describe('in a config', () => {
  const model = (change: object): unknown => ({ model: { name: 'declared', ...residual(), ...change } });
  it.each<[object, string]>([
    [{ hidden_dim: 5 }, 'c.yaml: model.hidden_dim has no effect on a declared network'],
    [{ permutations: { s: [] } }, 'c.yaml: model.permutations.s'],
    [{ permutations: { '': [['head.weight', 1]] } }, 'c.yaml: model.permutations'],
    [{ ignore: 'x' }, 'c.yaml: model.ignore'],
    [{ layers: [{ conv: {} }] }, 'c.yaml: model.layers.0: one of linear'],
    [{ description: 3 }, 'c.yaml: model.description is 3: text was expected.'],
  ])('%j is refused', (change, message) => {
    expect(() => resolveModel(readConfig(model(change), 'c.yaml'), 'c.yaml')).toThrow(message);
  });
});

describe('two graphs', () => {
  const network = readNetwork(read(residual()).graph);
  const other = (change: (layers: Layer[]) => unknown): string | undefined => {
    const declaration = residual();
    change(declaration.layers);
    return networkDifference(network, readNetwork(read(declaration).graph));
  };
  it('are one network whatever their values are called', () => {
    expect(other((l) => ((l[0]!['name'] = 'q'), (l[3]!['add'] = 'q')))).toBeUndefined();
  });
  it.each<[(layers: Layer[]) => unknown, string]>([
    [(l) => (l[1]!['activation'] = 'tanh'), 'relu is relu in one and tanh in the other'],
    [
      (l) => (l[4] = linear('head', 2, 4)),
      'head is linear from 4 to 3 in one and linear from 4 to 2 in the other',
    ],
    [
      (l) => (l[4] = linear('tail', 3, 4)),
      'head is with weight "head.weight", bias "head.bias" in one and with weight "tail.weight", bias "tail.bias" in the other',
    ],
    [(l) => l.splice(3, 1), 'add is add in one and missing in the other'],
    [
      (l) => l.splice(1, 3, l[2]!, l[1]!, l[3]!),
      'relu is activation of p in one and activation of block in the other',
    ],
  ])('differ: %#', (change, message) => {
    expect(other(change)).toBe(message);
  });
});
