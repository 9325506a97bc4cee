/** Orthogonal and invertible maps of exported networks: read off the graph, checked by machine, found again, and used by jobs. */
import { describe, expect, it, test } from 'vitest';
import { alignByRotations } from '../../../src-main/compute/alignment/orthogonal/align.ts';
import { failedMaps, randomlyMapped } from '../../../src-main/compute/alignment/orthogonal/check.ts';
import { withComparison } from '../../../src-main/compute/networks/comparison.ts';
import { isOrthogonal, nearestRotation } from '../../../src-main/compute/alignment/orthogonal/matrices.ts';
import { reduceModel } from '../../../src-main/compute/alignment/orthogonal/reduce.ts';
import type { DoubleArrays } from '../../../src-main/compute/alignment/orthogonal/units.ts';
import { hasBinding } from '../../../src-main/compute/backend/native.ts';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import type { NamedArray } from '../../../src-main/compute/networks/permute.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { linearMapsOf } from '../../../src-shared/networks/exported/linear-maps.ts';
import type { LinearMap } from '../../../src-shared/networks/exported/linear-maps.ts';
import { untied } from '../../../src-shared/networks/exported/untie.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import { modelOf, planted } from './mixed.ts';
import type { Model } from './mixed.ts';

const described = ({ maps }: Model) =>
  maps.map(({ whole, kind, keepsOnes, folds }) => ({
    group: whole.name,
    kind,
    keepsOnes,
    folds: folds.map(({ scale, shiftGoes }) => `${scale} ${shiftGoes}`),
  }));

const inHead = (group: string) => ({ group, kind: 'invertible', keepsOnes: false, folds: [] });

describe('maps as read by hand', () => {
  it('a stream with LayerNorm keeps ones; scales go into what reads them, shifts where there is a bias', () => {
    expect(described(modelOf('vit'))).toEqual([
      {
        ...{ group: 'patch', kind: 'orthogonal', keepsOnes: true },
        // The head has no bias that the last shift could go into.
        folds: ['block.first.weight biases', 'block.second.weight biases', 'norm.weight inside'],
      },
      ...['block0', 'block1', 'block0-2', 'block1-2'].map((head) => inHead(`block.qkv:${head}`)),
    ]);
  });

  it('with RMSNorm written out any orthogonal map does; rotary leaves queries and keys alone', () => {
    expect(described(modelOf('rotary'))).toEqual([
      {
        ...{ group: 'table', kind: 'orthogonal', keepsOnes: false },
        folds: ['before.weight inside', 'between.weight biases', 'last.weight inside'],
      },
      inHead('q:block0'),
      inHead('q:block1'),
    ]);
  });

  it('queries are on one side and keys on the other, values on one and outputs on the other', () => {
    const { maps } = modelOf('vit');
    const sidesOf = (name: string) => {
      const { group, sides } = maps.find(({ whole }) => whole.name === name)!;
      return group.axes.map(({ parameter, axis }, k) => [`${parameter} ${axis}`, sides[k]]);
    };
    expect(sidesOf('block.qkv:block0')).toEqual([
      ['block.qkv.weight 0', [1, -1]],
      ['block.qkv.bias 0', [1, -1]],
    ]);
    expect(sidesOf('block.qkv:block1-2')).toEqual([
      ['block.qkv.weight 0', [1]],
      ['block.qkv.bias 0', [1]],
      ['block.out.weight 1', [-1]],
    ]);
  });

  it('says what keeps a group from more than permutations', () => {
    const reasons = (name: string): Record<string, string> =>
      Object.fromEntries(
        linearMapsOf(modelOf(name).network).others.map(({ group, reason }) => [group.name, reason]),
      );
    expect(reasons('gpt')).toMatchObject({
      head: '"head.weight" reads what "norm.weight" scales and is used elsewhere without it, so that the scale cannot go into it',
      'block.up': 'gelu: gelu acts entry by entry',
      'block.qkv:blocks': 'its units are blocks: heads, or groups of channels',
    });
    expect(Object.values(reasons('image')).join()).toMatch(/takes them one by one/);
  });

  it('every permutation group either has a map or a reason', () => {
    for (const name of ['vit', 'gpt', 'rotary', 'groups', 'image', 'tokens', 'digits']) {
      const { network } = modelOf(name);
      const { maps, others } = linearMapsOf(network);
      const names = symmetriesOf(network).groups.map((group) => group.name);
      expect(
        [...maps.map(({ whole }) => whole), ...others.map(({ group }) => group)]
          .map((g) => g.name)
          .toSorted(),
      ).toEqual(names.toSorted());
    }
  });
});

