import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  composePermutations,
  identityPermutation,
  isIdentity,
  isPermutation,
} from '../../../src-main/compute/alignment/permutation.ts';
import { inversePermutation } from '../../support/permutations.ts';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import { checkGroups, dataOf, requireGroups } from '../../../src-main/compute/networks/check-symmetries.ts';
import { hostForward } from '../../../src-main/compute/networks/host.ts';
import { mathsOf } from '../../../src-main/compute/networks/maths.ts';
import { inDoubles, permuteArrays } from '../../../src-main/compute/networks/permute.ts';
import { forward } from '../../../src-main/compute/networks/run.ts';
import { stackArrays } from '../../../src-main/compute/networks/stack-arrays.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { families, norms, symmetryFamilies } from '../../../src-shared/domain.ts';
import type { Family, Norm } from '../../../src-shared/domain.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { changed, randomModels } from '../networks/random-models.ts';

const combinations = families.flatMap((family) =>
  norms
    // Sigma-asymmetric models exist with layer and batch norm only.
    .filter((norm) => symmetryFamilies.some((name) => name === family) || !norm.endsWith('linear'))
    .filter((norm) => family !== 'sigma-asymmetric' || norm === 'layer' || norm === 'batch')
    .map((norm): [Family, Norm] => [family, norm]),
);

const permutation = (size: number) =>
  fc.integer({ min: 0, max: 0xffffffff }).map((seed) => new RandomStream(seed, 'test').permutation(size));

describe('permutations', () => {
  test('an inverse undoes, on either side', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 40 }).chain(permutation), (perm) => {
        expect(isPermutation(perm)).toBe(true);
        expect(isIdentity(composePermutations(perm, inversePermutation(perm)))).toBe(true);
        expect(isIdentity(composePermutations(inversePermutation(perm), perm))).toBe(true);
      }),
    );
  });

  test.each([[[0, 0]], [[0, 2]], [[-1, 0]], [[0.5, 1]]])('%j is none', (values) => {
    expect(isPermutation(values)).toBe(false);
  });
});

/** A random permutation of every group. */
function shuffled(network: Network, stream: RandomStream) {
  const { groups } = symmetriesOf(network);
  return new Map(groups.map(({ name, size }) => [name, stream.permutation(size)]));
}

