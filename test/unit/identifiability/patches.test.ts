/** Measures of convolutions: those of a linear layer whose inputs are the patches. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { loadBackend, tensorCount } from '../../../src-main/compute/backend/index.ts';
import type { Double } from '../../../src-main/compute/backend/doubles.ts';
import type { Backend } from '../../../src-main/compute/backend/index.ts';
import type { Examples } from '../../../src-main/compute/data/index.ts';
import { anisotropiesOf } from '../../../src-main/compute/identifiability/anisotropy.ts';
import { recordMoments } from '../../../src-main/compute/identifiability/input-moments.ts';
import { layerWeights } from '../../../src-main/compute/identifiability/layer-weights.ts';
import type { LoadedNetwork } from '../../../src-main/compute/identifiability/layer-weights.ts';
import { SubspaceRecorder } from '../../../src-main/compute/identifiability/measure.ts';
import { costsOfLayers } from '../../../src-main/compute/identifiability/realization-cost.ts';
import { coherenceOf } from '../../../src-main/compute/identifiability/subspace.ts';
import type { HostTensor } from '../../../src-main/compute/models/index.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import type { Parameter } from '../../../src-shared/networks/graph.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';
import { job } from '../../support/job.ts';
import { writeResnetRun } from '../../support/written-resnets.ts';

type Pair = [number, number];
interface Convolution {
  channels: number;
  image: Pair;
  kernel: Pair;
  stride: Pair;
  padding: Pair;
}

const outputs = 6;
const families = ['standard', 'w-asymmetric', 'syre'] as const;
type Family = (typeof families)[number];

/** One layer with these weights, of that shape: equal numbers whatever the shape. */
function parametersOf(
  family: Family,
  shape: number[],
): { parameters: Parameter[]; state: LoadedNetwork['state'] } {
  const size = shape.reduce((a, b) => a * b);
  const stream = new RandomStream(5, family);
  const tensor = (data: Float32Array): HostTensor => ({ shape, data: Float32Array.from(data) });
  const mask = new Float32Array(size).fill(1);
  const inputs = size / outputs;
  // A sixth of every row is fixed; of the last one all.
  for (let row = 0; row < outputs; row++) {
    const fixed = row === outputs - 1 ? inputs : Math.max(1, Math.floor(inputs / 6));
    for (const at of stream.permutation(inputs).slice(0, fixed)) mask[row * inputs + at] = 0;
  }
  const state = new Map([
    ['layer.weight', tensor(stream.normals(size))],
    ['layer.fixed', tensor(stream.normals(size))],
    ['layer.mask', tensor(mask)],
  ]);
  const fixed = { tensor: 'layer.fixed', scale: 0.7 };
  const part = {
    standard: undefined,
    'w-asymmetric': { fixed, mask: 'layer.mask', support: 'fixed' as const },
    syre: { fixed, support: 'all' as const },
  }[family];
  const parameters: Parameter[] = [
    { name: 'layer.weight', shape, role: 'trained', ...(part && { family: part }) },
    { name: 'layer.fixed', shape, role: 'fixed' },
    { name: 'layer.mask', shape, role: 'fixed' },
  ];
  return { parameters, state };
}

function convolution(family: Family, { channels, image, kernel, ...attributes }: Convolution): LoadedNetwork {
  const { parameters, state } = parametersOf(family, [outputs, channels, ...kernel]);
  const graph = readNetwork({
    inputs: [{ id: 'input', shape: [channels, ...image] }],
    nodes: [
      { id: 'last', op: 'transpose', inputs: ['input'], attributes: { order: [1, 2, 0] } },
      { id: 'layer', op: 'conv2d', inputs: ['last'], parameters: { weight: 'layer.weight' }, attributes },
      { id: 'pool', op: 'pool', inputs: ['layer'], attributes: { kind: 'global_average' } },
    ],
    ...{ parameters, output: 'pool' },
  });
  return { run: { graph }, state };
}

function linear(family: Family, inputs: number): LoadedNetwork {
  const { parameters, state } = parametersOf(family, [outputs, inputs]);
  const nodes = [{ id: 'layer', op: 'linear', inputs: ['input'], parameters: { weight: 'layer.weight' } }];
  const graph = readNetwork({
    inputs: [{ id: 'input', shape: [inputs] }],
    nodes,
    parameters,
    output: 'layer',
  });
  return { run: { graph }, state };
}

const rowsOf = (x: Float32Array, features: number): Examples => {
  const count = x.length / features;
  return { count, features, x: Float32Array.from(x), labels: new Int32Array(count) };
};

/** Correlated, with means that are not zero. */
function imagesOf({ channels, image }: Convolution, count: number): Examples {
  const features = channels * image[0] * image[1];
  const stream = new RandomStream(8, 'images');
  const shared = stream.normals(count);
  const x = stream
    .normals(count * features)
    .map((value, i) => value + shared[Math.floor(i / features)]! + 0.5);
  return rowsOf(x, features);
}

const still = () => Promise.resolve();

