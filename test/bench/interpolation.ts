/**
 * Interpolation points per second, beside PyTorch doing the same work on the same machine where BASIN_TORCH_PYTHON names
 * a Python with torch. A point is loss and accuracy of one network between two others, on 10,000 images.
 *
 *   node test/bench/interpolation.ts [WIDTH ...]
 */
import { deviceName } from '../../src-main/compute/backend/device-name.ts';
import { loadBackend } from '../../src-main/compute/backend/index.ts';
import type { Backend } from '../../src-main/compute/backend/index.ts';
import { lambdasOf } from '../../src-main/compute/connectivity/plan.ts';
import { evaluatePoints } from '../../src-main/compute/connectivity/points.ts';
import type { Point } from '../../src-main/compute/connectivity/points.ts';
import { initialise } from '../../src-main/compute/models/index.ts';
import { actingArrays } from '../../src-main/compute/networks/effective.ts';
import { evaluationWay } from '../../src-main/compute/networks/execution.ts';
import { RandomStream } from '../../src-main/compute/random.ts';
import { executionText } from '../../src-shared/execution.ts';
import type { MlpSpec } from '../../src-shared/model.ts';
import { mlpGraph } from '../../src-shared/networks/mlp.ts';
import { readNetwork } from '../../src-shared/networks/network.ts';
import { inTurns, median, torchTurns } from './support/torch-turns.ts';

/** What `interpolate` evaluates of MNIST if it is asked for all splits; compiling pays off from about there for one pair. */
const images = 70_000;
/** What a point is counted in. */
const imagesOfAPoint = 10_000;
const steps = 8;
const turns = 6;

function specOf(width: number): MlpSpec {
  const widths = [784, width, width, width, 10];
  const layers = widths.slice(1).map((outputs, index) => ({
    ...{ index, inputs: widths[index]!, outputs },
    ...{ sigmaF: 0, numFixed: 0, normalMask: true },
  }));
  return {
    ...{ architecture: 'mlp', family: 'standard', layers, norm: 'layer' },
    ...{ elementwiseAffine: true, activation: 'gelu', asymInitOnly: false },
  };
}

/** Every pair of `models` networks: each network once, and the points between. */
function pointsOf(models: number): { points: Point[]; pairs: number } {
  const alone = Array.from({ length: models }, (_, vertex): Point => [{ vertex, weight: 1 }]);
  const pairs = alone.flatMap((_, a) => alone.slice(a + 1).map((_unused, k) => [a, a + 1 + k] as const));
  const between = pairs.flatMap(([a, b]) =>
    lambdasOf(steps)
      .slice(1, -1)
      .map((lambda): Point => [
        { vertex: a, weight: 1 - lambda },
        { vertex: b, weight: lambda },
      ]),
  );
  return { points: [...alone, ...between], pairs: pairs.length };
}

interface Points {
  /** How they are computed, by the rule that jobs go by. */
  way: string;
  /** Points per second, ends included: pairs x (steps + 1) x images / 10,000. */
  measure(): Promise<number>;
}

function openPoints(backend: Backend, width: number, models: number): Points {
  const spec = specOf(width);
  const seeds = Array.from({ length: models }, (_, m) => m + 1);
  const network = readNetwork(mlpGraph(spec));
  const vertices = initialise(spec, { init: seeds, mask: 1 }).map((state) => ({
    arrays: actingArrays(network, state),
  }));
  const stream = new RandomStream(1, 'images');
  const examples = {
    ...{ count: images, features: 784, x: stream.normals(images * 784) },
    labels: Int32Array.from({ length: images }, () => stream.integer(10)),
  };
  const { points, pairs } = pointsOf(models);
  const execution = evaluationWay(backend, network, points.length * images);
  const splits = new Map([['images', examples]]);
  return {
    way: executionText(execution),
    async measure() {
      const started = performance.now();
      const set = { network, vertices, points };
      await evaluatePoints(backend, set, execution.way, splits, () => Promise.resolve());
      const seconds = (performance.now() - started) / 1000;
      return (pairs * (steps + 1) * (images / imagesOfAPoint)) / seconds;
    },
  };
}

interface TorchResult {
  seconds: number;
  points: number;
  torch: string;
}

/** The reference's batch size, and one that suits the machine better. */
const torchBatches = [64, 1000];

/** One pair and all six pairs of four models. PyTorch shares nothing between pairs: one pair is enough. */
async function runWidth(backend: Backend, width: number): Promise<void> {
  const torch = torchTurns<TorchResult>('interpolation_torch.py', [
    width,
    1,
    steps,
    imagesOfAPoint,
    backend.threads,
  ]);
  let version = '';
  const theirs = (batch: number) => async (): Promise<number> => {
    const result = await torch!.next(String(batch));
    version = result.torch;
    return result.points / result.seconds;
  };
  const ours = [2, 4].map((models) => ({ models, ...openPoints(backend, width, models) }));
  const first = new Map<number, number>();
  for (const { models, measure } of ours) first.set(models, await measure());
  const found = await inTurns(turns, [
    ...ours.map(({ measure }) => measure),
    ...(torch ? torchBatches.map(theirs) : []),
  ]);
  torch?.end();
  const rates = found.map(median);
  const torchRates = rates.slice(ours.length);
  ours.forEach(({ models, way }, i) => {
    const beside = torchBatches
      .slice(0, torchRates.length)
      .map((batch, b) => `, PyTorch ${version} (batch ${batch}) ${torchRates[b]!.toFixed(1)}`);
    const ratio = torch ? `; ${(rates[i]! / Math.max(...torchRates)).toFixed(2)} times the better` : '';
    const pairs = models === 2 ? '1 pair' : '6 pairs';
    console.log(
      `784-${width}-${width}-${width}-10, ${pairs}: ${rates[i]!.toFixed(1)} points/s${beside.join('')}${ratio}; ` +
        `${first.get(models)!.toFixed(1)} the first time [${way}]`,
    );
  });
}

const backend = await loadBackend();
const asked = process.argv.slice(2).map(Number);
console.log(
  `${backend.label}, ${await deviceName(backend.device)}; ${images} images, a point is ${imagesOfAPoint} of them; median of ${turns} turns`,
);
for (const width of asked.length > 0 ? asked : [64, 512]) await runWidth(backend, width);
