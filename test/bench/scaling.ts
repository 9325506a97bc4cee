/**
 * How jobs grow, one quantity at a time: networks trained together, their width, pairs interpolated, points on a line.
 * Beside the seconds stands how far the matrix products are from the machine's peak: one large float32 product of
 * TensorFlow, measured before and after each row. Data are random numbers of MNIST's shape; networks are as published
 * (three hidden layers, LayerNorm, GELU). Compiling and the first call of each shape are left out.
 *
 *   npm run bench -- scaling [--only QUANTITY] [--turns 3] [--json] [--write]
 */
import { loadBackend } from '../../src-main/compute/backend/index.ts';
import type { Backend } from '../../src-main/compute/backend/index.ts';
import { lambdasOf } from '../../src-main/compute/connectivity/plan.ts';
import { evaluatePoints } from '../../src-main/compute/connectivity/points.ts';
import type { Point } from '../../src-main/compute/connectivity/points.ts';
import { accounted } from '../../src-main/compute/accounted.ts';
import type { Examples } from '../../src-main/compute/data/index.ts';
import { initialise } from '../../src-main/compute/models/index.ts';
import { actingArrays } from '../../src-main/compute/networks/effective.ts';
import { evaluationWay } from '../../src-main/compute/networks/execution.ts';
import { RandomStream } from '../../src-main/compute/random.ts';
import type { OptimizerSettings } from '../../src-main/compute/training/optimizer.ts';
import { TrainingSession } from '../../src-main/compute/training/session.ts';
import { loadTrainingConfig } from '../../src-main/formats/presets.ts';
import { resolveChain } from '../../src-shared/config.ts';
import { messageOf, UserError } from '../../src-shared/errors.ts';
import type { MlpSpec } from '../../src-shared/model.ts';
import { mlpGraph } from '../../src-shared/networks/mlp.ts';
import { readNetwork } from '../../src-shared/networks/network.ts';
import { benchOptions, digits, markdownTable, scalingRowSchema, writeTable } from './support/report.ts';
import type { ScalingRow } from './support/report.ts';
import { median } from './support/torch-turns.ts';

const batch = 64;
const trainingImages = 2000;
const trainingSteps = 20;

/** Something measured: what one turn takes, and how many floating-point operations its products are. */
interface Measured {
  operations: number;
  /** Seconds. */
  turn(): Promise<number>;
  dispose(): void;
}

interface Quantity {
  /** For people, of a value. */
  title(value: number): string;
  values: readonly number[];
  open(backend: Backend, value: number): Measured;
}

const stream = new RandomStream(1, 'scaling');

function examplesOf(count: number): Examples {
  const labels = Int32Array.from({ length: count }, () => stream.integer(10));
  return { count, features: 784, x: stream.normals(count * 784), labels };
}

function specOf(preset: string, width: number): MlpSpec {
  return resolveChain(loadTrainingConfig(preset, [`model.hidden_dim=${width}`]), preset);
}

/** Of one example through one network: two per weight. */
const productsOf = ({ layers }: MlpSpec): number =>
  layers.reduce((sum, { inputs, outputs }) => sum + 2 * inputs * outputs, 0);

/** Steps of a training: gathering rows, forward, backward, optimizer. */
function training(backend: Backend, models: number, width: number): Measured {
  const spec = specOf('standard', width);
  const states = initialise(spec, { init: Array.from({ length: models }, (_, m) => m + 1), mask: 1 });
  const optimizer: OptimizerSettings = {
    ...{ name: 'adamw', lr: 1e-3, weightDecay: 0.01, betas: [0.9, 0.999], eps: 1e-8 },
  };
  const session = new TrainingSession(
    backend,
    { spec, optimizer, batchSize: batch, totalSteps: 1e4 },
    states,
    examplesOf(trainingImages),
  );
  const calls = Math.max(1, Math.round(trainingSteps / session.stepsPerCall));
  const call = (): void => {
    session.run(
      Array.from({ length: session.stepsPerCall }, () => ({
        rows: states.map(() => Int32Array.from({ length: batch }, () => stream.integer(trainingImages))),
        learningRate: optimizer.lr,
      })),
    );
  };
  call();
  // Forward, and backward to weights and inputs; the first layer's inputs need no gradient.
  const first = spec.layers[0]!;
  const perExample = 3 * productsOf(spec) - 2 * first.inputs * first.outputs;
  return {
    operations: perExample * batch * models * calls * session.stepsPerCall,
    turn() {
      const began = performance.now();
      for (let i = 0; i < calls; i++) call();
      return Promise.resolve((performance.now() - began) / 1000);
    },
    dispose: () => {
      session.dispose();
    },
  };
}

/** Points on the lines between the first of so many pairs, of as few networks as they need. */
function linesOf(pairs: number, points: number): { networks: number; set: Point[] } {
  let networks = 2;
  while ((networks * (networks - 1)) / 2 < pairs) networks++;
  const alone = Array.from({ length: networks }, (_, vertex): Point => [{ vertex, weight: 1 }]);
  const ends = alone.flatMap((_, a) => alone.slice(a + 1).map((_unused, k) => [a, a + 1 + k] as const));
  const between = ends.slice(0, pairs).flatMap(([a, b]) =>
    lambdasOf(points - 1)
      .slice(1, -1)
      .map((lambda): Point => [
        { vertex: a, weight: 1 - lambda },
        { vertex: b, weight: lambda },
      ]),
  );
  return { networks, set: [...alone, ...between] };
}