describe('tied weights', () => {
  it('are made two under their own keys, so that the stream is rotated as well', () => {
    const { network, arrays } = modelOf('gpt');
    const found = untied(network, { tied: { 'table.weight': 'head.weight' } })!;
    expect(found.splits).toEqual([{ reader: 'head.weight', other: 'table.weight' }]);
    expect(found.exported).toEqual({ tied: {} });
    expect([...found.copies]).toEqual([['head.weight', 'table.weight']]);
    const model = { network: found.network, arrays, maps: linearMapsOf(found.network).maps };
    expect(described(model)[0]).toEqual({
      ...{ group: 'table', kind: 'orthogonal', keepsOnes: false },
      folds: ['block.first.weight inside', 'block.second.weight inside', 'norm.weight inside'],
    });
    const readers = (parameter: string): string[] => {
      const at = found.network.nodes.find(({ parameters }) => parameters['value']?.name === parameter)!.id;
      return found.network.nodes.flatMap(({ id, takes }) => (takes.includes(at) ? [id] : []));
    };
    expect(readers('table.weight')).toEqual(['embedding']);
    expect(readers('head.weight')).toEqual(['linear_4, untied']);
  });

  it('stay one if nothing says what the second would be called, or nothing is tied', () => {
    const { network } = modelOf('gpt');
    expect(untied(network, { tied: {} })).toBeUndefined();
    const twice = { 'table.weight': 'head.weight', 'third.weight': 'head.weight' };
    expect(untied(network, { tied: twice })).toBeUndefined();
    expect(untied(modelOf('vit').network, { tied: {} })).toBeUndefined();
  });
});

describe('the nearest rotation', () => {
  it('is the one that was used, with ones kept or not', () => {
    const stream = new RandomStream(1, 'rotation');
    const { network, arrays, maps } = modelOf('vit');
    expect(network.nodes.length).toBeGreaterThan(10);
    const [map] = maps as [LinearMap];
    const turned = randomlyMapped(arrays, map, stream);
    const [a, b] = [arrays, turned].map((each) => each.get('patch.weight')!.data) as [
      Float64Array,
      Float64Array,
    ];
    const n = 8;
    const m = new Float64Array(n * n);
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++)
        for (let k = 0; k < 49; k++) m[i * n + j]! += b[i * 49 + k]! * a[j * 49 + k]!;
    const found = nearestRotation(m, n, true);
    expect(isOrthogonal(found, n)).toBe(true);
    for (let i = 0; i < n; i++) {
      expect(found.slice(i * n, (i + 1) * n).reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 12);
      for (let k = 0; k < 49; k++) {
        const back = found
          .slice(i * n, (i + 1) * n)
          .reduce((sum, value, j) => sum + value * a[j * 49 + k]!, 0);
        expect(back).toBeCloseTo(b[i * 49 + k]!, 10);
      }
    }
  });

  it('of nothing is the identity', () => {
    expect([...nearestRotation(new Float64Array(4), 2, false)].map(Math.abs)).toEqual([1, 0, 0, 1]);
  });
});

const withMaps = ['vit', 'gpt', 'rotary'];

// Without TensorFlow's native library there is no double precision.
describe.skipIf(!hasBinding())('the check', () => {
  const changed = async (
    { network, arrays }: Model,
    own: DoubleArrays,
    maps: readonly LinearMap[],
  ): Promise<{ change: number; failed: string[] }> =>
    withComparison(await loadBackend(), network, arrays, (changeOf) => failedMaps(own, maps, changeOf));

  test.each(withMaps)('folding, balancing and random maps leave the function as it is: %s', async (name) => {
    const model = modelOf(name);
    const { arrays, unbalanced } = reduceModel(model.arrays, model.maps, 'model');
    expect(unbalanced).toEqual([]);
    for (const { scale } of model.maps.flatMap(({ folds }) => folds)) {
      expect(new Set(model.arrays.get(scale)!.data).size).toBeGreaterThan(1);
      expect(new Set(arrays.get(scale)!.data)).toEqual(new Set([1]));
    }
    const reduced = withComparison(await loadBackend(), model.network, model.arrays, (changeOf) =>
      changeOf(arrays),
    );
    expect(reduced).toBeLessThan(1e-12);
    const { change, failed } = await changed(model, arrays, model.maps);
    expect(failed).toEqual([]);
    expect(change).toBeLessThan(1e-12);
  });

  it('catches a map that does not keep ones where a LayerNorm subtracts the mean', async () => {
    const model = modelOf('vit');
    const { arrays } = reduceModel(model.arrays, model.maps, 'model');
    const wrong = model.maps.map((map) => ({ ...map, keepsOnes: false }));
    const { change, failed } = await changed(model, arrays, wrong);
    expect(failed).toEqual(['patch']);
    expect(change).toBeGreaterThan(1e-3);
  });

  it('catches scales of norms that were not folded', async () => {
    const model = modelOf('vit');
    expect((await changed(model, model.arrays, model.maps)).failed).toEqual(['patch']);
  });

  it('catches queries and keys on one side, and queries and keys that are rotated under rotary', async () => {
    const model = modelOf('vit');
    const { arrays } = reduceModel(model.arrays, model.maps, 'model');
    const wrong = model.maps.map((map) => ({
      ...map,
      sides: map.sides.map((axis) => axis.map(() => 1 as const)),
    }));
    expect((await changed(model, arrays, wrong)).failed).toContain('block.qkv:block0');
    const rotary = modelOf('rotary');
    const places = Int32Array.from({ length: 6 }, (_, i) => i);
    const [query, key] = ['q.weight', 'k.weight'].map((parameter) => ({
      parameter,
      axis: 0,
      places,
      block: 1,
    }));
    const group = { ...rotary.maps[1]!.group, name: 'turned', size: 6, axes: [query!, key!] };
    const turned: LinearMap = {
      ...{ group, whole: group, kind: 'invertible', keepsOnes: false, folds: [], sides: [[1], [-1]] },
    };
    const own = reduceModel(rotary.arrays, rotary.maps, 'model').arrays;
    const check = await changed(rotary, own, [...rotary.maps, turned]);
    expect(check.failed).toEqual(['turned']);
    expect(check.change).toBeGreaterThan(1e-3);
  });
});

