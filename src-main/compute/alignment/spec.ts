/**
 * Permutation specs: which axis of which array each layer's permutation moves. Declared once per architecture; every
 * piece of alignment reads them, so that a new architecture needs its spec and nothing else.
 */
import { UserError } from '../../../src-shared/errors.ts';
import type { EffectiveNetwork } from '../models/network.ts';
import { mapArrays, namedArrays } from './parameters.ts';
import { isPermutation, permutationName } from './permutation.ts';
import type { LayerPermutations, Permutation } from './permutation.ts';

export interface PermutationSpec {
  /** The permutations, `P_0` first, with the number of neurons each of them moves. */
  permutations: { name: string; size: number }[];
  /** Array name -> for each axis the index of the permutation that moves it, or null where nothing does. */
  axes: Map<string, (number | null)[]>;
}

/**
 * The multilayer perceptron: P_i moves the outputs of lins.i, all of norms.i (running statistics and initial variances
 * too: left where they are, they would belong to other neurons), both axes of activations.i.C (x * sigmoid(C x) commutes
 * with a permutation only if rows and columns of C go along), and the inputs of lins.{i+1}. Any depth.
 */
export function permutationSpec(network: EffectiveNetwork): PermutationSpec {
  const hidden = network.layers.slice(0, -1);
  const permutations = hidden.map((layer, i) => ({ name: permutationName(i), size: layer.outputs }));
  const moved = (i: number): number | null => (i >= 0 && i < hidden.length ? i : null);
  const axes = new Map<string, (number | null)[]>();
  for (const { name } of namedArrays(network)) {
    const [kind, index, array] = name.split('.');
    const i = Number(index);
    if (kind === 'lins' && array === 'weight') axes.set(name, [moved(i), moved(i - 1)]);
    else if (kind === 'activations') axes.set(name, [moved(i), moved(i)]);
    else axes.set(name, [moved(i)]);
  }
  return { permutations, axes };
}

/** new[r, c] = data[rows[r], columns[c]]; null leaves an axis as it is. One-dimensional arrays have one column. */
export function permuteArray<T extends Float32Array | Float64Array>(
  data: T,
  shape: readonly number[],
  perms: readonly (Permutation | null)[],
): T {
  const [rows = 1, columns = 1] = shape;
  const [byRow, byColumn] = [perms[0] ?? null, perms[1] ?? null];
  const result = data.slice() as T;
  if (!byRow && !byColumn) return result;
  for (let r = 0; r < rows; r++) {
    const from = (byRow ? byRow[r]! : r) * columns;
    const to = r * columns;
    for (let c = 0; c < columns; c++) result[to + c] = data[from + (byColumn ? byColumn[c]! : c)]!;
  }
  return result;
}

/**
 * The network with its neurons in another order, computing the same function: neuron r of layer i is what was neuron
 * perms[i][r].
 * @throws UserError if there is not one permutation of the right size per hidden layer.
 */
export function permuteNetwork(network: EffectiveNetwork, perms: LayerPermutations): EffectiveNetwork {
  const spec = permutationSpec(network);
  checkPermutations(spec, perms);
  return permuteBySpec(network, spec, perms);
}

/** As permuteNetwork, by a spec that has yet to be trusted: `checkPermutationSpec` uses it. */
export function permuteBySpec(
  network: EffectiveNetwork,
  spec: PermutationSpec,
  perms: LayerPermutations,
): EffectiveNetwork {
  return mapArrays(network, ({ name, shape, data }) => {
    const axes = spec.axes.get(name) ?? [];
    return permuteArray(
      data,
      shape,
      axes.map((p) => (p === null ? null : perms[p]!)),
    );
  });
}

export function checkPermutations(spec: PermutationSpec, perms: LayerPermutations): void {
  if (perms.length !== spec.permutations.length) {
    throw new UserError(
      `${perms.length} permutations were given, but the network has ${spec.permutations.length} hidden layers`,
    );
  }
  spec.permutations.forEach(({ name, size }, i) => {
    const perm = perms[i]!;
    if (perm.length === size && isPermutation(perm)) return;
    throw new UserError(`${name} is not a permutation of the ${size} neurons of its layer`, {
      hint: `It must hold each of 0 .. ${size - 1} once.`,
    });
  });
}
