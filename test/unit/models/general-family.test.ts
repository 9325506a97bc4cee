/** W_eff = F + D * W of the families of `model.family`: what is drawn, what acts, what is counted, what is refused. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { assertSameFixedPart, initialise, numParameters } from '../../../src-main/compute/models/index.ts';
import { actingArrays, actingDoubles, sigmaOf } from '../../../src-main/compute/networks/effective.ts';
import { givenTensors, withGivenFamily } from '../../../src-main/formats/given-family.ts';
import { encodeNpy, writeNpy } from '../../../src-main/formats/npy.ts';
import { loadTrainingConfig } from '../../../src-main/formats/presets.ts';
import { writeSafetensors } from '../../../src-main/formats/safetensors.ts';
import type { TensorValue } from '../../../src-main/formats/tensor.ts';
import { resolveModel } from '../../../src-shared/config.ts';
import type { RunConfig } from '../../../src-shared/config.ts';
import { generalFamilies } from '../../../src-shared/domain.ts';
import type { MlpSpec } from '../../../src-shared/model.ts';
import { countsOf } from '../../../src-shared/networks/counts.ts';
import { fixedPartText, zerosOf } from '../../../src-shared/networks/general-family.ts';
import { mlpGraph } from '../../../src-shared/networks/mlp.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import { givenFor } from '../../support/general-family.ts';
import { specOf } from '../networks/random-models.ts';

const root = mkdtempSync(join(tmpdir(), 'basin-families-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const seeds = { init: [1, 2], mask: 9 };
const made = (spec: MlpSpec) => initialise(spec, { ...seeds, given: givenFor(spec) });

/** F + D * W in plain doubles, from the definitions and not from the graph. */
function expected(spec: MlpSpec, state: ReturnType<typeof made>[0], name: string): number[] {
  const of = (tensor: string) => state.get(tensor)?.data;
  const [, number, word] = /^lins\.(\d)\.(weight|bias)$/.exec(name)!;
  const { inputs, outputs, sigmaF, index } = spec.layers[Number(number)]!;
  const raw = of(name)!;
  const residual =
    spec.general?.name === 'linear-residual' &&
    word === 'weight' &&
    inputs === outputs &&
    index < spec.layers.length - 1;
  const alpha = spec.general?.name === 'linear-residual' ? spec.general.alpha : 0;
  const scale = spec.family === 'bias-only' ? sigmaF : 1;
  return Array.from(raw, (w, k) => {
    const d = of(`${name}.D`)?.[k] ?? 1;
    const f = residual ? (k % (inputs + 1) === 0 ? alpha : 0) : scale * (of(`${name}.F`)?.[k] ?? 0);
    return f + d * w;
  });
}

describe.each(generalFamilies)('%s', (family) => {
  const spec = specOf({ family, norm: 'layer' });
  const network = readNetwork(mlpGraph(spec));
  const [first, second] = made(spec);

  it('acts as F + D * W, in double precision and as float32', () => {
    const [doubles, floats] = [actingDoubles(network, first!), actingArrays(network, first!)];
    let parts = 0;
    for (const { name, family: part } of network.graph.parameters) {
      if (!/^lins\.\d\.(weight|bias)$/.test(name)) continue;
      if (part) parts++;
      expect(Array.from(doubles.get(name)!.data)).toEqual(expected(spec, first!, name).map((v) => v + 0));
      const exact = doubles.get(name)!.data;
      floats.get(name)!.data.forEach((value, k) => {
        expect(Math.abs(value - exact[k]!)).toBeLessThan(3e-7 * Math.max(1, Math.abs(exact[k]!)));
      });
    }
    expect(parts).toBeGreaterThan(0);
  });

  it('shares F and D among the models of a run, and nothing else; D has zeros, under which 0 is stored', () => {
    for (const [name, { data }] of first!) {
      const same = data.every((value, k) => value === second!.get(name)!.data[k]);
      expect([name, same]).toEqual([name, /\.[FD]$/.test(name) || name.startsWith('norms')]);
      if (!name.endsWith('.D')) continue;
      expect(data.some((value) => value === 0)).toBe(true);
      const weight = first!.get(name.slice(0, -2))!.data;
      data.forEach((value, k) => expect([name, k, value !== 0 || weight[k] === 0]).toEqual([name, k, true]));
    }
  });

  it('counts what is trained and what is fixed as they are counted entry by entry', () => {
    let [trained, fixed] = [0, 0];
    for (const { name, role } of network.graph.parameters) {
      if (role !== 'trained') continue;
      const [f, d] = [first!.get(`${name}.F`)?.data, first!.get(`${name}.D`)?.data];
      first!.get(name)!.data.forEach((_, k) => {
        if (d?.[k] !== 0) trained++;
        if (d?.[k] === 0 || (f !== undefined && f[k] !== 0)) fixed++;
      });
    }
    expect(countsOf(network.graph)).toMatchObject({ trained, fixed });
    expect(numParameters(spec).free).toBe(trained);
  });

  it('is compared with models of the same fixed part only', () => {
    const model = (state: typeof first, of = spec) => ({ spec: of, state: state!, name: 'a' });
    expect(() => {
      assertSameFixedPart(model(first), model(second));
    }).not.toThrow();
    const plain: MlpSpec = {
      ...spec,
      family: 'standard',
      layers: spec.layers.map((l) => ({ ...l, sigmaF: 0, numFixed: 0 })),
    };
    delete plain.general;
    const standard = initialise(plain, seeds)[0];
    for (const [a, b] of [
      [model(first), model(standard, plain)],
      [model(standard, plain), model(first)],
    ] as const)
      expect(() => {
        assertSameFixedPart(a, b);
      }).toThrow(/architectures differ: a .*not set/);
    const changed = new Map(first);
    const shared = [...first!.keys()].find((name) => /\.[FD]$/.test(name))!;
    const data = first!.get(shared)!.data.slice();
    data[0] = 1 - data[0]!;
    changed.set(shared, { ...first!.get(shared)!, data });
    expect(() => {
      assertSameFixedPart(model(first), model(changed));
    }).toThrow(`the fixed tensor "${shared}" differs`);
  });

  it('has a sigma_F only if F is drawn', () => {
    const scales = network.graph.parameters.flatMap((parameter) =>
      parameter.family ? [sigmaOf(network, parameter)] : [],
    );
    const drawn = family === 'bias-only' ? spec.layers.map(({ sigmaF }) => sigmaF) : undefined;
    if (drawn) expect(scales).toEqual(drawn);
    else if (family === 'sparse') expect(scales.every((scale) => scale === 0)).toBe(true);
    else expect(scales).toContain(null);
    expect(fixedPartText(spec)).toMatch(/lins|share|biases/);
  });
});

