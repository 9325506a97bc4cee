/**
 * Realization cost of every layer of stock W-asymmetric MLPs (512 wide, 64 fixed entries per neuron, 256 in the last
 * layer) on 7,200 digits, one model after the other as a job does it, beside PyTorch doing it the reference's way on the
 * same machine where BASIN_TORCH_PYTHON names a Python with torch: for every model an SVD of the data and of each layer's
 * activations, and one pseudo-inverse per neuron. Libraries are loaded, and threads started, before either clock runs;
 * what compiles while it runs (Basin's code) counts for the first model.
 *
 *   node test/bench/realization-cost.ts [WIDTH] [MODELS]
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadBackend } from '../../src-main/compute/backend/index.ts';
import type { LoadedModel } from '../../src-main/compute/checkpoints.ts';
import { loadDataset, splitExamples, splitIndices } from '../../src-main/compute/data/index.ts';
import type { Examples } from '../../src-main/compute/data/index.ts';
import { layerWeights } from '../../src-main/compute/identifiability/layer-weights.ts';
import { SubspaceRecorder } from '../../src-main/compute/identifiability/measure.ts';
import { costsOfLayers } from '../../src-main/compute/identifiability/realization-cost.ts';
import { startThreads } from '../../src-main/compute/threads/pool.ts';
import { initialise, toEffective } from '../../src-main/compute/models/index.ts';
import type { LayerRealizationCost } from '../../src-shared/jobs/realization-cost.ts';
import type { MlpSpec } from '../../src-shared/model.ts';

const explainedVariance = 0.9;

function specOf(width: number): MlpSpec {
  const widths = [784, width, width, width, 10];
  const layers = widths.slice(1).map((outputs, index) => ({
    ...{ index, inputs: widths[index]!, outputs, sigmaF: 1, normalMask: true },
    numFixed: index === 3 ? width / 2 : width / 8,
  }));
  return {
    ...{ architecture: 'mlp', family: 'w-asymmetric', layers, norm: 'layer' },
    ...{ elementwiseAffine: true, activation: 'gelu', asymInitOnly: false },
  };
}

/** The part of a loaded model that the measures read. */
type Model = Pick<LoadedModel, 'spec' | 'state' | 'network'>;

function modelsOf(width: number, count: number): Model[] {
  const spec = specOf(width);
  const init = Array.from({ length: count }, (_, i) => i + 1);
  return initialise(spec, { init, mask: 1 }).map((state) => ({
    ...{ spec, state, network: toEffective(spec, state) },
  }));
}

const layerNumbers = (model: Model) => model.network.layers.map((_, i) => i);

interface Timing {
  /** Per model. */
  seconds: number[];
  /** Of all threads, busy waiting included; per model. */
  cpuSeconds: number[];
  /** Of the first model. */
  dimensions: number[];
  meanCosts: number[];
  peakMiB: number;
  version: string;
}

const total = (values: Iterable<number>): number => {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
};
const mean = (values: Float64Array | Float32Array): number => total(values) / values.length;

async function measure(models: readonly Model[], examples: Examples): Promise<Timing> {
  const backend = await loadBackend();
  startThreads();
  const places = layerNumbers(models[0]!).map((i) => `lins.${i}`);
  const recorder = new SubspaceRecorder(backend, examples, places, explainedVariance);
  const found: { seconds: number; cpuSeconds: number; layers: LayerRealizationCost[] }[] = [];
  for (const model of models) {
    const cpuBefore = process.cpuUsage();
    const started = performance.now();
    const spaces = await recorder.subspaces(model, () => Promise.resolve());
    const layers = await costsOfLayers(model, spaces, {
      between: () => Promise.resolve(),
      doubles: backend.native?.doubles,
    });
    const { user, system } = process.cpuUsage(cpuBefore);
    const seconds = (performance.now() - started) / 1000;
    found.push({ seconds, cpuSeconds: (user + system) / 1e6, layers });
  }
  return {
    seconds: found.map(({ seconds }) => seconds),
    cpuSeconds: found.map(({ cpuSeconds }) => cpuSeconds),
    dimensions: found[0]!.layers.map(({ subspace_dimension }) => subspace_dimension),
    meanCosts: found[0]!.layers.map((layer) => mean(layer.mahalanobis_distance_squared.data)),
    peakMiB: process.resourceUsage().maxRSS / 1024,
    version: backend.label,
  };
}

function torch(python: string, models: readonly Model[], examples: Examples, threads: number): Timing {
  const folder = mkdtempSync(join(tmpdir(), 'basin-bench-'));
  try {
    const write = (name: string, values: ArrayLike<number>) => {
      writeFileSync(join(folder, `${name}.f32`), new Uint8Array(Float32Array.from(values).buffer));
    };
    write('x', examples.x);
    for (const [m, model] of models.entries()) {
      for (const i of layerNumbers(model)) {
        const { weight, fixed, mask } = layerWeights(model, i);
        write(`weight${m}-${i}`, weight);
        write(`mask${m}-${i}`, mask!);
        write(`fixed${m}-${i}`, fixed!);
        write(`bias${m}-${i}`, model.network.layers[i]!.bias);
      }
    }
    const { layers } = models[0]!.network;
    const widths = [layers[0]!.inputs, ...layers.map(({ outputs }) => outputs)];
    const about = { models: models.length, widths, samples: examples.count, explainedVariance };
    writeFileSync(join(folder, 'about.json'), JSON.stringify(about));
    const script = fileURLToPath(new URL('realization_cost_torch.py', import.meta.url));
    return JSON.parse(
      execFileSync(python, [script, folder, String(threads)], { encoding: 'utf8' }),
    ) as Timing;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function show(label: string, { seconds, cpuSeconds, dimensions, meanCosts, peakMiB, version }: Timing): void {
  const costs = meanCosts.map((cost) => cost.toPrecision(6)).join(', ');
  const each = (values: readonly number[]) => values.map((value) => value.toFixed(2)).join(', ');
  console.log(
    `${label}: ${each(seconds)} s (processor time ${each(cpuSeconds)} s), ${peakMiB.toFixed(0)} MiB at most, subspaces of ${dimensions.join(', ')} dimensions, mean costs ${costs} (${version})`,
  );
}

const models = modelsOf(Number(process.argv[2] ?? 512), Number(process.argv[3] ?? 4));
const dataset = await loadDataset({ name: 'mnist-10k' });
const split = splitIndices(dataset, { splitSeed: 42, valFraction: 0.1 });
const examples = splitExamples(dataset, split, 'train');
const ours = await measure(models, examples);
show('Basin', ours);
const python = process.env.BASIN_TORCH_PYTHON;
if (python) {
  const { threads } = await loadBackend();
  const theirs = torch(python, models, examples, threads);
  show('PyTorch', theirs);
  const times = (of: 'seconds' | 'cpuSeconds') => (total(theirs[of]) / total(ours[of])).toFixed(1);
  console.log(
    `Basin is ${times('seconds')} times faster, with ${times('cpuSeconds')} times less processor time; ` +
      `the first model ${(theirs.seconds[0]! / ours.seconds[0]!).toFixed(1)} times.`,
  );
} else console.log('(set BASIN_TORCH_PYTHON to a Python with torch to compare)');
