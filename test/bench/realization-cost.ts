/**
 * Realization cost of every layer of stock W-asymmetric MLPs (512 wide, 64 fixed entries per neuron, 256 in the last
 * layer) on 7,200 digits, one model after the other as a job does it. In turn with PyTorch doing it the reference's way
 * on the same machine, where BASIN_TORCH_PYTHON names a Python with torch: for every model an SVD of the data and of each
 * layer's activations, and one pseudo-inverse per neuron. (Basin finds the subspace of the data once.) Libraries are
 * loaded, and threads started, before either clock runs; what is compiled while it runs counts for the first model.
 *
 *   node test/bench/realization-cost.ts [WIDTH] [MODELS]
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as rest } from 'node:timers/promises';
import { loadBackend } from '../../src-main/compute/backend/index.ts';
import type { LoadedModel } from '../../src-main/compute/load-models.ts';
import { loadDataset, splitExamples, splitIndices } from '../../src-main/compute/data/index.ts';
import type { Examples } from '../../src-main/compute/data/index.ts';
import { layerWeights, measuredLayers } from '../../src-main/compute/identifiability/layer-weights.ts';
import { SubspaceRecorder } from '../../src-main/compute/identifiability/measure.ts';
import { costsOfLayers } from '../../src-main/compute/identifiability/realization-cost.ts';
import { startThreads } from '../../src-main/compute/threads/pool.ts';
import { initialise } from '../../src-main/compute/models/index.ts';
import type { MlpSpec } from '../../src-shared/model.ts';
import { mlpGraph } from '../../src-shared/networks/mlp.ts';
import { readNetwork } from '../../src-shared/networks/network.ts';
import type { Network } from '../../src-shared/networks/network.ts';
import { TorchTurns } from './support/torch-turns.ts';

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
type Model = Pick<LoadedModel, 'state'> & { run: { graph: Network } };

function modelsOf(width: number, count: number): Model[] {
  const spec = specOf(width);
  const init = Array.from({ length: count }, (_, i) => i + 1);
  const run = { graph: readNetwork(mlpGraph(spec)) };
  return initialise(spec, { init, mask: 1 }).map((state) => ({ run, state }));
}

const layersOf = (model: Model): string[] => measuredLayers(model.run.graph).map(({ id }) => id);

/** What one model took, and what was found. */
interface Round {
  seconds: number;
  /** Of all threads, busy waiting included. */
  cpuSeconds: number;
  dimensions: number[];
  meanCosts: number[];
  /** Of the process so far. */
  peakMiB: number;
}

/** Measures models one after the other, a call each. */
interface Contestant {
  label: string;
  rounds: Round[];
  measure(model: number): Promise<Round>;
}

const total = (values: Iterable<number>): number => {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
};
const mean = (values: Float64Array | Float32Array): number => total(values) / values.length;

async function basin(models: readonly Model[], examples: Examples): Promise<Contestant> {
  const backend = await loadBackend();
  startThreads();
  const places = layersOf(models[0]!);
  const recorder = new SubspaceRecorder(backend, examples, places, explainedVariance);
  const options = { between: () => Promise.resolve(), doubles: backend.native?.doubles };
  return {
    label: `Basin (${backend.label})`,
    rounds: [],
    async measure(index) {
      const cpuBefore = process.cpuUsage();
      const started = performance.now();
      const spaces = await recorder.subspaces(models[index]!, () => Promise.resolve());
      const layers = await costsOfLayers(models[index]!, spaces, options);
      const { user, system } = process.cpuUsage(cpuBefore);
      return {
        seconds: (performance.now() - started) / 1000,
        cpuSeconds: (user + system) / 1e6,
        dimensions: layers.map(({ subspace_dimension }) => subspace_dimension),
        meanCosts: layers.map((layer) => mean(layer.mahalanobis_distance_squared.data)),
        peakMiB: process.resourceUsage().maxRSS / 1024,
      };
    },
  };
}

