/**
 * Milliseconds per training step of one ResNet20 (w = 1): 3 x 32 x 32 images in memory, batches of 128, AdamW, with BatchNorm
 * and with GroupNorm of one group, as a worker trains it. In turn with PyTorch doing the same in channels_last, in one run.
 * If Basin misses its target, the row's profile follows: what the convolutions alone take, forward and backward.
 *
 *   npm run bench -- resnet [--only batch|group] [--turns 6] [--json] [--write]
 */
import { availableParallelism } from 'node:os';
import { accounted } from '../../src-main/compute/accounted.ts';
import { deviceName } from '../../src-main/compute/backend/device-name.ts';
import { loadBackend } from '../../src-main/compute/backend/index.ts';
import type { Backend } from '../../src-main/compute/backend/index.ts';
import { initialise } from '../../src-main/compute/models/index.ts';
import { RandomStream } from '../../src-main/compute/random.ts';
import { TrainingSession } from '../../src-main/compute/training/session.ts';
import { workerEnvironment } from '../../src-main/engine/jobs/worker-process.ts';
import { loadTrainingConfig } from '../../src-main/formats/presets.ts';
import { resolveTrainable } from '../../src-shared/config.ts';
import { messageOf, UserError } from '../../src-shared/errors.ts';
import { trainingExecutionText } from '../../src-shared/execution.ts';
import { convolutionProfile } from './support/convolution-profile.ts';
import { benchOptions, digits, markdownTable, resnetRowSchema, writeTable } from './support/report.ts';
import type { ResnetRow } from './support/report.ts';
import { inTurns, median, TorchTurns } from './support/torch-turns.ts';

const batch = 128;
const images = 1024;
const learningRate = 1e-3;

/** Steps of a turn. */
const steps = 8;

/** The most that a step may take, times PyTorch's. */
const targets = { batch: 1.1, group: 1.5 } as const;
type Norm = keyof typeof targets;
const norms = Object.keys(targets) as Norm[];
const titles: Record<Norm, string> = { batch: 'BatchNorm', group: 'GroupNorm, one group' };

/** Of one turn: the median step, and what all threads spent on one, busy waiting included. */
interface Turn {
  milliseconds: number;
  cpu_milliseconds: number;
}

interface Steps {
  /** How a step runs. */
  way: string;
  measure(): Turn;
  dispose(): void;
}

function openSteps(backend: Backend, norm: Norm): Steps {
  const overrides = [`model.norm=${norm}`, 'model.input_shape=[3,32,32]'];
  const spec = resolveTrainable(loadTrainingConfig('resnet-small', overrides), 'resnet-small');
  const states = initialise(spec, { init: [1], mask: 7 });
  const stream = new RandomStream(1, 'bench');
  const features = 3 * 32 * 32;
  const examples = {
    ...{ count: images, features, shape: [3, 32, 32] as [number, number, number] },
    x: stream.normals(images * features),
    labels: Int32Array.from({ length: images }, (_, i) => i % 10),
  };
  const optimizer = {
    ...{ name: 'adamw' as const, lr: learningRate, weightDecay: 0.01 },
    ...{ betas: [0.9, 0.999] as [number, number], eps: 1e-8 },
  };
  const session = new TrainingSession(
    backend,
    { spec, optimizer, batchSize: batch, totalSteps: 1e4 },
    states,
    examples,
  );
  const step = (): number => {
    const rows = [Int32Array.from({ length: batch }, () => stream.integer(images))];
    const began = performance.now();
    session.run([{ rows, learningRate }]);
    return performance.now() - began;
  };
  const measure = (): Turn => {
    const before = process.cpuUsage();
    const times = Array.from({ length: steps }, step);
    const { user, system } = process.cpuUsage(before);
    return { milliseconds: median(times), cpu_milliseconds: (user + system) / 1000 / steps };
  };
  for (let warm = 0; warm < 3; warm++) step();
  return {
    way: trainingExecutionText(session.execution),
    measure,
    dispose: () => {
      session.dispose();
    },
  };
}

async function measure(
  backend: Backend,
  norm: Norm,
  turns: number,
  say: (line: string) => void,
): Promise<ResnetRow> {
  const ours = openSteps(backend, norm);
  const torch = new TorchTurns<Turn & { version: string }>(python!, 'torch_resnet.py', [
    norm,
    steps,
    backend.threads,
  ]);
  const [basin, theirs] = await inTurns(turns, [
    () => Promise.resolve<Turn & { version?: string }>(ours.measure()),
    () => torch.next(),
  ]);
  torch.end();
  ours.dispose();
  const of = (found: readonly Turn[] | undefined, key: keyof Turn): number =>
    median(found!.map((turn) => turn[key]));
  const [basin_ms, torch_ms] = [of(basin, 'milliseconds'), of(theirs, 'milliseconds')];
  const row = resnetRowSchema.parse({
    ...{ norm, basin_ms, torch_ms, ratio: basin_ms / torch_ms, target: targets[norm] },
    basin_cpu_ms: of(basin, 'cpu_milliseconds'),
    torch_cpu_ms: of(theirs, 'cpu_milliseconds'),
  });
  const version = theirs![0]!.version ?? '';
  say(
    `  ${titles[norm]}: ${digits(basin_ms)} ms, PyTorch ${version} ${digits(torch_ms)} ms, ratio ${row.ratio.toFixed(2)} (at most ${row.target}); processor time ${digits(row.basin_cpu_ms)} and ${digits(row.torch_cpu_ms)} ms   [${ours.way}]`,
  );
  if (row.ratio > row.target) {
    say('  missed; the convolutions alone, ms per step:');
    for (const line of convolutionProfile(backend, batch)) say(`    ${line}`);
  }
  return row;
}

const python = process.env['BASIN_TORCH_PYTHON'];

async function main(args: readonly string[]): Promise<void> {
  const { json, write, only, turns } = benchOptions(args, norms, 6);
  if (!python)
    throw new UserError('BASIN_TORCH_PYTHON is not set: there is nothing to compare with.', {
      hint: 'Let it name a Python with torch.',
    });
  const say = json ? console.error : console.log;
  // Read by TensorFlow as it loads.
  Object.assign(process.env, workerEnvironment(availableParallelism()));
  const backend = await loadBackend();
  say(
    `${backend.label}, ${await deviceName(backend.device)}; median of ${turns} turns of ${steps} steps each`,
  );
  const rows: ResnetRow[] = [];
  for (const norm of norms) {
    if (only !== undefined && only !== norm) continue;
    rows.push(await accounted(backend, 'resnet benchmark', () => measure(backend, norm, turns, say)));
  }
  if (json) console.log(JSON.stringify(rows));
  if (write) writeTable('resnet', tableOf(rows));
}

function tableOf(rows: readonly ResnetRow[]): string {
  return markdownTable(
    ['ResNet20, w = 1, batch 128, one step', 'Basin', 'PyTorch', 'ratio', 'at most'],
    rows.map(({ norm, basin_ms, torch_ms, ratio, target }) => [
      ...[titles[norm as Norm], `${digits(basin_ms)} ms`, `${digits(torch_ms)} ms`],
      ...[ratio.toFixed(2), target],
    ]),
  );
}

try {
  await main(process.argv.slice(2));
} catch (thrown) {
  console.error(messageOf(thrown));
  if (thrown instanceof UserError && thrown.hint !== undefined) console.error(thrown.hint);
  process.exitCode = thrown instanceof UserError ? 2 : 1;
}
