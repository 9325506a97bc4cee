/**
 * Alignment by more than permutations, of networks exported from PyTorch: residual streams by orthogonal maps, what is inside heads
 * by invertible ones, everything else by permutations. After A. Theus et al., "Generalized linear mode connectivity for
 * transformers", 2025 (arXiv 2506.22712); docs/orthogonal.md has the definition.
 */
import { UserError } from '../../../../src-shared/errors.ts';
import { linearMapsOf } from '../../../../src-shared/networks/exported/linear-maps.ts';
import type { LinearMap, LinearMaps } from '../../../../src-shared/networks/exported/linear-maps.ts';
import type { Network } from '../../../../src-shared/networks/network.ts';
import type { Split } from '../../../../src-shared/networks/exported/untie.ts';
import { symmetriesOf } from '../../../../src-shared/networks/symmetries.ts';
import type { Backend } from '../../backend/index.ts';
import { withComparison } from '../../networks/comparison.ts';
import { isExported, weightsOf } from '../../networks/parameters.ts';
import { inDoubles, permuteArrays } from '../../networks/permute.ts';
import type { NamedArray, NamedArrays } from '../../networks/permute.ts';
import { RandomStream } from '../../random.ts';
import { refuseDeepBlocks } from './deep-blocks.ts';
import { matchWeights } from '../weight-matching.ts';
import type { WeightMatchingOptions } from '../weight-matching.ts';
import { RotationAscent } from './ascent.ts';
import type { AscentInput } from './ascent.ts';
import { failedMaps, requireSame } from './check.ts';
import { reduceModel } from './reduce.ts';
import type { DoubleArrays } from './units.ts';

/** What a start of the ascent is: rotations from what nothing else moves, or the permutations that weight matching finds. */
export type Start = 'anchored' | 'permuted';

export interface RotationRestart {
  readonly start: Start;
  /** Euclidean, over all weights of the two models, after the ascent. */
  readonly distance: number;
  readonly sweeps: number;
  readonly converged: boolean;
}

export interface Rotated {
  /** Both models in the coordinates in which they are mixed: each computes what it computed before, up to float32. */
  readonly first: NamedArrays<Float32Array>;
  readonly second: NamedArrays<Float32Array>;
  readonly maps: LinearMaps;
  /** Parameters that are one tensor in the files of the models. */
  readonly untied: readonly Split[];
  /** In the same coordinates: as they are, permuted by weight matching, and aligned. */
  readonly distances: { readonly unaligned: number; readonly permuted: number; readonly aligned: number };
  readonly restarts: readonly RotationRestart[];
  /** Groups of either model whose sides could not be balanced. */
  readonly unbalanced: readonly string[];
  /** Of an output of either model, in double precision, relative to its largest. */
  readonly maxRelativeChange: number;
}

export interface NamedModel {
  readonly arrays: NamedArrays;
  readonly name: string;
}

const maxSweeps = 300;

/** @throws UserError if only permutations leave the function of the network as it is, with what keeps it from more */
export function requireMaps(network: Network, path: string): LinearMaps {
  if (!isExported(network))
    throw new UserError(
      `${path} describes a network that was not exported from PyTorch; orthogonal alignment is for exported transformers.`,
      { hint: 'Align by weights or by activations.' },
    );
  refuseDeepBlocks(symmetriesOf(network).groups);
  const found = linearMapsOf(network);
  if (found.maps.length > 0) return found;
  const reasons = found.others.slice(0, 3).map(({ group, reason }) => `${group.name} (${reason})`);
  throw new UserError(
    `${path}: no units of the network meet linear maps and norms only, so that nothing but permutations leaves its function as it is` +
      `${reasons.length > 0 ? `: ${reasons.join('; ')}` : ''}.`,
    { hint: 'Align by weights.' },
  );
}

/** Brings the second model next to the first. @throws UserError if a map, or the result, changes the function of a model */
export async function alignByRotations(
  backend: Backend,
  network: Network,
  [a, b]: readonly [NamedModel, NamedModel],
  options: WeightMatchingOptions,
): Promise<Omit<Rotated, 'untied'>> {
  const found = requireMaps(network, a.name);
  const [first, second] = [a, b].map((model) => reducedModel(backend, network, model, found.maps)) as [
    ReducedModel,
    ReducedModel,
  ];
  const matched = await matchWeights(network, first.arrays, second.arrays, options);
  const { groups } = symmetriesOf(network);
  const permuted = permuteArrays(second.arrays, groups, matched.permutations);
  const weights = new Set(weightsOf(network).map(({ name }) => name));
  const mapped = new Map(found.maps.map(({ group }) => [group.name, group]));
  const input: AscentInput = {
    groups: groups.map((group) => mapped.get(group.name) ?? group),
    ...{ maps: found.maps, weights, a: first.arrays },
  };
  const best = await restart(input, { anchored: second.arrays, permuted }, options);
  const change = withComparison(backend, network, inDoubles(b.arrays), (changeOf) => changeOf(best.arrays));
  requireSame(change, `${b.name}: aligning it`);
  const distanceTo = (arrays: DoubleArrays): number => distanceOf(input, arrays);
  return {
    ...{
      first: inSingle(first.arrays),
      second: inSingle(best.arrays),
      maps: found,
      restarts: best.restarts,
    },
    distances: {
      unaligned: distanceTo(second.arrays),
      permuted: distanceTo(permuted),
      aligned: distanceTo(best.arrays),
    },
    unbalanced: [...new Set([...first.unbalanced, ...second.unbalanced])],
    maxRelativeChange: Math.max(first.change, second.change, change),
  };
}