/** A process that measures the next model for every line it is sent. */
function torch(python: string, folder: string, threads: number): Contestant & { end(): void } {
  const turns = new TorchTurns<Round>(python, 'realization_cost_torch.py', [folder, threads]);
  return {
    label: 'PyTorch, the published way',
    rounds: [],
    measure: () => turns.next(),
    end: () => {
      turns.end();
    },
  };
}

function writeModels(folder: string, models: readonly Model[], examples: Examples): void {
  const write = (name: string, values: ArrayLike<number>) => {
    writeFileSync(join(folder, `${name}.f32`), new Uint8Array(Float32Array.from(values).buffer));
  };
  write('x', examples.x);
  for (const [m, model] of models.entries()) {
    for (const [i, layer] of layersOf(model).entries()) {
      const { weight, fixed, mask } = layerWeights(model, layer);
      write(`weight${m}-${i}`, weight);
      write(`mask${m}-${i}`, mask!);
      write(`fixed${m}-${i}`, fixed!);
      write(`bias${m}-${i}`, model.state.get(`${layer}.bias`)!.data);
    }
  }
  const { nodes, graph } = models[0]!.run.graph;
  const hidden = nodes.filter(({ op }) => op === 'linear').map(({ shape }) => shape[0]!);
  const widths = [graph.inputs[0]!.shape[0]!, ...hidden];
  const about = { models: models.length, widths, samples: examples.count, explainedVariance };
  writeFileSync(join(folder, 'about.json'), JSON.stringify(about));
}

const numbers = (values: readonly number[]): string => values.map((value) => value.toFixed(2)).join(', ');

function show({ label, rounds }: Contestant): void {
  const { dimensions, meanCosts } = rounds[0]!;
  console.log(
    `${label}: ${numbers(rounds.map(({ seconds }) => seconds))} s, ` +
      `processor time ${numbers(rounds.map(({ cpuSeconds }) => cpuSeconds))} s, ` +
      `${rounds.at(-1)!.peakMiB.toFixed(0)} MiB at most; first model: subspaces of ${dimensions.join(', ')} dimensions, ` +
      `mean costs ${meanCosts.map((cost) => cost.toPrecision(6)).join(', ')}`,
  );
}

const models = modelsOf(Number(process.argv[2] ?? 512), Number(process.argv[3] ?? 6));
const dataset = await loadDataset({ name: 'mnist-10k' });
const split = splitIndices(dataset, { splitSeed: 42, valFraction: 0.1 });
const examples = splitExamples(dataset, split, 'train');
const python = process.env.BASIN_TORCH_PYTHON;
const folder = mkdtempSync(join(tmpdir(), 'basin-bench-'));
try {
  const ours = await basin(models, examples);
  const { threads } = await loadBackend();
  if (python) writeModels(folder, models, examples);
  const theirs = python ? torch(python, folder, threads) : undefined;
  // In turn, so that a machine that becomes slower or faster meanwhile does so for both.
  for (const index of models.keys()) {
    for (const one of theirs ? [theirs, ours] : [ours]) {
      one.rounds.push(await one.measure(index));
      await rest(500); // until idle threads have gone to sleep
    }
  }
  theirs?.end();
  show(ours);
  if (theirs) {
    show(theirs);
    const times = (of: 'seconds' | 'cpuSeconds', from = 0) => {
      const sum = ({ rounds }: Contestant) => total(rounds.slice(from).map((round) => round[of]));
      return (sum(theirs) / sum(ours)).toFixed(1);
    };
    const first = (theirs.rounds[0]!.seconds / ours.rounds[0]!.seconds).toFixed(1);
    console.log(
      `Basin is ${times('seconds')} times faster, with ${times('cpuSeconds')} times less processor time: the first model ${first} times, the others ${times('seconds', 1)} times.`,
    );
  } else console.log('(set BASIN_TORCH_PYTHON to a Python with torch to compare)');
} finally {
  rmSync(folder, { recursive: true, force: true });
}
