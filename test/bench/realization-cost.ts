/**
 * Realization cost of every layer of the stock W-asymmetric MLP (512 wide, 64 fixed entries per neuron, 256 in the last
 * layer) on 7,200 digits, beside PyTorch doing it the reference's way on the same machine where BASIN_TORCH_PYTHON names
 * a Python with torch: an SVD of the activations, one pseudo-inverse per neuron.
 *
 *   node test/bench/realization-cost.ts [WIDTH]
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
import {
  centerDistances,
  realizationCosts,
  swapCosts,
} from '../../src-main/compute/identifiability/realization.ts';
import { initialise, toEffective } from '../../src-main/compute/models/index.ts';
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
function modelOf(width: number) {
  const spec = specOf(width);
  const state = initialise(spec, { init: [1], mask: 1 })[0]!;
  return { spec, state, network: toEffective(spec, state) } as Pick<
    LoadedModel,
    'spec' | 'state' | 'network'
  >;
}

type Model = ReturnType<typeof modelOf>;
const layerNumbers = (model: Model) => model.network.layers.map((_, i) => i);

interface Timing {
  seconds: number;
  /** Of all threads, busy waiting included. */
  cpuSeconds: number;
  dimensions: number[];
  meanCosts: number[];
  peakMiB: number;
  version: string;
}

const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

async function measure(model: Model, examples: Examples): Promise<Timing> {
  const backend = await loadBackend();
  const cpuBefore = process.cpuUsage();
  const started = performance.now();
  const wanted = layerNumbers(model).map((i) => `lins.${i}`);
  const recorder = new SubspaceRecorder(backend, examples, wanted, explainedVariance);
  const spaces = await recorder.subspaces(model, () => Promise.resolve());
  const recorded = performance.now();
  const meanCosts: number[] = [];
  for (const [i, space] of spaces.entries()) {
    const { costs, centers, neurons } = await realizationCosts(layerWeights(model, i), space, {
      doubles: backend.native?.doubles,
    });
    swapCosts(costs, neurons);
    centerDistances(centers, neurons);
    meanCosts.push(mean(costs));
  }
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  console.log(`  of which subspaces ${((recorded - started) / 1000).toFixed(2)} s`);
  return {
    seconds,
    cpuSeconds: (user + system) / 1e6,
    dimensions: spaces.map(({ dimension }) => dimension),
    meanCosts,
    peakMiB: process.resourceUsage().maxRSS / 1024,
    version: backend.label,
  };
}

function torch(python: string, model: Model, examples: Examples, threads: number): Timing {
  const folder = mkdtempSync(join(tmpdir(), 'basin-bench-'));
  try {
    const write = (name: string, values: ArrayLike<number>) => {
      writeFileSync(join(folder, `${name}.f32`), new Uint8Array(Float32Array.from(values).buffer));
    };
    write('x', examples.x);
    for (const i of layerNumbers(model)) {
      const { weight, fixed, mask } = layerWeights(model, i);
      write(`weight${i}`, weight);
      write(`mask${i}`, mask!);
      write(`fixed${i}`, fixed!);
      write(`bias${i}`, model.network.layers[i]!.bias);
    }
    const widths = [model.network.layers[0]!.inputs, ...model.network.layers.map(({ outputs }) => outputs)];
    const about = { widths, samples: examples.count, explainedVariance };
    writeFileSync(join(folder, 'about.json'), JSON.stringify(about));
    const script = fileURLToPath(new URL('realization_cost_torch.py', import.meta.url));
    return JSON.parse(
      execFileSync(python, [script, folder, String(threads)], { encoding: 'utf8' }),
    ) as Timing;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function show(label: string, timing: Timing): void {
  const { seconds, cpuSeconds, dimensions, meanCosts, peakMiB, version } = timing;
  const costs = meanCosts.map((cost) => cost.toPrecision(6)).join(', ');
  console.log(
    `${label}: ${seconds.toFixed(2)} s (${cpuSeconds.toFixed(2)} s of processor time), ${peakMiB.toFixed(0)} MiB at most, subspaces of ${dimensions.join(', ')} dimensions, mean costs ${costs} (${version})`,
  );
}

const model = modelOf(Number(process.argv[2] ?? 512));
const dataset = await loadDataset({ name: 'mnist-10k' });
const split = splitIndices(dataset, { splitSeed: 42, valFraction: 0.1 });
const examples = splitExamples(dataset, split, 'train');
const ours = await measure(model, examples);
show('Basin', ours);
const python = process.env.BASIN_TORCH_PYTHON;
if (python) {
  const { threads } = await loadBackend();
  const theirs = torch(python, model, examples, threads);
  show('PyTorch', theirs);
  const times = (of: 'seconds' | 'cpuSeconds') => (theirs[of] / ours[of]).toFixed(1);
  console.log(
    `Basin is ${times('seconds')} times faster, with ${times('cpuSeconds')} times less processor time.`,
  );
} else console.log('(set BASIN_TORCH_PYTHON to a Python with torch to compare)');
