/** Permutation groups of networks of real PyTorch and torchvision: as counted by hand, and checked by machine. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect } from 'vitest';
import { loadBackend } from '../../src-main/compute/backend/index.ts';
import type { Backend, Tensor } from '../../src-main/compute/backend/index.ts';
import { hasBinding } from '../../src-main/compute/backend/native.ts';
import { matchRecorded } from '../../src-main/compute/alignment/match-recorded.ts';
import type { Comparison } from '../../src-main/compute/alignment/match-recorded.ts';
import { recordUnits } from '../../src-main/compute/alignment/record-activations.ts';
import { recordingStages } from '../../src-main/compute/alignment/recorded-units.ts';
import { matchWeights } from '../../src-main/compute/alignment/weight-matching.ts';
import { actingArrays } from '../../src-main/compute/networks/effective.ts';
import { permuteArrays } from '../../src-main/compute/networks/permute.ts';
import type { NamedArrays } from '../../src-main/compute/networks/permute.ts';
import { RandomStream } from '../../src-main/compute/random.ts';
import { exportedModel } from '../../src-main/interop/adopt/exported.ts';
import type { RecordingPoint } from '../../src-shared/domain.ts';
import { readNetwork } from '../../src-shared/networks/network.ts';
import type { Network } from '../../src-shared/networks/network.ts';
import { sizeOf } from '../../src-shared/shapes.ts';
import { symmetriesOf } from '../../src-shared/networks/symmetries.ts';
import type { JobResult } from '../../src-shared/jobs/index.ts';
import { job } from '../support/job.ts';
import { itWithTorch, runPython } from '../support/torch.ts';
import { shareFound, unitsFound } from './exported/found.ts';

const folder = mkdtempSync(join(tmpdir(), 'basin-symmetries-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const script = fileURLToPath(new URL('exported/networks.py', import.meta.url));
const timeout = 1_200_000;

const times = (count: number, sizes: readonly number[]): number[] =>
  Array.from({ length: count }, () => sizes).flat();

/** A layer of attention: its heads; in each of them queries with keys, and values with outputs; then the hidden units behind it. */
const attention = (heads: number, inner: number, hidden: number): number[] => [
  ...[heads, hidden],
  ...times(2 * heads, [inner]),
];

/**
 * A stage of a ShuffleNet: every unit but the first sends half of its channels through a branch and passes the others on,
 * shuffled with the result. What still stands together at the end went through the same branches.
 * @param half channels of a branch @param units of the stage
 */
function shuffled(half: number, units: number): number[] {
  // Which branch made a channel, and which branches read it since.
  let channels = Array.from({ length: 2 * half }, (_, i): string => (i % 2 === 0 ? '0a' : '0b'));
  const groups = new Map<string, number>();
  const count = (name: string): void => void groups.set(name, (groups.get(name) ?? 0) + 1);
  for (let unit = 1; unit < units; unit++) {
    const [passed, read] = [channels.slice(0, half), channels.slice(half)];
    for (const history of read) count(`${history} ${unit}`);
    channels = passed.flatMap((history) => [`${history} -`, String(unit)]);
  }
  for (const history of channels) count(`${history} end`);
  // The first convolution of a branch has channels of its own.
  return [...[...groups.values()].filter((size) => size > 1), ...times(units, [half])];
}

