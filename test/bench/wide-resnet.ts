/**
 * Two W-asymmetric ResNet20 of the published width (w = 8: 17.3 million parameters each) and the line between them, on random
 * images: time, and the most memory that the job's process holds. The numbers of the networks are meaningless; they are drawn.
 *
 *   npm run bench -- wide-resnet [--points 9] [--images 10000] [--json]
 *
 * Linux only: the memory comes from /proc. Files are written by another process than the one that is measured.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { loadBackend } from '../../src-main/compute/backend/index.ts';
import { initialise } from '../../src-main/compute/models/index.ts';
import { RandomStream } from '../../src-main/compute/random.ts';
import { workerEnvironment } from '../../src-main/engine/jobs/worker-process.ts';
import { writeCheckpoint } from '../../src-main/formats/checkpoint.ts';

import { loadTrainingConfig } from '../../src-main/formats/presets.ts';
import type { TensorValue } from '../../src-main/formats/tensor.ts';
import { runJob } from '../../src-main/worker/run-job.ts';
import { resolveTrainable } from '../../src-shared/config.ts';
import { interpolateJob } from '../../src-shared/jobs/interpolate.ts';

const preset = 'resnet_symmetry1_kappa2';
/** Of one image, forward; 64 times that of w = 1. */
const multiplyAdds = 2.59e9;
/** Multiply-adds per second and core that TensorFlow's convolutions reach on current server processors, roughly. */
const usualSpeed = 3e10;
/** The most that the process may hold, MiB. */
const limit = 4096;

interface Measured {
  points: number;
  images: number;
  seconds: number;
  /** The most that was resident, MiB. */
  peak: number;
  /** Cross entropy at the points. */
  losses: number[];
  way: string;
}

/** A run of two models, and CIFAR-10's files with one image to train on and `images` to test with. */
function prepare(folder: string, images: number): void {
  const [run, data] = [join(folder, 'run'), join(folder, 'data')];
  mkdirSync(run);
  mkdirSync(data);
  const stream = new RandomStream(1, 'images');
  const record = (i: number): Uint8Array =>
    Uint8Array.from({ length: 3073 }, (_, k) => (k === 0 ? i % 10 : stream.integer(256)));
  const records = (count: number): Buffer =>
    Buffer.concat(Array.from({ length: count }, (_, i) => record(i)));
  writeFileSync(join(data, 'data_batch_1.bin'), records(10));
  writeFileSync(join(data, 'test_batch.bin'), records(images));
  const config = loadTrainingConfig(preset, ['num_models=2', 'training.num_epochs=1', 'seed=1']);
  writeFileSync(join(run, 'config.yaml'), stringify(config));
  const states = initialise(resolveTrainable(config), { init: [1, 2], mask: 7 });
  states.forEach((state, i) => {
    const tensors = new Map<string, TensorValue>(
      [...state].map(([name, { shape, data: values }]) => [
        name,
        { dtype: 'float32' as const, shape: [...shape], data: new Float32Array(values) },
      ]),
    );
    writeCheckpoint(run, { epoch: 1, model: i + 1, tensors, valAccuracy: 10 });
  });
}

/** The job, in this process, as a worker runs it. */
async function measure(folder: string, points: number): Promise<Measured> {
  const began = performance.now();
  const params = {
    ...{ run: join(folder, 'run'), epoch: 1, steps: points - 1, splits: ['test'] },
    data: { name: 'cifar10', dataDir: join(folder, 'data') },
  };
  const context = {
    ...{ backend: () => loadBackend(), signal: new AbortController().signal },
    emit: () => undefined,
  };
  const result = interpolateJob.result.parse(await runJob({ kind: 'interpolate', params }, context));
  if ('pairs' in result) throw new Error('one pair was expected');
  const losses = result.test_loss!.map((loss) => loss ?? NaN);
  if (!losses.every(Number.isFinite)) throw new Error('a loss is not finite');
  const status = readFileSync('/proc/self/status', 'utf8');
  return {
    ...{ points, images: result.split_sizes.test!, losses, way: result.execution?.way ?? 'unknown' },
    seconds: (performance.now() - began) / 1000,
    peak: Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) / 1024,
  };
}

function inProcess(points: number, images: number): Measured {
  const folder = mkdtempSync(join(tmpdir(), 'basin-wide-'));
  try {
    const file = fileURLToPath(import.meta.url);
    const env = { ...process.env, ...workerEnvironment(availableParallelism()) };
    execFileSync(process.execPath, [file, 'prepare', folder, String(images)], { env });
    const output = execFileSync(process.execPath, [file, 'measure', folder, String(points)], {
      ...{ encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'inherit'] },
    });
    return JSON.parse(output) as Measured;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function main(args: string[]): void {
  const { values } = parseArgs({
    args,
    options: {
      points: { type: 'string', default: '9' },
      images: { type: 'string', default: '10000' },
      json: { type: 'boolean', default: false },
    },
  });
  const [points, images] = [Number(values.points), Number(values.images)];
  const minutes = (points * images * multiplyAdds) / usualSpeed / availableParallelism() / 60;
  console.error(
    `  ${points} points, ${images} images, two ResNet20 x 8: ${(points * images * multiplyAdds).toExponential(1)} multiply-adds, about ${Math.ceil(minutes)} minutes on ${availableParallelism()} idle cores`,
  );
  const measured = inProcess(points, images);
  if (values.json) console.log(JSON.stringify(measured));
  else
    console.log(
      `${measured.peak <= limit ? 'ok  ' : 'OVER'} ${(measured.seconds / 60).toFixed(1)} minutes, peak ${Math.round(measured.peak)} MiB (limit ${limit})   [${measured.way}]`,
    );
  if (measured.peak > limit) process.exitCode = 1;
}

const [asked, folder, number] = process.argv.slice(2);
if (asked === 'prepare') prepare(folder!, Number(number));
else if (asked === 'measure') console.log(JSON.stringify(await measure(folder!, Number(number))));
else main(process.argv.slice(2));