interface ReducedModel {
  readonly arrays: DoubleArrays;
  readonly unbalanced: readonly string[];
  readonly change: number;
}

/** In the coordinates in which models are mixed, its maps checked. */
function reducedModel(
  backend: Backend,
  network: Network,
  { arrays, name }: NamedModel,
  maps: readonly LinearMap[],
): ReducedModel {
  const own = inDoubles(arrays);
  const reduced = reduceModel(own, maps, name);
  return withComparison(backend, network, own, (changeOf) => {
    const change = changeOf(reduced.arrays);
    requireSame(change, `${name}: moving the scales of its norms into its weights, and balancing its heads,`);
    const check = failedMaps(reduced.arrays, maps, changeOf);
    if (check.failed.length > 0)
      requireSame(check.change, `${name}: mixing the units of ${check.failed.join(', ')} by random maps`);
    return { ...reduced, change };
  });
}

interface Best {
  readonly arrays: DoubleArrays;
  readonly restarts: RotationRestart[];
}

/** Either start is tried once at least. */
const startsOf = (restarts: number): number => Math.max(2, restarts);

/** How often `onRestart` is called: weight matching comes first. */
export const restartsIn = (restarts: number): number => restarts + startsOf(restarts);

/** Starts take turns; all but the first two visit in a random order. */
async function restart(
  input: AscentInput,
  starts: Readonly<Record<Start, DoubleArrays>>,
  options: WeightMatchingOptions,
): Promise<Best> {
  const stream = new RandomStream(options.seed, 'rotations');
  const restarts: RotationRestart[] = [];
  let best: { arrays: DoubleArrays; distance: number } | undefined;
  for (let i = 0; i < startsOf(options.restarts); i++) {
    const start: Start = i % 2 === 0 ? 'anchored' : 'permuted';
    const ascent = new RotationAscent(input, starts[start]);
    const count = ascent.visits.length;
    if (start === 'anchored') anchor(ascent);
    const orderOf = (): ArrayLike<number> =>
      i < 2 ? [...new Array(count).keys()] : stream.permutation(count);
    const { sweeps, converged } = await sweep(ascent, orderOf, options);
    const distance = distanceOf(input, ascent.arrays);
    restarts.push({ start, distance, sweeps, converged });
    options.onRestart?.();
    if (!best || distance < best.distance) best = { arrays: ascent.arrays, distance };
  }
  return { arrays: best!.arrays, restarts };
}

/** Streams by what nothing else moves, then everything else by them: a copy is found exactly. */
function anchor(ascent: RotationAscent): void {
  const places = [...ascent.visits.keys()];
  for (const place of places) if (ascent.isRotated(place)) ascent.visit(place, 'anchored');
  for (const place of places) if (!ascent.isRotated(place)) ascent.visit(place);
}

async function sweep(
  ascent: RotationAscent,
  orderOf: () => ArrayLike<number>,
  options: WeightMatchingOptions,
): Promise<{ sweeps: number; converged: boolean }> {
  for (let sweeps = 1; sweeps <= maxSweeps; sweeps++) {
    await options.onVisit?.();
    const grew = Array.from(orderOf(), (place) => ascent.visit(place));
    if (!grew.includes(true)) return { sweeps, converged: true };
  }
  return { sweeps: maxSweeps, converged: false };
}

function distanceOf({ a, weights }: AscentInput, b: DoubleArrays): number {
  let sum = 0;
  for (const [name, { data }] of a) {
    if (!weights.has(name)) continue;
    const other = b.get(name)!.data;
    for (let i = 0; i < data.length; i++) sum += (data[i]! - other[i]!) ** 2;
  }
  return Math.sqrt(sum);
}

const inSingle = (arrays: DoubleArrays): Map<string, NamedArray<Float32Array>> =>
  new Map([...arrays].map(([name, { shape, data }]) => [name, { shape, data: Float32Array.from(data) }]));
