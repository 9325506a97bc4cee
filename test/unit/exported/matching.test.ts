/** Matching of networks exported from PyTorch (test/fixtures/exported), by weights and by activations. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, test } from 'vitest';
import { hasBinding } from '../../../src-main/compute/backend/native.ts';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import { permuteArrays } from '../../../src-main/compute/networks/permute.ts';
import type { NamedArray, NamedArrays } from '../../../src-main/compute/networks/permute.ts';
import { matchRecorded } from '../../../src-main/compute/alignment/match-recorded.ts';
import { matchWeights } from '../../../src-main/compute/alignment/weight-matching.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { recordingPoints } from '../../../src-shared/domain.ts';
import type { MatchingMode } from '../../../src-shared/domain.ts';
import type { TorchCall } from '../../../src-shared/networks/operations/torch.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';
import { readRunDirectory } from '../../../src-main/formats/run-directory.ts';
import { add, fresh, npy } from '../../support/add-data.ts';
import { job } from '../../support/job.ts';
import { exportedFixture } from './files.ts';
import { modelOf, planted } from './models.ts';

const folder = mkdtempSync(join(tmpdir(), 'basin-matching-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const fixtures = ['image', 'tokens', 'groups', 'rotary', 'digits', 'shared', 'chain', 'pixels'];

describe('weight matching', () => {
  test.each(fixtures.filter((name) => name !== 'image'))(
    'finds a random order of units and blocks again: %s',
    async (name) => {
      const { network, arrays } = modelOf(name);
      const { groups } = symmetriesOf(network);
      for (const seed of [1, 2, 3]) {
        const other = planted(network, arrays, seed);
        const order = [...groups.keys()];
        const found = await matchWeights(network, arrays, other, { restarts: 1, seed, order });
        expect(found.sumOfNormsIdentity).toBeGreaterThan(0.1);
        expect(found.sumOfNorms).toBe(0);
        expect(permuteArrays(other, groups, found.permutations)).toEqual(arrays);
      }
    },
  );

  it('brings different networks closer, heads included, and says by how much', async () => {
    const { network, arrays } = modelOf('rotary');
    const stream = new RandomStream(4, 'noise');
    const noisy: NamedArrays = new Map(
      [...planted(network, arrays, 7)].map(([name, { shape, data }]) => {
        const noise = stream.normals(data.length);
        return [name, { shape, data: Float32Array.from(data, (value, i) => value + 0.1 * noise[i]!) }];
      }),
    );
    const found = await matchWeights(network, arrays, noisy, { restarts: 2, seed: 1 });
    expect(found.sumOfNorms).toBeLessThan(0.5 * found.sumOfNormsIdentity);
    const moved = permuteArrays(noisy, symmetriesOf(network).groups, found.permutations);
    const distance = (name: string): number => {
      const [mine, other] = [arrays, moved].map((each) => [...each.get(name)!.data]);
      return Math.sqrt(mine!.reduce((sum, value, i) => sum + (value - other![i]!) ** 2, 0));
    };
    for (const [name, norm] of Object.entries(found.norms)) expect(norm).toBeCloseTo(distance(name), 5);
  });
});

describe.skipIf(!hasBinding())('activation matching', () => {
  const names = [{ a: 'a', b: 'b' }];
  const matched = async (network: Network, models: NamedArrays[], mode: MatchingMode = 'dot_product') => {
    const backend = await loadBackend();
    const { shape } = network.graph.inputs[0]!;
    const takesTokens = network.nodes.some(
      ({ attributes }) => (attributes as TorchCall).call === 'embedding',
    );
    const numbers = new RandomStream(3, 'x').normals(40 * sizeOf(shape));
    const values = takesTokens ? numbers.map((value) => Math.floor(Math.abs(value) * 1000) % 5) : numbers;
    const x = backend.tf.tensor(values, [40, ...shape]);
    const own = models as Map<string, NamedArray<Float32Array>>[];
    const pairs = own.slice(1).map((_, other) => [0, other + 1] as const);
    const comparisons = recordingPoints.map((point) => ({ point, mode }));
    const options = { names: pairs.map(() => names[0]!), comparisons };
    try {
      const found = await matchRecorded(backend, { network, models: own, pairs }, x, options, () =>
        Promise.resolve(),
      );
      const { groups } = symmetriesOf(network);
      return found.map(({ pair, found: each }) => {
        if (each instanceof Error) throw each;
        const permutations = groups.map(({ name }, place) => [name, each.permutations.get(place)!] as const);
        return { pair, permutations: new Map(permutations), similarities: each.similarities };
      });
    } finally {
      x.dispose();
    }
  };

  test.each(fixtures)('finds a random order of units and blocks again, pair by pair: %s', async (name) => {
    const { network, arrays: stored } = modelOf(name);
    const { groups } = symmetriesOf(network);
    // No unit of the fixture is to be dead behind its ReLU.
    const arrays: NamedArrays = new Map(
      [...stored].map(([key, { shape, data }]) => [
        key,
        { shape, data: key === 'part.bias' ? data.map((value) => value + 2) : data },
      ]),
    );
    const others = [planted(network, arrays, 1), planted(network, arrays, 2)];
    for (const { pair, permutations } of await matched(network, [arrays, ...others]))
      expect(permuteArrays(others[pair]!, groups, permutations)).toEqual(arrays);
  });

  it('gives blocks the mean similarity of what is in them: 1 for heads that are the same', async () => {
    const { network, arrays } = modelOf('rotary');
    const { groups } = symmetriesOf(network);
    const [found] = await matched(network, [arrays, planted(network, arrays, 1)], 'pearson_correlation');
    for (const [place, { size }] of groups.entries()) {
      const order = found!.permutations.get(groups[place]!.name)!;
      const similarity = found!.similarities.get(place)!;
      order.forEach((from, to) => {
        expect(similarity[to * size + from]).toBeCloseTo(1, 5);
      });
    }
  });
});

describe.skipIf(!hasBinding())('the job match-weights', () => {
  it('checks the groups of an exported network, and aligns its heads', async () => {
    const run = join(folder, 'heads');
    const network = exportedFixture('rotary.pt2');
    await job('adopt', { network, directory: run, paths: [network, network] });
    const found = await job<{ permutations: Record<string, number[]>; sum_of_l2_norms: number }>(
      'match-weights',
      { run, epoch: 1 },
    );
    expect(found.sum_of_l2_norms).toBe(0);
    expect(found.permutations['q:blocks']).toEqual([0, 1]);
  });
});

describe.skipIf(!hasBinding())('the job match-activations', () => {
  interface Matched {
    family: string;
    matching_results: { layer: string; sigma_f?: number; fixed_share?: number }[];
  }

  it('compares the heads of a network over tokens, of which nothing is fixed', async () => {
    const tokens = Array.from({ length: 30 * 6 }, (_, i) => BigInt((i * i + (i >> 3)) % 9));
    const inputs = npy('int64', [30, 6], BigInt64Array.from(tokens));
    await add({ name: 'nines', task: 'next-token', inputs });
    const run = fresh('heads');
    const network = exportedFixture('rotary.pt2');
    await job('adopt', { network, directory: run, paths: [network, network], dataset: 'nines' });
    const { family, matching_results: results } = await job<Matched>('match-activations', { run, epoch: 1 });
    expect(family).toBe('standard');
    expect([...new Set(results.map(({ layer }) => layer))]).toEqual(
      symmetriesOf(modelOf('rotary').network).groups.map(({ name }) => name),
    );
    for (const result of results) expect(result).toMatchObject({ sigma_f: 0, fixed_share: 0 });
  });

  it('says what is fixed in the weights that make the units, not in those of their norm', async () => {
    const adopted = fresh('digits');
    await job('adopt', { network: exportedFixture('digits.pt2'), directory: adopted });
    const { model } = readRunDirectory(adopted).config;
    const matched = async (name: string, family: object): Promise<Matched> => {
      const run = fresh(name);
      const config = {
        model: { ...(model as object), family },
        dataset: { name: 'mnist-10k', batch_size: 400, val_split: 0.1 },
        optimizer: { name: 'adamw', lr: 0.01 },
        training: { num_epochs: 0, save_every: 1 },
        ...{ num_models: 2, seed: 1, mask_seed: 3 },
      };
      await job('train', { run, config });
      return job('match-activations', { run, epoch: 0 });
    };
    const asymmetric = { name: 'w-asymmetric', parameters: ['*.weight'], num_fixed: 7, sigma_f: 2 };
    const sparse = { name: 'sparse', parameters: ['*.weight'], num_fixed: 5 };
    const behind = { name: 'w-asymmetric', parameters: ['fc.weight'], num_fixed: 7, sigma_f: 2 };
    for (const [name, family, sigma, share] of [
      ['asymmetric', asymmetric, 2, 7 / 25],
      ['sparse', sparse, 0, 5 / 25],
      ['behind', behind, 0, 0],
    ] as const) {
      const row = await matched(name, family);
      expect(row.family).toBe(family.name);
      expect(row.matching_results.length).toBeGreaterThan(0);
      for (const result of row.matching_results)
        expect(result).toMatchObject({ layer: 'conv', sigma_f: sigma, fixed_share: share });
    }
  });
});