async function measured(backend: Backend, model: LoadedNetwork, examples: Examples) {
  const recorder = new SubspaceRecorder(backend, examples, ['layer'], 0.9);
  const [space] = await Promise.all(await recorder.subspaces(model, still));
  const options = { between: still, doubles: backend.native?.doubles };
  const [costs] = await costsOfLayers(model, [Promise.resolve(space!)], options);
  const { mask } = layerWeights(model, 'layer');
  const { patches, ...fields } = costs!;
  return {
    patches,
    numbers: {
      ...fields,
      coherence: coherenceOf(space!),
      singularValues: [...space!.singularValues],
      anisotropies: mask ? anisotropiesOf(space!, mask, 0.6).of(0, outputs) : [],
    },
  };
}

/** Numbers of a tree, with names of where they are. */
function numbersIn(tree: unknown, at = ''): [string, number][] {
  if (typeof tree === 'number') return [[at, tree]];
  if (tree === null || typeof tree !== 'object') return [];
  const entries = ArrayBuffer.isView(tree) ? [...(tree as Float64Array).entries()] : Object.entries(tree);
  return entries.flatMap(([key, value]) => numbersIn(value, `${at}.${key}`));
}

function expectSame(found: object, expected: object): void {
  const [a, b] = [numbersIn(found), numbersIn(expected)];
  expect(a.map(([at]) => at)).toEqual(b.map(([at]) => at));
  const scale = Math.max(...b.map(([, value]) => Math.abs(value)));
  a.forEach(([at, value], i) => {
    expect(Math.abs(value - b[i]![1]), at).toBeLessThan(1e-10 * scale);
  });
}

/** The patches of images, by the definition: [images * positions, channels * kernel], as F.unfold has them. */
function unfolded({ x, count, features }: Examples, of: Convolution): Float32Array {
  const { channels, image, kernel, stride, padding } = of;
  const [high, wide] = ([0, 1] as const).map(
    (k) => Math.floor((image[k] + 2 * padding[k] - kernel[k]) / stride[k]) + 1,
  ) as Pair;
  const out: number[] = [];
  for (let n = 0; n < count; n++)
    for (let top = 0; top < high; top++)
      for (let left = 0; left < wide; left++)
        for (let c = 0; c < channels; c++)
          for (let y = 0; y < kernel[0]; y++)
            for (let z = 0; z < kernel[1]; z++) {
              const [row, column] = [top * stride[0] + y - padding[0], left * stride[1] + z - padding[1]];
              const inside = row >= 0 && row < image[0] && column >= 0 && column < image[1];
              out.push(inside ? x[n * features + (c * image[0] + row) * image[1] + column]! : 0);
            }
  return Float32Array.from(out);
}

let native: Backend;
let host: Backend;
beforeAll(async () => {
  native = await loadBackend();
  const { native: _without, ...rest } = native;
  host = rest;
});

const plain = { stride: [1, 1] as Pair, padding: [0, 0] as Pair };
const whole: Convolution = { channels: 3, image: [3, 4], kernel: [3, 4], ...plain };
const single: Convolution = { channels: 7, image: [3, 5], kernel: [1, 1], ...plain };
const strided: Convolution = { channels: 2, image: [5, 6], kernel: [3, 3], stride: [2, 2], padding: [1, 1] };
const uneven: Convolution = { channels: 3, image: [6, 7], kernel: [2, 3], stride: [1, 2], padding: [0, 1] };

describe.each(families)('%s', (family) => {
  describe.each(['native', 'host'])('%s', (which) => {
    const backend = () => (which === 'native' ? native : host);

    test('a kernel as large as the image: the linear layer of the flattened images', async () => {
      const images = imagesOf(whole, 90);
      const found = await measured(backend(), convolution(family, whole), images);
      const expected = await measured(backend(), linear(family, 36), images);
      expectSame(found.numbers, expected.numbers);
      expect(found.patches).toMatchObject({ count: 90, images: 90, positions: 1, kernel: [3, 4] });
      expect(expected.patches).toBeUndefined();
    });

    test('single pixels: the linear layer on the pixels', async () => {
      const images = imagesOf(single, 40);
      const pixels = Float32Array.from({ length: images.x.length }, (_, i) => {
        const [row, channel] = [Math.floor(i / 7), i % 7];
        return images.x[Math.floor(row / 15) * 105 + channel * 15 + (row % 15)]!;
      });
      const found = await measured(backend(), convolution(family, single), images);
      const expected = await measured(backend(), linear(family, 7), rowsOf(pixels, 7));
      expectSame(found.numbers, expected.numbers);
      expect(found.patches).toMatchObject({ count: 600, images: 40, positions: 15 });
    });

    test.each([
      ['3 x 3, stride 2, padding 1', strided],
      ['2 x 3, uneven', uneven],
    ])('%s: the linear layer on the patches', async (_name, of) => {
      const images = imagesOf(of, 60);
      const size = of.channels * of.kernel[0] * of.kernel[1];
      const patches = rowsOf(unfolded(images, of), size);
      const found = await measured(backend(), convolution(family, of), images);
      const expected = await measured(backend(), linear(family, size), patches);
      expectSame(found.numbers, expected.numbers);
      expect(found.patches).toEqual({
        ...{ count: patches.count, images: 60, positions: patches.count / 60 },
        ...{ kernel: of.kernel, stride: of.stride, padding: of.padding },
      });
    });
  });
});