describe('permuting a network', () => {
  test.each(combinations)(
    '%s with norm %s: the function stays, and the check of the groups sees it',
    (family, norm) => {
      for (const widths of [
        [12, 9, 7, 8, 5],
        [6, 11, 4],
        [5, 3],
      ]) {
        const { network, models } = randomModels({ family, norm, widths }, [11]);
        const { groups } = symmetriesOf(network);
        const checks = checkGroups(network, inDoubles(models[0]!), groups);
        expect(checks.map(({ group, ok }) => [group, ok])).toEqual(groups.map(({ name }) => [name, true]));
        for (const { maxRelativeChange } of checks) expect(maxRelativeChange).toBeLessThan(1e-12);
      }
    },
  );

  test.each(combinations)(
    '%s with norm %s: the tensor back end agrees with the float64 forward pass',
    async (family, norm) => {
      const backend = await loadBackend();
      const { tf } = backend;
      const { network, models } = randomModels({ family, norm }, [5]);
      const stream = new RandomStream(1, 'permutation');
      const perms = shuffled(network, stream);
      const moved = permuteArrays(models[0]!, symmetriesOf(network).groups, perms);
      const inputs = stream.normals(6 * 12);
      const logits = tf.tidy(() => {
        const x = tf.tensor3d(inputs, [1, 6, 12]);
        return forward(mathsOf(backend), network, stackArrays(tf, [models[0]!, moved]), x).output;
      });
      const values = logits.dataSync() as Float32Array;
      logits.dispose();
      const exact = hostForward(network, dataOf(inDoubles(models[0]!)), Float64Array.from(inputs));
      exact.forEach((value, k) => {
        expect(Math.abs(values[k]! - value)).toBeLessThan(2e-5 * Math.max(1, Math.abs(value)));
        expect(Math.abs(values[exact.length + k]! - value)).toBeLessThan(2e-5 * Math.max(1, Math.abs(value)));
      });
    },
  );

  test('new[r] = old[perm[r]], on rows, vectors, columns, and both axes of C', () => {
    const { network, models } = randomModels(
      { family: 'sigma-asymmetric', norm: 'batch', widths: [3, 4, 2] },
      [1],
    );
    const perm = Int32Array.from([2, 0, 3, 1]);
    const data = (arrays: (typeof models)[number]) => (name: string) => arrays.get(name)!.data;
    const before = data(models[0]!);
    const after = data(permuteArrays(models[0]!, symmetriesOf(network).groups, new Map([['P_0', perm]])));
    perm.forEach((from, to) => {
      expect(after('lins.0.weight').slice(to * 3, to * 3 + 3)).toEqual(
        before('lins.0.weight').slice(from * 3, from * 3 + 3),
      );
      for (const name of [
        'lins.0.bias',
        'norms.0.weight',
        'norms.0.bias',
        'norms.0.running_mean',
        'norms.0.running_var',
      ]) {
        expect(after(name)[to]).toBe(before(name)[from]);
      }
      for (const row of [0, 1]) {
        expect(after('lins.1.weight')[row * 4 + to]).toBe(before('lins.1.weight')[row * 4 + from]);
      }
      perm.forEach((fromColumn, toColumn) => {
        expect(after('activations.0.C')[to * 4 + toColumn]).toBe(
          before('activations.0.C')[from * 4 + fromColumn],
        );
      });
    });
    expect(after('lins.1.bias')).toEqual(before('lins.1.bias'));
  });

  test('permuting and permuting back gives the same numbers, bit for bit', () => {
    const { network, models } = randomModels({ family: 'standard', norm: 'batch' }, [3]);
    const { groups } = symmetriesOf(network);
    const perms = shuffled(network, new RandomStream(2, 'permutation'));
    const back = new Map([...perms].map(([name, perm]) => [name, inversePermutation(perm)]));
    expect(permuteArrays(permuteArrays(models[0]!, groups, perms), groups, back)).toEqual(models[0]);
    const stays = new Map(groups.map(({ name, size }) => [name, identityPermutation(size)]));
    expect(permuteArrays(models[0]!, groups, stays)).toEqual(models[0]);
  });

  test.each([
    ['lins.1.weight', 1],
    ['lins.0.bias', 0],
    ['norms.1.running_mean', 0],
    ['norms.0.running_var', 0],
    ['activations.0.C', 1],
  ])('groups that forget %s, axis %i, fail the check', (name, axis) => {
    const { network, models } = randomModels({ family: 'sigma-asymmetric', norm: 'batch' }, [4]);
    const forgetful = symmetriesOf(network).groups.map((group) => ({
      ...group,
      axes: group.axes.filter((moved) => moved.parameter !== name || moved.axis !== axis),
    }));
    const failed = checkGroups(network, inDoubles(models[0]!), forgetful).filter(({ ok }) => !ok);
    const group = symmetriesOf(network).groups.find(({ axes }) =>
      axes.some((moved) => moved.parameter === name && moved.axis === axis),
    );
    expect(failed.map((check) => check.group)).toEqual([group!.name]);
  });

  test('a network with NaN is refused with the name it is known by', () => {
    const { network, models } = randomModels({ family: 'standard', norm: 'layer' }, [4]);
    const broken = changed(models[0]!, (name, { data }) =>
      name === 'lins.1.bias' ? data.map(() => NaN) : data,
    );
    expect(() => {
      requireGroups(network, broken, 'model 3');
    }).toThrow(/^model 3: permuting the units of P_0, P_1, P_2 changes its output by NaN/);
  });

  test('permutations that do not fit the network are refused', () => {
    const { network, models } = randomModels({ family: 'standard', norm: 'layer' }, [4]);
    const { groups } = symmetriesOf(network);
    const twice = new Map([['P_1', new Int32Array(groups[1]!.size)]]);
    expect(() => permuteArrays(models[0]!, groups, twice)).toThrow(UserError);
    expect(() => permuteArrays(models[0]!, groups, twice)).toThrow(/P_1/);
  });
});
