/** Subspaces of awkward data: dead neurons, too few samples, values that are not numbers; both ways to compute them. */
import { describe, expect, test } from 'vitest';
import { loadBackend, tensorCount } from '../../../src-main/compute/backend/index.ts';
import type { Backend } from '../../../src-main/compute/backend/index.ts';
import type { LoadedNetwork } from '../../../src-main/compute/identifiability/layer-weights.ts';
import { placesOf, recordMoments } from '../../../src-main/compute/identifiability/input-moments.ts';
import { HostSums, subspaceOf } from '../../../src-main/compute/identifiability/subspace.ts';
import { svd } from '../../../src-main/compute/linalg/svd.ts';
import { initialise } from '../../../src-main/compute/models/index.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import type { Activation, Family, Norm } from '../../../src-shared/domain.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { MlpSpec } from '../../../src-shared/model.ts';
import { mlpGraph } from '../../../src-shared/networks/mlp.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';

const place = (width: number) => ({
  ...{ layer: 'lins.2', hookMode: 'RecordInput' as const, width },
  from: 'lins.1',
});

function momentsOf(rows: Float64Array, width: number, blocks = 1) {
  const sums = new HostSums(place(width));
  const size = rows.length / blocks;
  for (let b = 0; b < blocks; b++) sums.add(rows.subarray(b * size, (b + 1) * size));
  return sums.finish();
}

const data = (count: number, width: number, seed = 1) => {
  const stream = new RandomStream(seed, 'subspace');
  return Float64Array.from({ length: count * width }, (_, k) => (1 + (k % width)) * stream.normal() + 5);
};

describe('the subspace of data', () => {
  test('singular values are those of the centred matrix, however the rows arrive', () => {
    const rows = data(60, 8);
    const mean = Array.from(
      { length: 8 },
      (_, j) => rows.reduce((s, v, k) => s + (k % 8 === j ? v : 0), 0) / 60,
    );
    const expected = svd(
      rows.map((value, k) => value - mean[k % 8]!),
      60,
      8,
    ).values;
    for (const blocks of [1, 4, 20]) {
      const { singularValues } = subspaceOf(momentsOf(rows, 8, blocks), 0.9);
      for (const [k, value] of expected.entries()) expect(singularValues[k]! / value).toBeCloseTo(1, 11);
    }
  });

  test('a mean a million times the spread costs no digits that matter', () => {
    const rows = data(60, 8).map((value) => value + 1e6);
    const { singularValues } = subspaceOf(momentsOf(rows, 8, 4), 0.9);
    const expected = subspaceOf(momentsOf(data(60, 8), 8), 0.9).singularValues;
    for (const [k, value] of expected.entries()) expect(singularValues[k]! / value).toBeCloseTo(1, 8);
  });

  test('fewer samples than width: at most N - 1 dimensions, min(N, d) singular values', () => {
    const space = subspaceOf(momentsOf(data(5, 30), 30), 1);
    expect(space.dimension).toBe(4);
    expect(space.singularValues).toHaveLength(5);
    expect(space.singularValues[4]).toBe(0);
    expect(space.explained).toBe(1);
  });

  test('a dead neuron has no part in the subspace', () => {
    const rows = data(50, 6).map((value, k) => (k % 6 === 2 ? 0.25 : value));
    const { basis, dimension } = subspaceOf(momentsOf(rows, 6), 1);
    expect(dimension).toBe(5);
    for (let k = 0; k < dimension; k++) expect(Math.abs(basis[2 * dimension + k]!)).toBeLessThan(1e-14);
  });

  test('nothing varies: an error that names the layer', () => {
    expect(() => subspaceOf(momentsOf(new Float64Array(40).fill(3), 4), 0.9)).toThrow(
      /lins\.2.*no entry varies/,
    );
  });

  test('one example has no variance', () => {
    expect(() => momentsOf(data(1, 4), 4)).toThrow(UserError);
  });

  test.each([NaN, Infinity])('%s is named by layer and neuron', (bad) => {
    const rows = data(20, 4);
    rows[4 * 7 + 3] = bad;
    expect(() => momentsOf(rows, 4)).toThrow(/neuron 3 of layer lins\.1 \(input 3 of lins\.2\)/);
  });
});

function networkOf(family: Family, norm: Norm, activation: Activation): LoadedNetwork {
  const widths = [12, 9, 7, 4];
  const layers = widths.slice(1).map((outputs, index) => ({
    ...{ index, inputs: widths[index]!, outputs, normalMask: true },
    ...{ sigmaF: family === 'w-asymmetric' || family === 'syre' ? 0.7 : 0 },
    numFixed: family === 'w-asymmetric' ? 3 : 0,
  }));
  const spec: MlpSpec = {
    ...{
      architecture: 'mlp',
      family,
      layers,
      norm,
      elementwiseAffine: true,
      activation,
      asymInitOnly: false,
    },
  };
  const state = initialise(spec, { init: [4], mask: 2 })[0]!;
  return { run: { graph: readNetwork(mlpGraph(spec)) }, state };
}

