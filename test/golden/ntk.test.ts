/** Neural tangent kernels of the fixtures against the reference's own, which were recomputed in float64 by its definition. */
import { describe, expect, test } from 'vitest';
import { RandomStream } from '../../src-main/compute/random.ts';
import { dataOf } from '../../src-main/compute/networks/check-symmetries.ts';
import { actingDoubles } from '../../src-main/compute/networks/effective.ts';
import { hostForward } from '../../src-main/compute/networks/host.ts';
import { layoutOf, weightsOf, withGradients } from '../../src-main/compute/ntk/gradients.ts';
import { kernelOf } from '../../src-main/compute/ntk/kernel.ts';
import { balancedSample } from '../../src-main/compute/ntk/sample.ts';
import { loadBackend } from '../../src-main/compute/backend/index.ts';
import type { BackendName } from '../../src-main/compute/backend/index.ts';
import { loadAnalysisData } from '../../src-main/compute/analysis-data.ts';
import { loadModels, readRun } from '../../src-main/compute/load-models.ts';
import type { StateDict } from '../../src-main/compute/models/index.ts';
import { readNetwork } from '../../src-shared/networks/network.ts';
import type { Network } from '../../src-shared/networks/network.ts';
import { graphOf } from '../../src-shared/networks/of-model.ts';
import type { NtkComparison, NtkLinearisation, NtkStats } from '../../src-shared/jobs/ntk.ts';
import { ntkJob } from '../../src-shared/jobs/ntk.ts';
import { present } from '../../src-shared/presentations/index.ts';
import { fixtureRun, goldenJson, goldenNpy } from '../support/fixtures.ts';
import { goldenData, job } from '../support/job.ts';
import { largestDifference } from '../support/reference-run.ts';
import { resnetSpec, resnetState } from '../support/resnet-runs.ts';

type Numbers = Record<string, number>;
interface Golden {
  ntk: Record<string, { stats_f64: Numbers; num_parameters: number }>;
  ntk_comparison: Record<string, { f64: Numbers }>;
  linearization_agreement: Record<string, { f64: Numbers }>;
  get_class_balanced_samples_12_seed42_test: number[];
}
const names = ['sym0', 'sym1_kappa1'];
const golden = goldenJson<Record<string, Golden>>('similarity_ntk');
const question = (name: string) => ({
  ...{ run: fixtureRun(name), split: 'test', samples: 24, classBalanced: false, data: goldenData() },
});

const { native } = await loadBackend();
/** Float64 sums in another order; of gradients that were computed in float32 their rounding. */
const noise = native ? 1e-9 : 1e-3;

function expectNear(found: object, expected: Numbers): void {
  for (const [key, value] of Object.entries(expected)) {
    const own = (found as Numbers)[key]!;
    expect(Math.abs(own - value) / Math.max(Math.abs(value), 1e-12), `${key}: ${own}, ${value}`).toBeLessThan(
      noise,
    );
  }
}

describe.each(names)('%s, model 1', (name) => {
  const { ntk, ntk_comparison: comparison, linearization_agreement: linear } = golden[name]!;

  test('kernels, their eigenvalues, how they move, and the linearisation at the start', async () => {
    const found = ntkJob.result.parse(await job('ntk', { ...question(name), withMatrices: true }));
    expect(found.precision).toBe(native ? 'float64' : 'float32');
    expect(found.num_weights).toBe(ntk['epoch0']!.num_parameters);
    const epochs = new Map(found.all_epoch_results.map((entry) => [entry.epoch, entry]));
    expect([...epochs.keys()]).toEqual([0, 1, 5]);
    for (const [epoch, entry] of epochs) {
      const kernel = goldenNpy(`ntk/${name}_m1_e${epoch}`).data;
      const largest = Math.max(...kernel.map(Math.abs));
      entry.ntk_matrix!.data.forEach((value, i) => {
        expect(Math.abs(value - kernel[i]!), `epoch ${epoch}, ${i}`).toBeLessThan(noise * largest);
      });
      expectNear(entry.ntk_stats satisfies NtkStats, ntk[`epoch${epoch}`]!.stats_f64);
      expect(entry.top_eigenvalues[0]).toBe(entry.ntk_stats.max_eigenvalue);
    }
    const compared = (entry: NtkComparison | null) => ({ ...entry!, cka: entry!.cka_squared! });
    expectNear(compared(epochs.get(1)!.init), comparison['0->1']!.f64);
    expectNear(compared(epochs.get(5)!.init), comparison['0->5']!.f64);
    expectNear(compared(epochs.get(5)!.prev), comparison['1->5']!.f64);
    for (const epoch of [1, 5]) {
      const own: NtkLinearisation = epochs.get(epoch)!.linearization_agreement!;
      // The share is the only float32 number among them.
      const { accuracy_agreement: share, ...expected } = linear[`epoch0_vs_${epoch}`]!.f64;
      expectNear(own, expected as Numbers);
      expect(own.accuracy_agreement).toBeCloseTo(share!, 6);
    }
    expect(epochs.get(0)).toMatchObject({ init: null, prev: null, linearization_agreement: null });
    const shown = present('ntk', found)!;
    expect(shown.table!.rows).toHaveLength(3);
    expect(shown.figures[0]!.recipe).toMatchObject({ kind: 'training-curves' });
  });
});