/** Loss and accuracy at points. The first layer is computed once for each network, whatever its points. */
function evaluation(
  backend: Backend,
  { pairs, points, width, images }: { pairs: number; points: number; width: number; images: number },
): Measured {
  const spec = specOf('standard', width);
  const network = readNetwork(mlpGraph(spec));
  const { networks, set } = linesOf(pairs, points);
  const seeds = Array.from({ length: networks }, (_, m) => m + 1);
  const vertices = initialise(spec, { init: seeds, mask: 1 }).map((state) => ({
    arrays: actingArrays(network, state),
  }));
  const examples = new Map([['images', examplesOf(images)]]);
  const { way } = evaluationWay(backend, network, set.length * images);
  const turn = async (): Promise<number> => {
    const began = performance.now();
    const asked = { network, vertices, points: set };
    await evaluatePoints(backend, asked, way, examples, () => Promise.resolve());
    return (performance.now() - began) / 1000;
  };
  let warm = false;
  const first = 2 * spec.layers[0]!.inputs * width;
  const perPoint = productsOf(spec) - first;
  return {
    operations: images * (networks * first + set.length * perPoint),
    async turn() {
      if (!warm) await turn();
      warm = true;
      return turn();
    },
    dispose: () => undefined,
  };
}

const quantities: Record<string, Quantity> = {
  models: {
    title: (models) => `${models} ${models === 1 ? 'network' : 'networks'} trained together, 512 wide`,
    values: [1, 2, 4, 8, 16, 32, 64],
    open: (backend, models) => training(backend, models, 512),
  },
  width: {
    title: (width) => `4 networks trained together, ${width} wide`,
    values: [64, 128, 256, 512, 1024, 2048],
    open: (backend, width) => training(backend, 4, width),
  },
  pairs: {
    title: (pairs) => `${pairs} ${pairs === 1 ? 'pair' : 'pairs'} interpolated, 9 points, 512 wide`,
    values: [1, 6, 28, 120],
    open: (backend, pairs) => evaluation(backend, { pairs, points: 9, width: 512, images: 2000 }),
  },
  points: {
    title: (points) => `${points} points on the line between 2 networks, 512 wide`,
    values: [5, 11, 25, 51, 101],
    open: (backend, points) => evaluation(backend, { pairs: 1, points, width: 512, images: 10_000 }),
  },
};

const side = 2048;

/** Of one float32 product, in 10^9 operations per second: the best of a few, so that nothing measured can beat it for long. */
function peakOf(backend: Backend): number {
  const { tf } = backend;
  const [a, b] = [0, 1].map((seed) => tf.randomNormal([side, side], 0, 1, 'float32', seed + 1));
  const multiply = (): number => {
    const began = performance.now();
    const product = tf.matMul(a as never, b as never);
    product.dataSync();
    product.dispose();
    return (performance.now() - began) / 1000;
  };
  multiply();
  const fastest = Math.min(...Array.from({ length: 5 }, multiply));
  tf.dispose([a!, b!]);
  return (2 * side ** 3) / fastest / 1e9;
}

async function rowOf(backend: Backend, name: string, value: number, turns: number): Promise<ScalingRow> {
  const before = peakOf(backend);
  const measured = quantities[name]!.open(backend, value);
  const times: number[] = [];
  try {
    for (let turn = 0; turn < turns; turn++) times.push(await measured.turn());
  } finally {
    measured.dispose();
  }
  const basin_s = median(times);
  const gflops = measured.operations / basin_s / 1e9;
  const peak_gflops = Math.max(before, peakOf(backend));
  const share_of_peak = gflops / peak_gflops;
  return scalingRowSchema.parse({ quantity: name, value, basin_s, gflops, peak_gflops, share_of_peak });
}

function tableOf(rows: readonly ScalingRow[]): string {
  return markdownTable(
    ['what grows', 'seconds', 'Gflop/s', 'peak', 'share of the peak'],
    rows.map(({ quantity, value, basin_s, gflops, peak_gflops, share_of_peak }) => [
      quantities[quantity]!.title(value),
      ...[basin_s, gflops, peak_gflops].map(digits),
      `${(100 * share_of_peak).toFixed(0)} %`,
    ]),
  );
}

async function main(args: readonly string[]): Promise<void> {
  const { json, write, only, turns } = benchOptions(args, Object.keys(quantities), 3);
  const say = json ? console.error : console.log;
  const backend = await loadBackend();
  const rows: ScalingRow[] = [];
  for (const [name, { values, title }] of Object.entries(quantities)) {
    if (only !== undefined && name !== only) continue;
    for (const value of values) {
      const row = await accounted(backend, `scaling of ${name}`, () => rowOf(backend, name, value, turns));
      rows.push(row);
      const { basin_s, gflops, peak_gflops, share_of_peak: share } = row;
      say(
        `  ${title(value)}: ${digits(basin_s)} s, ${digits(gflops)} of ${digits(peak_gflops)} Gflop/s (${(100 * share).toFixed(0)} %)`,
      );
    }
  }
  if (json) console.log(JSON.stringify(rows));
  if (write) writeTable('scaling', tableOf(rows));
}

try {
  await main(process.argv.slice(2));
} catch (thrown) {
  console.error(messageOf(thrown));
  if (thrown instanceof UserError && thrown.hint !== undefined) console.error(thrown.hint);
  process.exitCode = thrown instanceof UserError ? 2 : 1;
}