const x = new RandomStream(9, 'x').normals(3000 * 12);
const examples = { count: 3000, features: 12, x, labels: new Int32Array(3000) };

async function record(backend: Backend, model: LoadedNetwork) {
  const wanted = placesOf(model.run.graph).map(({ layer }) => layer);
  return recordMoments(backend, model, examples, wanted, () => Promise.resolve());
}

describe('TensorFlow’s double kernels and plain TypeScript agree', () => {
  test.each([
    ['standard', 'layer', 'gelu'],
    ['w-asymmetric', 'batch', 'relu'],
    ['syre', 'layer_linear', 'tanh'],
    ['standard', 'batch_linear', 'identity'],
    ['sigma-asymmetric', 'none', 'gelu'],
  ] as const)('%s, norm %s, %s', async (family, norm, activation) => {
    const backend = await loadBackend();
    if (!backend.native) return;
    const model = networkOf(family, norm, activation);
    const before = tensorCount(backend);
    const native = await record(backend, model);
    expect(tensorCount(backend)).toEqual(before);
    const { native: _without, ...plain } = backend;
    const host = await record(plain, model);
    expect(host).toHaveLength(4);
    for (const [i, { scatter, mean, count }] of host.entries()) {
      expect(native[i]!.count).toBe(count);
      const scale = Math.max(...scatter.map(Math.abs));
      for (const [k, value] of scatter.entries()) {
        expect(Math.abs(native[i]!.scatter[k]! - value)).toBeLessThan(1e-12 * scale);
      }
      for (const [j, value] of mean.entries()) expect(native[i]!.mean[j]).toBeCloseTo(value, 12);
    }
  });

  test('features that never vary are left out of the work, not of the result', async () => {
    const backend = await loadBackend();
    const model = networkOf('standard', 'layer', 'gelu');
    const constant = x.map((value, at) => (at % 12 === 3 ? -0.42 : at % 12 === 11 ? 0 : value));
    const nearly = constant.slice();
    nearly[3] = -0.4200001; // one example makes feature 3 vary
    const { native: _without, ...plain } = backend;
    for (const one of [backend, plain]) {
      const of = (data: Float32Array<ArrayBuffer>) =>
        recordMoments(one, model, { ...examples, x: data }, ['lins.0', 'lins.1'], () => Promise.resolve());
      const [left, kept] = [await of(constant), await of(nearly)];
      expect(left[0]!.mean[3]).toBe(Math.fround(-0.42));
      expect(left[0]!.scatter.filter((_, at) => at % 12 === 3 || at % 12 === 11)).toEqual(
        new Float64Array(24),
      );
      for (const place of [0, 1]) {
        const scale = Math.max(...kept[place]!.scatter);
        for (const [at, value] of kept[place]!.scatter.entries()) {
          expect(Math.abs(left[place]!.scatter[at]! - value)).toBeLessThan(1e-7 * scale);
        }
      }
      const space = subspaceOf(left[0]!, 1);
      expect(space.dimension).toBe(10);
      expect(space.singularValues).toHaveLength(12);
      expect(Array.from(space.basis.subarray(3 * 10, 4 * 10))).toEqual(new Array(10).fill(0));
    }
  });

  test('data with a value that is not finite name the feature, constant or not', async () => {
    const backend = await loadBackend();
    const model = networkOf('standard', 'layer', 'gelu');
    const data = x.map((value, at) => (at % 12 < 3 ? 1 : value));
    for (const bad of [[12 * 7 + 5], Array.from({ length: 3000 }, (_, r) => 12 * r + 5)]) {
      const broken = data.slice();
      for (const at of bad) broken[at] = NaN;
      await expect(
        recordMoments(backend, model, { ...examples, x: broken }, ['lins.0'], () => Promise.resolve()),
      ).rejects.toThrow(/feature 5 of the data/);
    }
  });

  test('activations beyond float32’s range', async () => {
    const backend = await loadBackend();
    if (!backend.native) return;
    const model = networkOf('standard', 'none', 'relu');
    model.state.get('lins.1.weight')!.data.fill(3e38);
    model.state.get('lins.2.weight')!.data.fill(1e38);
    const { native: _without, ...plain } = backend;
    const [native, host] = [await record(backend, model), await record(plain, model)];
    for (const [k, value] of host.at(-1)!.scatter.entries()) {
      expect(value).toBeGreaterThan(1e150);
      expect(native.at(-1)!.scatter[k]! / value).toBeCloseTo(1, 12);
    }
  });

  test('an activation that is not a finite number is named, and no tensor is left behind', async () => {
    const backend = await loadBackend();
    const model = networkOf('standard', 'none', 'relu');
    model.state.get('lins.1.weight')!.data[3 * 9] = Infinity;
    const before = tensorCount(backend);
    await expect(record(backend, model)).rejects.toThrow(/neuron 3 of layer lins\.1/);
    expect(tensorCount(backend)).toEqual(before);
  });
});
