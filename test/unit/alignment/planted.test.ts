/** A model with its units shuffled is matched to itself exactly, whatever its network. */
import { describe, expect, test } from 'vitest';
import { inversePermutation } from '../../support/permutations.ts';
import { matchWeights } from '../../../src-main/compute/alignment/weight-matching.ts';
import { dataOf, relativeChange } from '../../../src-main/compute/networks/check-symmetries.ts';
import { hostForward } from '../../../src-main/compute/networks/host.ts';
import { inDoubles, permuteArrays } from '../../../src-main/compute/networks/permute.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { families, recordingPoints } from '../../../src-shared/domain.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import { joinedNetwork, residualNetwork, sharedNetwork, squareNetwork } from '../networks/small-networks.ts';
import { randomModels } from '../networks/random-models.ts';
import type { Arrays } from '../networks/random-models.ts';
import { groupsOf, momentsBetween } from './recorded.ts';
import { matchGroups } from '../../support/matched-groups.ts';

const names = { a: 'model 1', b: 'model 2' };

/** The model with its units shuffled, and the permutations that undo it. */
function permutedCopy(network: Network, model: Arrays, seed: number) {
  const stream = new RandomStream(seed, 'copy');
  const { groups } = symmetriesOf(network);
  const perms = new Map(groups.map(({ name, size }) => [name, stream.permutation(size)]));
  const planted = new Map([...perms].map(([name, perm]) => [name, inversePermutation(perm)]));
  return { copy: permuteArrays(model, groups, perms), planted };
}

/** Of no chain: random float32 weights around those that PyTorch's initialisation gives, biases and norms too. */
function modelOf(network: Network, seed: number): Arrays {
  return new Map(
    [...network.parameters.values()].map(({ name, shape }) => {
      const scale = 1 / Math.sqrt(shape.at(-1)!);
      const values = new RandomStream(seed, name).normals(shape.reduce((a, b) => a * b, 1));
      const isGain = /norm.*weight/.test(name);
      return [name, { shape, data: values.map((v) => (isGain ? 1 + 0.3 * v : scale * v)) }];
    }),
  );
}

const mlps = families.map((family) => {
  const norm = family === 'bias-only' ? 'layer' : 'batch';
  const widths = family === 'linear-residual' ? [20, 24, 24, 12, 6] : [20, 24, 16, 12, 6];
  const { network, models } = randomModels({ family, norm, widths }, [21]);
  return [`${family} network`, network, models[0]!] as const;
});
const others = (
  [
    ['residual network', residualNetwork()],
    ['network with square weights on its stream', squareNetwork()],
    ['network that uses weights twice', sharedNetwork()],
    ['network that joins values', joinedNetwork()],
  ] as const
).map(([name, network]) => [name, network, modelOf(network, 3)] as const);

describe.each([...mlps, ...others])('a permuted copy of a %s', (_name, network, model) => {
  const { copy, planted } = permutedCopy(network, model, 5);

  test('is recovered exactly from its activations, at every recording point', async () => {
    const moments = await momentsBetween(network, model, copy);
    for (const point of recordingPoints) {
      for (const mode of ['pearson_correlation', 'pearson_correlation_with_zero_for_constant'] as const) {
        expect(matchGroups(groupsOf(network), moments[point]!, mode, { point, names })).toEqual(planted);
      }
    }
  });

  test('is recovered exactly from its weights, and brought back to the same numbers and the same function', async () => {
    const found = await matchWeights(network, model, copy, { restarts: 20, seed: 1 });
    expect(found.permutations).toEqual(planted);
    expect(found.sumOfNorms).toBe(0);
    expect(found.sumOfNormsIdentity).toBeGreaterThan(1);
    const { groups } = symmetriesOf(network);
    expect(permuteArrays(copy, groups, found.permutations)).toEqual(model);
    const x = Float64Array.from(new RandomStream(2, 'x').normals(6 * network.graph.inputs[0]!.shape[0]!));
    const [before, after] = [model, copy].map((arrays) => hostForward(network, dataOf(inDoubles(arrays)), x));
    expect(relativeChange(before!, after!)).toBeLessThan(1e-9);
  });
});
