/**
 * Milliseconds per model and optimizer step: M standard networks stacked, batch 64 each, AdamW, as a run trains them.
 * Beside PyTorch doing the same, models one by one and stacked, where BASIN_TORCH_PYTHON names a Python with torch.
 *
 *   node test/bench/training.ts
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { accounted } from '../../src-main/compute/accounted.ts';
import { deviceName } from '../../src-main/compute/backend/device-name.ts';
import { loadBackend } from '../../src-main/compute/backend/index.ts';
import type { Backend } from '../../src-main/compute/backend/index.ts';
import { initialise } from '../../src-main/compute/models/index.ts';
import { RandomStream } from '../../src-main/compute/random.ts';
import type { OptimizerSettings } from '../../src-main/compute/training/optimizer.ts';
import { TrainingSession } from '../../src-main/compute/training/session.ts';
import { loadTrainingConfig } from '../../src-main/formats/presets.ts';
import { resolveModel } from '../../src-shared/config.ts';

const optimizer: OptimizerSettings = {
  ...{ name: 'adamw', lr: 1e-3, weightDecay: 0.01, betas: [0.9, 0.999], eps: 1e-8 },
};
const batch = 64;
const images = 8000;

export interface StepTiming {
  preset: string;
  width: number;
  models: number;
  /** Milliseconds per model and step: the median, and the shortest, over the steps measured. */
  median: number;
  shortest: number;
}

/** Times the whole step: gathering rows, forward, backward, optimizer. */
export async function timeSteps(
  backend: Backend,
  preset: string,
  models: number,
  steps: number,
): Promise<StepTiming> {
  const spec = resolveModel(loadTrainingConfig(preset), preset);
  const times: number[] = [];
  await accounted(backend, 'training benchmark', () => {
    const states = initialise(spec, { init: Array.from({ length: models }, (_, m) => m + 1), mask: 7 });
    const stream = new RandomStream(1, 'bench');
    const examples = {
      ...{ count: images, features: 784, x: stream.normals(images * 784) },
      labels: Int32Array.from({ length: images }, (_, i) => i % 10),
    };
    const session = new TrainingSession(
      backend,
      { spec, optimizer, batchSize: batch, totalSteps: 1e4 },
      states,
      examples,
    );
    const call = Math.max(session.stepsPerCall, 1);
    for (let done = -3 * call; done < steps; done += call) {
      const inputs = Array.from({ length: call }, () => ({
        rows: states.map(() => Int32Array.from({ length: batch }, () => stream.integer(images))),
        learningRate: optimizer.lr,
      }));
      const began = performance.now();
      session.run(inputs);
      if (done >= 0) times.push((performance.now() - began) / call);
    }
    session.dispose();
    return Promise.resolve();
  });
  times.sort((a, b) => a - b);
  const width = spec.layers[0]!.outputs;
  return { preset, width, models, median: times[times.length >> 1]! / models, shortest: times[0]! / models };
}

interface TorchTiming {
  one_by_one: number;
  stacked: number;
  version: string;
}

/** Undefined without BASIN_TORCH_PYTHON. */
function torchSteps(width: number, models: number, steps: number, threads: number): TorchTiming | undefined {
  const python = process.env['BASIN_TORCH_PYTHON'];
  if (!python) return undefined;
  const script = fileURLToPath(new URL('./torch_training.py', import.meta.url));
  const output = execFileSync(python, [script, ...[width, models, steps, threads].map(String)], {
    encoding: 'utf8',
  });
  return JSON.parse(output) as TorchTiming;
}

const cases: [preset: string, models: number, steps: number][] = [
  ['standard', 1, 60],
  ['standard', 4, 30],
  ['standard', 16, 20],
  ['w-asymmetric', 16, 20],
  ['syre', 16, 20],
  ['standard-small', 1, 400],
  ['standard-small', 4, 200],
  ['w-asymmetric-small', 4, 200],
  ['sigma-asymmetric-small', 4, 200],
];

if (import.meta.main) {
  const backend = await loadBackend();
  console.log(
    `${backend.label}, ${await deviceName(backend.device)}; 784-width-width-width-10, batch ${batch}, LayerNorm, gelu, AdamW; median (shortest)`,
  );
  for (const [preset, models, steps] of cases) {
    const { width, median, shortest } = await timeSteps(backend, preset, models, steps);
    const torch = preset.startsWith('standard')
      ? torchSteps(width, models, steps, backend.threads)
      : undefined;
    const beside = torch
      ? `   PyTorch ${torch.version}: ${torch.one_by_one.toFixed(2)} one by one, ${torch.stacked.toFixed(2)} stacked`
      : '';
    const label = `${preset}, width ${width}, ${models} ${models === 1 ? 'model' : 'models'}`;
    console.log(
      `  ${label.padEnd(46)} ${median.toFixed(2).padStart(6)} (${shortest.toFixed(2)}) ms${beside}`,
    );
  }
}