it('a share fixes round(share * inputs) weights of every neuron, and leaves one', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.01, max: 0.99, noNaN: true }),
      fc.integer({ min: 1, max: 900 }),
      (share, inputs) => {
        expect(zerosOf(share, inputs)).toBe(Math.min(Math.round(share * inputs), inputs - 1));
      },
    ),
  );
  const spec = resolveModel(loadTrainingConfig('sparse-small', ['model.family.share=0.25'])) as MlpSpec;
  const d = initialise(spec, seeds)[0]!.get('lins.0.weight.D')!.data;
  for (let row = 0; row < 64; row++)
    expect(d.subarray(row * 784, (row + 1) * 784).filter((value) => value === 0)).toHaveLength(196);
});

describe('a config', () => {
  const resolve = (...overrides: string[]) => resolveModel(loadTrainingConfig('standard-small', overrides));

  it.each([
    [['model.family.name=sparce'], /model\.family\.name is "sparce".*Did you mean "sparse"/],
    [['model.family.alpha=1'], /model\.family\.alpha has no effect: model\.family\.name is not set/],
    [['model.family={alpha: 1}'], /has no effect|name is missing/],
    [['model.family={name: sparse}'], /model\.family\.share is missing; a number was expected/],
    [['model.family={name: sparse, share: 1}'], /model\.family\.share is 1; a number between 0 and 1/],
    [['model.family={name: sparse, share: 0.0001}'], /nothing would be fixed/],
    [['model.family={name: sparse, share: 0.5, alpha: 1}'], /model\.family\.alpha has no effect.*sparse/],
    [['model.family={name: bias-only, sigma_f: -1}'], /model\.family\.sigma_f is -1; a number of at least 0/],
    [
      ['model.family={name: bias-only, sigma_f: 1}', 'model.norm=batch'],
      /takes the biases of hidden layers out/,
    ],
    [
      ['model.family={name: sparse, share: 0.5}', 'model.norm=layer_linear'],
      /sparse networks take layer, batch, rms or null/,
    ],
    [
      ['model.family={name: sparse, share: 0.5}', 'model.symmetry=2'],
      /model\.symmetry is 2 and model\.family\.name is sparse/,
    ],
    [
      ['model.family={name: linear-residual, alpha: 1}', 'model.num_layers=2'],
      /no hidden layer has as many units/,
    ],
    [
      ['model.family={name: linear-residual, alpha: 1}', 'sigma_f=1'],
      /sigma_f has no effect.*set in model\.family/,
    ],
    [['model.family={name: linear-residual, alpha: 1}', 'mask_seed=1'], /mask_seed has no effect.*not drawn/],
    [
      ['model.family={name: given, file: /x.npz}'],
      /what \/x\.npz \(model\.family\.file\) holds is not recorded/,
    ],
    [['model.family={name: given}'], /model\.family\.file is missing/],
  ])('%j is refused with the reason', (overrides, message) => {
    expect(() => resolve(...overrides)).toThrow(message);
  });

  it('may leave model.symmetry out, and has the activation of standard networks then', () => {
    const spec = resolveModel({
      model: {
        ...{ input_dim: 6, hidden_dim: 6, output_dim: 3, num_layers: 3, norm: null },
        family: { name: 'linear-residual', alpha: 2 },
      },
    } as RunConfig);
    expect(spec).toMatchObject({ family: 'linear-residual', activation: 'relu', norm: 'none' });
    // The first layer is square too.
    expect(fixedPartText(spec as MlpSpec)).toBe('F = 2 I on lins.0, lins.1; lins.2 is plain');
  });
});