/** Sizes of the groups by network, and why. */
const expected: Record<string, number[]> = {
  // Each layer of two blocks: one residual stream, and the channels inside each block.
  resnet18: [64, 128, 256, 512].flatMap((channels) => times(3, [channels])),
  // A chain: eight convolutions, two hidden linear layers; the first of them reads blocks of 49 pixels.
  vgg11_bn: [64, 128, 256, 256, 512, 512, 512, 512, 4096, 4096],
  // The first convolution (with the depthwise one behind it), a stream for each of seven widths, 16 expanded blocks, the last one.
  mobilenet_v2: [
    ...[32, 16, 24, 32, 64, 96, 160, 320, 1280],
    ...[
      ...times(2, [144]),
      ...times(3, [192]),
      ...times(4, [384]),
      ...times(3, [576]),
      ...times(3, [960]),
      96,
    ],
  ],
  // The first convolution (24, which both branches of the first unit read), three stages, the last convolution.
  shufflenet_v2_x0_5: [24, ...shuffled(24, 4), ...shuffled(48, 8), ...shuffled(96, 4), 1024],
  // One residual stream over both layers; positions and the class token are parts of it.
  vit: [32, ...times(2, attention(4, 8, 64))],
  // The stream is the input itself, and stays.
  transformer_encoder: times(2, attention(3, 8, 40)),
  // One stream, which the tied embedding and head share; queries, keys and values in one weight.
  gpt: [32, ...times(2, attention(4, 8, 128))],
  // One stream; hidden units over patches (32) and over channels (48). Patches stay in place.
  mlp_mixer: [24, 32, 48, 32, 48],
  // Two for each pair of convolutions, and one for each transposed convolution: joined channels keep their own groups.
  unet: [8, 8, 16, 16, 32, 32, 16, 16, 16, 8, 8, 8],
};

const sorted = (sizes: readonly number[]): number[] => sizes.toSorted((a, b) => a - b);

describe.skipIf(!hasBinding())('permutation groups of a network exported from PyTorch', () => {
  for (const [name, sizes] of Object.entries(expected))
    itWithTorch(
      `are those counted by hand, and leave the function as it is: ${name}`,
      { timeout },
      async () => {
        runPython([script, folder, name], {});
        const network = join(folder, `${name}.pt2`);
        const found = await job<JobResult<'symmetries'>>('symmetries', { network });
        expect(sorted(found.groups.map(({ size }) => size))).toEqual(sorted(sizes));
        expect(found.check).toMatchObject({ ok: true, failed: [] });
        expect(found.check!.max_relative_change).toBeLessThan(1e-9);
        // Half a gigabyte, exported once only.
        if (name === 'vgg11_bn') return;
        const decomposed = await job<JobResult<'symmetries'>>('symmetries', {
          network: join(folder, `${name}_decomposed.pt2`),
        });
        expect(decomposed.groups.map(({ size, axes }) => [size, axes.length])).toEqual(
          found.groups.map(({ size, axes }) => [size, axes.length]),
        );
        expect(decomposed.check!.ok).toBe(true);
      },
    );
});

/** A network of PyTorch's, one with its units in a random order, and what brings that back: the last one is kept. */
function planted(name: string): Planted {
  if (latest?.name !== name) latest = { name, ...plantedAnew(name) };
  return latest;
}

type Planted = ReturnType<typeof plantedAnew>;
let latest: (Planted & { name: string }) | undefined;

function plantedAnew(name: string) {
  const path = join(folder, `${name}.pt2`);
  if (!existsSync(path)) runPython([script, folder, name], {});
  const { graph, state } = exportedModel(path);
  const network = readNetwork(graph);
  const arrays = actingArrays(network, state);
  const { groups } = symmetriesOf(network);
  const stream = new RandomStream(5, 'planted');
  const orders = new Map(groups.map((group) => [group.name, stream.permutation(group.size)]));
  return { network, arrays, groups, orders, other: permuteArrays(arrays, groups, orders) };
}

const weightMatched = [
  'resnet18',
  'vgg11_bn',
  'gpt',
  'transformer_encoder',
  'vit',
  'shufflenet_v2_x0_5',
  'mlp_mixer',
  'unet',
];