const noisy = (arrays: DoubleArrays, seed: number, size: number): DoubleArrays => {
  const stream = new RandomStream(seed, 'noise');
  return new Map(
    [...arrays].map(([name, { shape, data }]): [string, NamedArray<Float64Array>] => [
      name,
      { shape, data: data.map((value) => value + size * stream.normal()) },
    ]),
  );
};

describe.skipIf(!hasBinding())('alignment', () => {
  test.each(withMaps)('finds a copy that was mixed at random again, exactly: %s', async (name) => {
    const model = modelOf(name);
    for (const seed of [1, 2, 3]) {
      const found = await alignByRotations(
        await loadBackend(),
        model.network,
        [
          { arrays: model.arrays, name: 'model 1' },
          { arrays: planted(model, seed), name: 'model 2' },
        ],
        { restarts: 2, seed },
      );
      const { unaligned, permuted, aligned } = found.distances;
      expect(unaligned).toBeGreaterThan(1);
      expect(permuted).toBeGreaterThan(1);
      expect(aligned).toBeLessThan(1e-9);
      expect(found.maxRelativeChange).toBeLessThan(1e-11);
      expect(found.restarts.map(({ start }) => start)).toEqual(['anchored', 'permuted']);
      for (const [key, { data }] of found.first)
        expect(
          data.every((value, i) => Math.abs(value - found.second.get(key)!.data[i]!) < 1e-5),
          key,
        ).toBe(true);
    }
  });

  it('brings other networks closer than permutations do, from either start', async () => {
    const model = modelOf('rotary');
    const found = await alignByRotations(
      await loadBackend(),
      model.network,
      [
        { arrays: model.arrays, name: 'model 1' },
        { arrays: noisy(planted(model, 4), 4, 0.05), name: 'model 2' },
      ],
      { restarts: 4, seed: 1 },
    );
    const { unaligned, permuted, aligned } = found.distances;
    expect(permuted).toBeLessThan(unaligned);
    expect(aligned).toBeLessThan(0.5 * permuted);
    expect(found.restarts).toHaveLength(4);
    expect(aligned).toBe(Math.min(...found.restarts.map(({ distance }) => distance)));
    expect(found.restarts.every(({ converged }) => converged)).toBe(true);
  });

  it('says which heads have a side that is singular, and rotates them still', async () => {
    const model = modelOf('gpt');
    const arrays = new Map(model.arrays);
    const qkv = arrays.get('block.qkv.weight')!;
    // The first query of the first head.
    arrays.set('block.qkv.weight', { ...qkv, data: qkv.data.map((value, i) => (i < 8 ? 0 : value)) });
    const found = await alignByRotations(
      await loadBackend(),
      model.network,
      [
        { arrays, name: 'model 1' },
        { arrays: planted(model, 1), name: 'model 2' },
      ],
      { restarts: 2, seed: 1 },
    );
    expect(found.unbalanced).toEqual(['block.qkv:block0']);
  });

  it('refuses a scale of 0 with a shift that cannot go elsewhere', () => {
    const { arrays, maps } = modelOf('vit');
    const scale = arrays.get('norm.weight')!;
    const zero = new Map(arrays).set('norm.weight', { ...scale, data: scale.data.with(3, 0) });
    expect(() => reduceModel(zero, maps, 'model 2')).toThrow(
      /^model 2: "norm.weight" is 0 where "norm.bias" is not/,
    );
    const dead = new Map(zero).set('norm.bias', { ...scale, data: new Float64Array(8) });
    expect(reduceModel(dead, maps, 'model 2').unbalanced).toEqual([]);
  });
});