test('examples are drawn class by class as the reference draws them', async () => {
  const { splits } = await loadAnalysisData(readRun(fixtureRun('sym0')), goldenData(), ['test']);
  const { labels } = splits.get('test')!;
  expect([...balancedSample(labels, 12, 42)]).toEqual(
    golden['sym0']!.get_class_balanced_samples_12_seed42_test,
  );
});

/** Model 1 of a run of the fixtures. */
const mlp = (name: string) => loadModels(fixtureRun(name), [1], 5)[0]!;

async function kernelsOf(
  prefer: BackendName,
  { run, state }: { run: { graph: Network }; state: StateDict },
  { x, chunk, budget }: { x: Float32Array; chunk: number; budget?: number },
  directions: readonly Float64Array[] = [],
) {
  const layout = layoutOf(run.graph);
  const size = chunk * layout.features;
  const chunks = Array.from({ length: Math.ceil(x.length / size) }, (_, i) =>
    x.slice(i * size, (i + 1) * size),
  );
  const backend = await loadBackend({ prefer });
  const examined = { chunks, layout, ...(budget !== undefined && { budget }) };
  return withGradients(backend, { network: run.graph, chunk }, async (gradients) => {
    gradients.set(state);
    return kernelOf(gradients, examined, directions, async () => undefined);
  });
}

const randomRows = (count: number) => new RandomStream(3, 'rows').normals(count);

test('neither chunks, nor what is kept, nor float32 gradients make another kernel', async () => {
  const model = mlp('sym1_kappa1');
  const x = randomRows(11 * 784);
  const { kernel } = await kernelsOf('tensorflow', model, { x, chunk: 11 });
  const largest = Math.max(...kernel);
  const parts = await kernelsOf('tensorflow', model, { x, chunk: 3, budget: 1 });
  expect(largestDifference(parts.kernel, kernel)).toBeLessThan(1e-12 * largest);
  const plain = await kernelsOf('wasm', model, { x, chunk: 4 });
  expect(largestDifference(plain.kernel, kernel)).toBeLessThan(1e-5 * largest);
});

const resnet = (name: string) => ({
  run: { graph: readNetwork(graphOf(resnetSpec(name))) },
  state: resnetState(name, 1),
});

test.each([
  ['gates', () => mlp('sym2')],
  ['SYRE', () => mlp('sym3_kappa1')],
  ['convolutions under a mask', () => resnet('resnet_sym1_kappa2')],
])('gradients are those of the outputs: %s', async (_, load) => {
  const { run, state } = load();
  const layout = layoutOf(run.graph);
  const x = randomRows(2 * layout.features);
  // Rounded to float32 as a checkpoint is; the direction is that between the two that were rounded. So short that hardly
  // any of a residual network’s 200,000 rectified values changes its sign.
  const moved = (sign: number): StateDict => {
    const stream = new RandomStream(5, 'direction');
    const copy = new Map(state);
    for (const { name } of layout.trained) {
      const own = state.get(name)!;
      copy.set(name, { ...own, data: own.data.map((value) => value + sign * 3e-7 * stream.normal()) });
    }
    return copy;
  };
  const [below, above] = [moved(-1), moved(1)];
  const start = weightsOf(layout, below);
  const direction = weightsOf(layout, above).map((value, i) => value - start[i]!);
  const { changes } = await kernelsOf('tensorflow', { run, state }, { x, chunk: 1 }, [direction]);
  const [before, after] = [below, above].map((end) =>
    hostForward(run.graph, dataOf(actingDoubles(run.graph, end)), Float64Array.from(x)),
  );
  const difference = Float64Array.from(after!, (value, i) => value - before![i]!);
  const size = Math.max(...difference.map(Math.abs));
  expect(size).toBeGreaterThan(1e-6);
  expect(largestDifference(changes[0]!, difference)).toBeLessThan(1e-5 * size);
});

describe('refused', () => {
  const refusals: [object, RegExp][] = [
    [{ model: 9 }, /no checkpoint of model 9.*models 1, 2/s],
    [{ epochs: [0, 3] }, /no checkpoint of epoch 3; it has epochs 0, 1, 5/],
    [{ samples: 2000, classBalanced: true }, /200 of class \d, of which the split has/],
  ];
  test.each(refusals)('%j', async (change, message) => {
    const found = await job('ntk', { ...question('sym0'), ...change }).catch((error: unknown) => error);
    const { message: text, hint } = found as { message: string; hint?: string };
    expect(`${text} ${hint ?? ''}`).toMatch(message);
  });
});
