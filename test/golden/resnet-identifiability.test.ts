/** Measures of identifiability on the published ResNet20 runs: all layers, and what each family must show. */
import { beforeAll, describe, expect, it } from 'vitest';
import { loadBackend } from '../../src-main/compute/backend/index.ts';
import type { Backend } from '../../src-main/compute/backend/index.ts';
import type { Examples } from '../../src-main/compute/data/index.ts';
import { selectExamples } from '../../src-main/compute/data/index.ts';
import { placesOf } from '../../src-main/compute/identifiability/input-moments.ts';
import { layerWeights } from '../../src-main/compute/identifiability/layer-weights.ts';
import type { LoadedNetwork } from '../../src-main/compute/identifiability/layer-weights.ts';
import { SubspaceRecorder } from '../../src-main/compute/identifiability/measure.ts';
import { realizationCosts } from '../../src-main/compute/identifiability/realization.ts';
import { costsOfLayers } from '../../src-main/compute/identifiability/realization-cost.ts';
import { HostSums, subspaceOf } from '../../src-main/compute/identifiability/subspace.ts';
import { actingDoubles } from '../../src-main/compute/networks/effective.ts';
import { hostValues } from '../../src-main/compute/networks/host.ts';
import { swapCosts } from '../../src-shared/swap-costs.ts';
import { readNetwork } from '../../src-shared/networks/network.ts';
import { resnetGraph } from '../../src-shared/networks/resnet.ts';
import { cifarSplits, resnetRuns, resnetSpec, resnetState } from '../support/resnet-runs.ts';

const still = () => Promise.resolve();
const explained = 0.9;
let backend: Backend;
let examples: Examples;
beforeAll(async () => {
  backend = await loadBackend();
  examples = selectExamples(
    cifarSplits().val,
    Int32Array.from({ length: 12 }, (_, i) => i),
  );
});

const modelOf = (run: string): LoadedNetwork => ({
  run: { graph: readNetwork(resnetGraph(resnetSpec(run))) },
  state: resnetState(run, 1),
});

/** Pairs i < j of a square matrix. */
const pairsOf = (data: ArrayLike<number>, n: number): number[] =>
  Array.from({ length: n * n }, (_, k) => k)
    .filter((k) => Math.floor(k / n) < k % n)
    .map((k) => data[k]!);

describe.each(resnetRuns)('%s', (run) => {
  it('all 21 convolutions and the linear layer', async () => {
    const model = modelOf(run);
    const layers = placesOf(model.run.graph).slice(0, -1);
    const names = layers.map(({ layer }) => layer);
    const recorder = new SubspaceRecorder(backend, examples, names, explained);
    const spaces = await recorder.subspaces(model, still);
    const options = { between: still, doubles: backend.native?.doubles };
    const found = await costsOfLayers(model, spaces, options);
    expect(found.map(({ layer }) => layer)).toEqual(names);
    expect(names).toHaveLength(22);
    for (const [i, { transposition_cost_squared: swaps, ...fields }] of found.entries()) {
      const pairs = pairsOf(swaps.data, swaps.rows);
      if (run === 'resnet_sym0') expect(Math.max(...pairs.map(Math.abs))).toBe(0);
      else expect(Math.min(...pairs), fields.layer).toBeGreaterThan(0);
      expect(fields.patches?.images ?? 12).toBe(12);
      expect(fields.full_dimension).toBe(layers[i]!.width);
      if (run !== 'resnet_sym3_kappa2') continue;
      // 2 (a_i - a_j).(v_i - v_j)
      const {
        neurons: n,
        projected: a,
        centers: v,
      } = await realizationCosts(layerWeights(model, fields.layer), await spaces[i]!);
      const k = a.length / n;
      const product = (p: number, q: number): number => {
        let sum = 0;
        for (let c = 0; c < k; c++)
          sum += 2 * (a[p * k + c]! - a[q * k + c]!) * (v[p * k + c]! - v[q * k + c]!);
        return sum;
      };
      expect(swaps.data[1]).toBeCloseTo(product(0, 1), 6);
      expect(swaps.data[3 * n + 7]).toBeCloseTo(product(3, 7), 6);
    }
  });
});

it.each(['conv1', 'layer1.1.conv2', 'layer2.0.conv1', 'layer2.0.shortcut.0'])(
  '%s: as measured on patches that were cut one by one from values in plain TypeScript',
  async (layer) => {
    const model = modelOf('resnet_sym1_kappa2');
    const { graph } = model.run;
    const { node, width, patches } = placesOf(graph).find((place) => place.layer === layer)!;
    const few = selectExamples(examples, Int32Array.of(0, 1, 2, 3));
    const arrays = new Map([...actingDoubles(graph, model.state)].map(([name, { data }]) => [name, data]));
    const images = hostValues(graph, arrays, Float64Array.from(few.x)).get(node)!;
    const { image, kernel, stride, padding, positions } = patches!;
    const rows: number[] = [];
    for (let n = 0; n < few.count; n++)
      for (let top = -padding[0]; top < positions[0] * stride[0] - padding[0]; top += stride[0])
        for (let left = -padding[1]; left < positions[1] * stride[1] - padding[1]; left += stride[1])
          for (let c = 0; c < image[2]; c++)
            for (let y = top; y < top + kernel[0]; y++)
              for (let x = left; x < left + kernel[1]; x++) {
                const inside = y >= 0 && y < image[0] && x >= 0 && x < image[1];
                rows.push(inside ? images[((n * image[0] + y) * image[1] + x) * image[2] + c]! : 0);
              }
    const sums = new HostSums({ layer, hookMode: 'RecordInput', width });
    sums.add(Float64Array.from(rows));
    const space = subspaceOf(sums.finish(), explained);
    const expected = await realizationCosts(layerWeights(model, layer), space);
    const recorder = new SubspaceRecorder(backend, few, [layer], explained);
    const found = await costsOfLayers(model, await recorder.subspaces(model, still), {
      between: still,
      doubles: backend.native?.doubles,
    });
    const [{ mahalanobis_distance_squared: costs, transposition_cost_squared: swaps, ...fields }] = found as [
      (typeof found)[number],
    ];
    expect(fields.subspace_dimension).toBe(space.dimension);
    const largest = expected.costs.reduce((most, cost) => Math.max(most, cost), 0);
    for (const [own, wanted] of [
      [costs.data, expected.costs],
      [swaps.data, swapCosts(expected.costs, expected.neurons)],
    ] as const)
      own.forEach((value, i) => {
        expect(Math.abs(value - wanted[i]!), `${i}`).toBeLessThan(1e-9 * largest);
      });
  },
);
