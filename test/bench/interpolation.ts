/**
 * Interpolation points per second, beside PyTorch doing the same work on the same machine where BASIN_TORCH_PYTHON names
 * a Python with torch. A point is loss and accuracy of one network between two others, on 10,000 images.
 *
 *   node test/bench/interpolation.ts [WIDTH ...]
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { deviceName } from '../../src-main/compute/backend/device-name.ts';
import { loadBackend } from '../../src-main/compute/backend/index.ts';
import type { Backend } from '../../src-main/compute/backend/index.ts';
import { lambdasOf } from '../../src-main/compute/connectivity/plan.ts';
import { evaluatePoints } from '../../src-main/compute/connectivity/points.ts';
import type { Point } from '../../src-main/compute/connectivity/points.ts';
import { initialise } from '../../src-main/compute/models/index.ts';
import { actingArrays } from '../../src-main/compute/networks/effective.ts';
import type { Way } from '../../src-main/compute/networks/execution.ts';
import { RandomStream } from '../../src-main/compute/random.ts';
import type { MlpSpec } from '../../src-shared/model.ts';
import { mlpGraph } from '../../src-shared/networks/mlp.ts';
import { readNetwork } from '../../src-shared/networks/network.ts';

export interface InterpolationTiming {
  /** Hidden units per layer, of 784-width-width-width-10. */
  width: number;
  models: number;
  pairs: number;
  steps: number;
  images: number;
  /** Points delivered, ends included: pairs x (steps + 1). */
  points: number;
  seconds: number;
  pointsPerSecond: number;
  /** One pair in PyTorch, by batch size (64 is the reference's): it shares nothing between pairs. */
  torch?: { batch: number; seconds: number; pointsPerSecond: number; version: string }[];
}

const images = 10_000;
const steps = 8;

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

async function measure(
  backend: Backend,
  width: number,
  models: number,
  way: Way,
): Promise<InterpolationTiming> {
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
  const set = { network, vertices, points };
  const splits = new Map([['images', examples]]);
  const once = () => evaluatePoints(backend, set, way, splits, () => Promise.resolve());
  await once();
  const started = performance.now();
  await once();
  const seconds = (performance.now() - started) / 1000;
  const delivered = pairs * (steps + 1);
  return {
    width,
    models,
    pairs,
    steps,
    images,
    points: delivered,
    seconds,
    pointsPerSecond: delivered / seconds,
  };
}

function measureTorch(python: string, width: number, batch: number, threads: number) {
  const script = fileURLToPath(new URL('interpolation_torch.py', import.meta.url));
  const args = [width, 1, steps, images, batch, threads].map(String);
  const output = execFileSync(python, [script, ...args], { encoding: 'utf8' });
  const { seconds, points, torch } = JSON.parse(output) as { seconds: number; points: number; torch: string };
  return { batch, seconds, pointsPerSecond: points / seconds, version: torch };
}

/** One pair and all six pairs of four models, at 64 and at the stock 512 hidden units. `tell` gets each as it is known. */
export async function benchInterpolation(
  widths: readonly number[] = [64, 512],
  tell: (timing: InterpolationTiming) => void = () => undefined,
): Promise<InterpolationTiming[]> {
  const backend = await loadBackend();
  const python = process.env['BASIN_TORCH_PYTHON'];
  const timings: InterpolationTiming[] = [];
  for (const width of widths) {
    const torch = python && [64, 1000].map((batch) => measureTorch(python, width, batch, backend.threads));
    for (const models of [2, 4]) {
      const timing = {
        ...(await measure(backend, width, models, (process.env['WAY'] ?? 'xla') as Way)),
        ...(torch && { torch }),
      };
      timings.push(timing);
      tell(timing);
    }
  }
  return timings;
}

/** One line of the report. */
export function describeTiming({ width, pairs, pointsPerSecond, torch }: InterpolationTiming): string {
  const beside = (torch ?? []).map(
    (t) => `, PyTorch ${t.version} (batch ${t.batch}) ${t.pointsPerSecond.toFixed(1)}`,
  );
  const what = `784-${width}-${width}-${width}-10, ${pairs} ${pairs === 1 ? 'pair' : 'pairs'}`;
  return `${what}: ${pointsPerSecond.toFixed(1)} points/s${beside.join('')}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const asked = process.argv.slice(2).map(Number);
  const { label, device } = await loadBackend();
  console.log(`${label}, ${await deviceName(device)}`);
  await benchInterpolation(asked.length > 0 ? asked : undefined, (timing) => {
    console.log(describeTiming(timing));
  });
}
