/**
 * Milliseconds per model and optimizer step: M standard networks stacked, batch 64 each, AdamW, as a run trains them.
 * In turn with PyTorch doing the same, models one by one and stacked, where BASIN_TORCH_PYTHON names a Python with torch.
 *
 *   node test/bench/training.ts [PRESET/MODELS]
 */
import { accounted } from '../../src-main/compute/accounted.ts';
import { deviceName } from '../../src-main/compute/backend/device-name.ts';
import { loadBackend } from '../../src-main/compute/backend/index.ts';
import type { Backend } from '../../src-main/compute/backend/index.ts';
import { initialise } from '../../src-main/compute/models/index.ts';
import { RandomStream } from '../../src-main/compute/random.ts';
import type { OptimizerSettings } from '../../src-main/compute/training/optimizer.ts';
import { TrainingSession } from '../../src-main/compute/training/session.ts';
import { loadTrainingConfig } from '../../src-main/formats/presets.ts';
import { resolveChain } from '../../src-shared/config.ts';
import { trainingExecutionText } from '../../src-shared/execution.ts';
import { inTurns, median, torchTurns } from './support/torch-turns.ts';

const optimizer: OptimizerSettings = {
  ...{ name: 'adamw', lr: 1e-3, weightDecay: 0.01, betas: [0.9, 0.999], eps: 1e-8 },
};
const batch = 64;
const images = 8000;

/** Turns that every contestant takes. */
const turns = 6;

interface Steps {
  width: number;
  /** How the step runs. */
  way: string;
  /** Milliseconds per model and step, the median over `steps` steps. */
  measure(steps: number): number;
  dispose(): void;
}

/** A training under way. What is timed is the whole step: gathering rows, forward, backward, optimizer. */
function openSteps(backend: Backend, preset: string, models: number): Steps {
  const spec = resolveChain(loadTrainingConfig(preset), preset);
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
  const call = session.stepsPerCall;
  const measure = (steps: number): number => {
    const times: number[] = [];
    for (let done = 0; done < steps; done += call) {
      const inputs = Array.from({ length: call }, () => ({
        rows: states.map(() => Int32Array.from({ length: batch }, () => stream.integer(images))),
        learningRate: optimizer.lr,
      }));
      const began = performance.now();
      session.run(inputs);
      times.push((performance.now() - began) / call);
    }
    return median(times) / models;
  };
  measure(3 * call);
  return {
    width: spec.layers[0]!.outputs,
    way: trainingExecutionText(session.execution),
    measure,
    dispose: () => {
      session.dispose();
    },
  };
}

interface TorchResult {
  milliseconds: number;
  version: string;
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

async function runCase(backend: Backend, preset: string, models: number, steps: number): Promise<string> {
  const ours = openSteps(backend, preset, models);
  const { width } = ours;
  const torch = preset.startsWith('standard')
    ? torchTurns<TorchResult>('torch_training.py', [width, models, steps, backend.threads])
    : undefined;
  let version = '';
  const theirs = (way: string) => async (): Promise<number> => {
    const result = await torch!.next(way);
    version = result.version;
    return result.milliseconds;
  };
  const contestants = [
    () => Promise.resolve(ours.measure(steps)),
    ...(torch ? [theirs('one by one'), theirs('stacked')] : []),
  ];
  const found = await inTurns(turns, contestants);
  torch?.end();
  ours.dispose();
  const [own, oneByOne, stacked] = found.map(median);
  const beside = torch
    ? `   PyTorch ${version}: ${oneByOne!.toFixed(2)} one by one, ${stacked!.toFixed(2)} stacked; ratio to the better ${(own! / Math.min(oneByOne!, stacked!)).toFixed(2)}`
    : '';
  const label = `${preset}, width ${width}, ${models} ${models === 1 ? 'model' : 'models'}`;
  const shortest = Math.min(...found[0]!);
  return `  ${label.padEnd(46)} ${own!.toFixed(2).padStart(6)} (${shortest.toFixed(2)}) ms${beside}   [${ours.way}]`;
}

const backend = await loadBackend();
console.log(
  `${backend.label}, ${await deviceName(backend.device)}; 784-width-width-width-10, batch ${batch}, LayerNorm, gelu, AdamW; median (shortest) of ${turns} turns`,
);
const only = process.argv[2];
for (const [preset, models, steps] of cases) {
  if (only !== undefined && `${preset}/${models}` !== only) continue;
  console.log(await accounted(backend, 'training benchmark', () => runCase(backend, preset, models, steps)));
}