describe('a file of F and D', () => {
  const float = (shape: number[], values: number[]): TensorValue => ({
    ...{ dtype: 'float32', shape },
    data: Float32Array.from(values),
  });
  const tensors = new Map<string, TensorValue>([
    ['lins.0.weight.D', float([2, 3], [1, 0, 1, 0, 1, 1])],
    ['lins.0.weight.F', float([2, 3], [0, 0.5, 0, 0, -2, 0])],
    ['lins.1.bias.F', float([2], [0, 3])],
  ]);
  const config = (file: string): RunConfig =>
    ({
      model: {
        ...{ input_dim: 3, hidden_dim: 2, output_dim: 2, num_layers: 2, norm: null, activation: 'relu' },
        family: { name: 'given', file },
      },
    }) as RunConfig;
  let count = 0;
  const saved = (of: ReadonlyMap<string, TensorValue>): string => {
    const path = join(root, `${++count}.safetensors`);
    writeSafetensors(path, of);
    return path;
  };

  it('is the same in every format: what it fixes is recorded with a hash of its contents', () => {
    const folder = join(root, 'npy');
    mkdirSync(folder);
    for (const [name, value] of tensors) writeNpy(join(folder, `${name}.npy`), value);
    const npz = join(root, 'f.npz');
    writeFileSync(
      npz,
      zipSync(Object.fromEntries([...tensors].map(([name, value]) => [`${name}.npy`, encodeNpy(value)]))),
    );
    const found = [saved(tensors), folder, npz].map((path) => withGivenFamily(config(path)).model!.family!);
    expect(found[0]!.parts).toEqual([
      { parameter: 'lins.0.weight', tensors: ['F', 'D'], zeros: 2, fixed: 3 },
      { parameter: 'lins.1.bias', tensors: ['F'], zeros: 0, fixed: 1 },
    ]);
    for (const one of found) expect([one.sha256, one.parts]).toEqual([found[0]!.sha256, found[0]!.parts]);
  });

  it('makes models of W_eff = F + D * W', () => {
    const recorded = withGivenFamily(config(saved(tensors)));
    const spec = resolveModel(recorded) as MlpSpec;
    const state = initialise(spec, { ...seeds, given: givenTensors(recorded) })[0]!;
    const network = readNetwork(mlpGraph(spec));
    const [w, b] = [state.get('lins.0.weight')!.data, state.get('lins.1.bias')!.data];
    const acting = actingDoubles(network, state);
    expect(Array.from(acting.get('lins.0.weight')!.data)).toEqual([w[0], 0.5, w[2], 0, w[4]! - 2, w[5]]);
    expect(Array.from(acting.get('lins.1.bias')!.data)).toEqual([b[0], b[1]! + 3]);
    expect(numParameters(spec)).toEqual({ total: 14, free: 12 });
  });

  it('that has changed, or is gone, makes no new models', () => {
    const path = saved(tensors);
    const recorded = withGivenFamily(config(path));
    writeSafetensors(path, new Map([...tensors, ['lins.1.bias.F', float([2], [0, 4])]]));
    expect(() => givenTensors(recorded)).toThrow(/its contents are not those that config records/);
    rmSync(path);
    expect(() => givenTensors(recorded)).toThrow(/there is no such file \(model\.family\.file\)/);
    // What exists needs it no more.
    expect(withGivenFamily(recorded)).toBe(recorded);
  });

  it.each<[string, [string, TensorValue][], RegExp]>([
    ['no tensor', [], /it holds no tensor/],
    [
      'another name',
      [['lins.0.weight', float([2, 3], [1, 1, 1, 1, 1, 1])]],
      /"lins\.0\.weight" is neither an F nor a D/,
    ],
    ['no place', [['lins.5.bias.F', float([2], [1, 1])]], /"lins\.5\.bias\.F" belongs to no weight or bias/],
    ['a norm', [['norms.0.weight.F', float([2], [1, 1])]], /belongs to no weight or bias/],
    ['a shape', [['lins.0.bias.F', float([3], [1, 1, 1])]], /\[3\]; "lins\.0\.bias" has \[2\]/],
    ['a mask', [['lins.0.bias.D', float([2], [1, 0.5])]], /entry 1 is 0\.5; 0 \(fixed\) or 1 \(trained\)/],
    ['a number', [['lins.0.bias.F', float([2], [1, NaN])]], /entry 1 is NaN; a finite number was expected/],
  ])('with %s that does not fit is refused by name', (_, of, message) => {
    const path = saved(new Map(of));
    expect(() => withGivenFamily(config(path))).toThrow(message);
    expect(() => withGivenFamily(config(path))).toThrow(path);
  });

  it('in another format is refused with what is taken', () => {
    const path = join(root, 'f.pt');
    writeFileSync(path, 'x');
    expect(() => withGivenFamily(config(path))).toThrow(/a \.safetensors or \.npz file, or a folder/);
  });
});