test('the patches are those of PyTorch', async () => {
  const file = fileURLToPath(new URL('../../fixtures/patches/unfold.json', import.meta.url));
  const golden = JSON.parse(readFileSync(file, 'utf8')) as Record<'images' | 'patches', number[]>;
  const images = rowsOf(Float32Array.from(golden.images), 60);
  const patches = rowsOf(Float32Array.from(golden.patches), 18);
  expect([...unfolded(images, strided)]).toEqual(golden.patches);
  for (const backend of [native, host]) {
    const found = await measured(backend, convolution('w-asymmetric', strided), images);
    expectSame(found.numbers, (await measured(backend, linear('w-asymmetric', 18), patches)).numbers);
  }
});

test('they are cut and summed chunk by chunk, however many images there are', async () => {
  const of: Convolution = { channels: 4, image: [64, 64], kernel: [3, 3], stride: [1, 1], padding: [1, 1] };
  const windows = vi.spyOn(native.native!.doubles, 'windows');
  const before = tensorCount(native);
  const model = convolution('standard', of);
  const most: number[] = [];
  for (const count of [150, 300]) {
    windows.mockClear();
    const [moments] = await recordMoments(native, model, imagesOf(of, count), ['layer'], still);
    expect(moments!.count).toBe(count * 4096);
    const cut = windows.mock.results.map(({ value }) => sizeOf((value as Double).shape));
    most.push(Math.max(...cut));
    expect(cut.length).toBeGreaterThan(1);
    expect(cut.reduce((a, b) => a + b)).toBe(count * 4096 * 36);
  }
  expect(Math.max(...most)).toBeLessThanOrEqual(2 ** 25 / 2);
  windows.mockRestore();
  expect(tensorCount(native)).toEqual(before);
});

test('an input that is not finite is named by its channel', async () => {
  const images = imagesOf(strided, 10);
  images.x[4 * 60 + 30 + 7] = Infinity;
  await expect(measured(native, convolution('standard', strided), images)).rejects.toThrow(
    'channel 1 of the data (input of layer) is not a finite number for every example',
  );
});

describe('jobs about residual networks', () => {
  const root = mkdtempSync(join(tmpdir(), 'basin-patches-'));
  afterAll(() => {
    rmSync(root, { recursive: true, force: true });
  });
  let run: string;
  beforeAll(() => {
    run = writeResnetRun(join(root, 'run'), { models: 1, train: 24, symmetry: 1, norm: 'group' });
  });
  interface Layer {
    layer: string;
    patches?: { count: number };
    transposition_cost_squared: { rows: number; data: Float64Array };
    anisotropy_operator_norms: number[];
  }
  const ask = <K extends string>(kind: string, more: object = {}) =>
    job<Record<K, Layer[]>>(kind, { run, epoch: 1, ...more });

  test('every convolution and the linear layer by the names of their modules, and the same swap costs', async () => {
    const { realization_cost_results: costs } = await ask<'realization_cost_results'>('realization-cost');
    expect(costs).toHaveLength(22);
    expect(costs.map(({ layer }) => layer)).toEqual(
      expect.arrayContaining(['conv1', 'layer1.0.conv1', 'layer2.0.shortcut.0', 'layer3.2.conv2', 'linear']),
    );
    expect(costs.map(({ patches }) => patches?.count)).toContain(24 * 1024);
    expect(costs.at(-1)).not.toHaveProperty('patches');
    const layers = ['layer2.0.shortcut.0', 'layer3.2.conv2'];
    const more = { layers, randomCount: 3 };
    const { sensitivity_results: some } = await ask<'sensitivity_results'>('permutation-sensitivity', more);
    expect(some.map(({ layer }) => layer)).toEqual(layers);
    for (const { layer, transposition_cost_squared: swaps, patches } of some) {
      const same = costs.find((each) => each.layer === layer)!;
      expectSame(swaps, same.transposition_cost_squared);
      expect(patches).toEqual(same.patches);
    }
  });

  test('coherence, with the output of the model', async () => {
    const { coherence_results: found } = await ask<'coherence_results'>('subspace-coherence');
    expect(found).toHaveLength(23);
    for (const { anisotropy_operator_norms: norms } of found.slice(0, -1))
      expect(norms.every((norm) => norm > 0 && norm <= 1)).toBe(true);
  });

  test('a layer that is not there is named, with those that are', async () => {
    await expect(ask('realization-cost', { layers: ['conv2'] })).rejects.toThrow(
      /layers: the models have no layer "conv2"; there are conv1, layer1\.0\.conv1, .*linear/,
    );
  });

  test('ridge costs are refused by name', async () => {
    await expect(ask('realization-cost-ridge')).rejects.toThrow(
      /describes a network with convolutions; ridge costs are fitted for networks without any/,
    );
  });
});
