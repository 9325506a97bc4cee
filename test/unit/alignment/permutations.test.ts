import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  checkPermutationSpec,
  requirePermutationSpec,
} from '../../../src-main/compute/alignment/check-spec.ts';
import { hostForward } from '../../../src-main/compute/alignment/host-forward.ts';
import { mapArrays, namedArrays } from '../../../src-main/compute/alignment/parameters.ts';
import {
  composePermutations,
  identityPermutation,
  inversePermutation,
  isIdentity,
  isPermutation,
} from '../../../src-main/compute/alignment/permutation.ts';
import { permutationSpec, permuteNetwork } from '../../../src-main/compute/alignment/spec.ts';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import { forwardStacked } from '../../../src-main/compute/models/index.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { families, norms } from '../../../src-shared/domain.ts';
import type { Family, Norm } from '../../../src-shared/domain.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { randomNetworks } from './networks.ts';

const combinations = families.flatMap((family) =>
  norms
    // Sigma-asymmetric models exist with layer and batch norm only.
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

describe('permuting a network', () => {
  test.each(combinations)(
    '%s with norm %s: the function stays, and the spec check sees it',
    (family, norm) => {
      for (const widths of [
        [12, 9, 7, 8, 5],
        [6, 11, 4],
        [5, 3],
      ]) {
        const [network] = randomNetworks({ family, norm, widths }, [11]);
        const { passed, maxAbsDifference } = checkPermutationSpec(network!);
        expect(maxAbsDifference).toBeLessThan(1e-12);
        expect(passed).toBe(true);
      }
    },
  );

  test.each(combinations)(
    '%s with norm %s: the tensor back end agrees with the float64 forward pass',
    async (family, norm) => {
      const backend = await loadBackend();
      const [network] = randomNetworks({ family, norm }, [5]);
      const stream = new RandomStream(1, 'permutation');
      const perms = permutationSpec(network!).permutations.map(({ size }) => stream.permutation(size));
      const inputs = stream.normals(6 * 12);
      const x = backend.tf.tensor2d(inputs, [6, 12]);
      const { logits } = forwardStacked(backend, [network!, permuteNetwork(network!, perms)], x);
      const values = logits.dataSync() as Float32Array;
      backend.tf.dispose([x, logits]);
      const exact = hostForward(network!, Float64Array.from(inputs), 6);
      exact.forEach((value, k) => {
        expect(Math.abs(values[k]! - value)).toBeLessThan(2e-5 * Math.max(1, Math.abs(value)));
        expect(Math.abs(values[exact.length + k]! - value)).toBeLessThan(2e-5 * Math.max(1, Math.abs(value)));
      });
    },
  );

  test('new[r] = old[perm[r]], on rows, vectors, columns, and both axes of C', () => {
    const [network] = randomNetworks({ family: 'sigma-asymmetric', norm: 'batch', widths: [3, 4, 2] }, [1]);
    const perm = Int32Array.from([2, 0, 3, 1]);
    const before = new Map(namedArrays(network!).map((array) => [array.name, array.data]));
    const after = new Map(
      namedArrays(permuteNetwork(network!, [perm])).map((array) => [array.name, array.data]),
    );
    perm.forEach((from, to) => {
      expect(after.get('lins.0.weight')!.slice(to * 3, to * 3 + 3)).toEqual(
        before.get('lins.0.weight')!.slice(from * 3, from * 3 + 3),
      );
      for (const name of [
        'lins.0.bias',
        'norms.0.weight',
        'norms.0.bias',
        'norms.0.running_mean',
        'norms.0.running_var',
      ]) {
        expect(after.get(name)![to]).toBe(before.get(name)![from]);
      }
      for (const row of [0, 1]) {
        expect(after.get('lins.1.weight')![row * 4 + to]).toBe(before.get('lins.1.weight')![row * 4 + from]);
      }
      perm.forEach((fromColumn, toColumn) => {
        expect(after.get('activations.0.C')![to * 4 + toColumn]).toBe(
          before.get('activations.0.C')![from * 4 + fromColumn],
        );
      });
    });
    expect(after.get('lins.1.bias')).toEqual(before.get('lins.1.bias'));
  });

  test('permuting and permuting back gives the same numbers, bit for bit', () => {
    const [network] = randomNetworks({ family: 'standard', norm: 'batch' }, [3]);
    const stream = new RandomStream(2, 'permutation');
    const perms = permutationSpec(network!).permutations.map(({ size }) => stream.permutation(size));
    expect(permuteNetwork(permuteNetwork(network!, perms), perms.map(inversePermutation))).toEqual(network);
    expect(
      permuteNetwork(
        network!,
        perms.map(({ length }) => identityPermutation(length)),
      ),
    ).toEqual(network);
  });

  test.each([
    ['lins.1.weight', 1],
    ['lins.0.bias', 0],
    ['norms.1.running_mean', 0],
    ['norms.0.running_var', 0],
    ['activations.0.C', 1],
  ])('a spec that forgets %s, axis %i, fails the check', (name, axis) => {
    const [network] = randomNetworks({ family: 'sigma-asymmetric', norm: 'batch' }, [4]);
    const spec = permutationSpec(network!);
    spec.axes.get(name)![axis] = null;
    expect(checkPermutationSpec(network!, spec).passed).toBe(false);
  });

  test('a network with NaN is refused with the name it is known by', () => {
    const [network] = randomNetworks({ family: 'standard', norm: 'layer' }, [4]);
    const broken = mapArrays(network!, ({ name, data }) =>
      name === 'lins.1.bias' ? data.map(() => NaN) : data,
    );
    expect(() => {
      requirePermutationSpec(broken, 'model 3');
    }).toThrow(/^model 3: permuting/);
  });

  test('permutations that do not fit the network are refused', () => {
    const [network] = randomNetworks({ family: 'standard', norm: 'layer' }, [4]);
    const fitting = permutationSpec(network!).permutations.map(({ size }) => identityPermutation(size));
    expect(() => permuteNetwork(network!, fitting.slice(1))).toThrow(UserError);
    expect(() =>
      permuteNetwork(network!, [fitting[0]!, Int32Array.from(fitting[1]!, () => 0), fitting[2]!]),
    ).toThrow(/P_1/);
  });
});