// Network by network: the last one is kept.
describe.skipIf(!hasBinding()).each(Object.keys(expected))('%s, its units in a random order', (name) => {
  const matched = weightMatched.includes(name) ? 'finds them again' : 'brings them closer';
  itWithTorch(`weight matching, from input to output, ${matched}`, { timeout }, async () => {
    const { network, arrays, groups, orders, other } = planted(name);
    const { doubles } = (await loadBackend()).native!;
    // In a given order all restarts are one ascent: the first is computed, and stands for ten.
    const order = [...groups.keys()];
    const found = await matchWeights(network, arrays, other, { restarts: 10, seed: 1, order, doubles });
    expect(found.restarts).toHaveLength(10);
    expect(found.restarts[0]!.converged).toBe(true);
    const share = shareFound(network, orders, found.permutations);
    console.log(`${name}: ${(100 * share).toFixed(1)} % of its units found again by their weights`);
    expect(found.sumOfNorms).toBeLessThan(found.sumOfNormsIdentity);
    if (!weightMatched.includes(name)) return;
    expect(share).toBe(1);
    expect(found.sumOfNorms).toBe(0);
    const back = permuteArrays(other, groups, found.permutations);
    for (const [key, { data }] of arrays)
      expect(
        data.every((value, i) => value === back.get(key)!.data[i]),
        key,
      ).toBe(true);
  });

  itWithTorch('activation matching finds them again, dead ones aside', { timeout }, async () => {
    const { network, arrays, groups, orders, other } = planted(name);
    const backend = await loadBackend();
    const { shape } = network.graph.inputs[0]!;
    const numbers = new RandomStream(3, 'inputs').normals(rows * sizeOf(shape));
    const inputs = name === 'gpt' ? numbers.map((value) => Math.floor(Math.abs(value) * 1000) % 50) : numbers;
    const x = backend.tf.tensor(inputs, [rows, ...shape]);
    try {
      const recording = { network, models: [arrays, other], pairs: [[0, 1]] as const };
      const names = [{ a: 'a', b: 'b' }];
      for (const { point, found } of await matchRecorded(
        backend,
        recording,
        x,
        { names, comparisons: comparisonsOf(name) },
        noWait,
      )) {
        if (found instanceof Error) throw found;
        const permutations = groups.map((group, g) => [group.name, found.permutations.get(g)!] as const);
        const right = unitsFound(network, orders, new Map(permutations));
        const all = [...right.values()].flat();
        const count = all.filter(Boolean).length;
        console.log(`${name}, ${point}: ${count} of ${all.length} units found again; the others are dead`);
        expect(count).toBeGreaterThan(0.3 * all.length);
        if (count === all.length) continue;
        const dead = await deadUnits(backend, network, arrays, point, x);
        for (const [group, units] of right)
          expect(
            units.flatMap((isRight, unit) => (isRight || dead.get(group)![unit] ? [] : [unit])),
            `${point}, ${group}`,
          ).toEqual([]);
      }
    } finally {
      x.dispose();
    }
  });
});

// Units that are active for one input only are told apart by how much.
const comparisons: Comparison[] = [
  { point: 'post_linear', mode: 'pearson_correlation_with_zero_for_constant' },
  { point: 'post_activation_function', mode: 'dot_product' },
];
/** One for the largest network: all its units are told apart there, and another would take a minute more. */
const comparisonsOf = (name: string): Comparison[] =>
  name === 'vgg11_bn' ? comparisons.slice(0, 1) : comparisons;
const rows = 32;
const noWait = (): Promise<void> => Promise.resolve();

/** Units whose activations are the same for all inputs, but for rounding in float32, wherever they are compared. */
async function deadUnits(
  backend: Backend,
  network: Network,
  model: NamedArrays<Float32Array>,
  point: RecordingPoint,
  x: Tensor,
): Promise<Map<string, boolean[]>> {
  const { groups } = symmetriesOf(network);
  const recorded = recordingStages(network).flatMap((stage) => stage.flatMap((tree) => tree.recorded));
  const places = recorded.flatMap(({ units, ...rest }) =>
    units.places[point].map((value) => ({
      ...rest,
      units: { ...units, places: { ...units.places, [point]: [value] } },
    })),
  );
  const recording = { network, models: [model], pairs: [[0, 0]] as const, points: [point] };
  const [moments] = await recordUnits(
    backend,
    recording,
    places.map(({ units }) => units),
    x,
    noWait,
  );
  const dead = new Map(groups.map(({ name, size }) => [name, new Array<boolean>(size).fill(true)]));
  places.forEach(({ groups: own, entries }, p) => {
    const { squaresA, meanA, rows: count } = moments![point]![p]!;
    own.forEach((place, k) => {
      const { name, size } = groups[place]!;
      for (let entry = 0; entry < size * entries; entry++) {
        const at = k * size * entries + entry;
        const varies = Math.sqrt(squaresA[at]! / count) > 1e-5 * Math.abs(meanA[at]!);
        if (varies) dead.get(name)![Math.floor(entry / entries)] = false;
      }
    });
  });
  return dead;
}
