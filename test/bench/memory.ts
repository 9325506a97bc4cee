/**
 * Memory of training, in processes of their own, jobs run as a worker runs them. `node test/bench/memory.ts [--json]`.
 * `stock`: the most that a job of 16 stock W-asymmetric networks holds (its numbers do not depend on the epochs, of which
 * there are two). `trainings`: what stays after 20, 100 and 200 small trainings in one process, some of which share
 * their compiled program and some do not. Linux only: the figures come from /proc.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadBackend, tensorCount } from '../../src-main/compute/backend/index.ts';
import { RandomStream } from '../../src-main/compute/random.ts';
import { workerEnvironment } from '../../src-main/engine/jobs/worker-process.ts';
import { loadTrainingConfig } from '../../src-main/formats/presets.ts';
import { runJob } from '../../src-main/worker/run-job.ts';
import { trainJob } from '../../src-shared/jobs/train.ts';

interface Measured {
  what: string;
  value: number;
  unit: string;
  /** The most that it may be. */
  limit: number;
}

const mebibyte = 1024;

/** VmRSS: resident now. VmHWM: the most that was resident so far. In MiB. */
function resident(field: 'VmRSS' | 'VmHWM'): number {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(found?.[1]) / mebibyte;
}

async function train(run: string, preset: string, overrides: string[]): Promise<string> {
  const config = { ...loadTrainingConfig(preset, overrides) };
  const context = {
    ...{ backend: () => loadBackend(), signal: new AbortController().signal },
    emit: () => undefined,
  };
  const result = await runJob({ kind: 'train', params: { run, config } }, context);
  rmSync(run, { recursive: true, force: true });
  const { execution, models, test_loss: loss } = trainJob.result.parse(result);
  if (!loss.every(Number.isFinite)) throw new Error('a training went astray');
  return `${models} models, ${execution.way}`;
}

/** IDX files of MNIST's size, 60,000 and 10,000 images of ten noisy patterns. */
function writeDigits(folder: string): void {
  const stream = new RandomStream(1, 'digits');
  const patterns = Array.from({ length: 10 }, () =>
    Uint8Array.from({ length: 784 }, () => (stream.integer(5) === 0 ? stream.integer(256) : 0)),
  );
  const header = (...shape: number[]): Buffer => {
    const bytes = Buffer.from([0, 0, 8, shape.length, ...shape.flatMap(() => [0, 0, 0, 0])]);
    shape.forEach((size, axis) => bytes.writeUInt32BE(size, 4 + 4 * axis));
    return bytes;
  };
  for (const [name, count] of [
    ['train', 60_000],
    ['t10k', 10_000],
  ] as const) {
    const labels = Uint8Array.from({ length: count }, () => stream.integer(10));
    const pixels = Buffer.alloc(count * 784);
    labels.forEach((label, i) => pixels.set(patterns[label]!, i * 784));
    // One pixel in 64 is noise.
    for (let i = 0; i < pixels.length; i += 1 + stream.integer(127)) pixels[i] = stream.integer(256);
    writeFileSync(join(folder, `${name}-images-idx3-ubyte`), Buffer.concat([header(count, 28, 28), pixels]));
    writeFileSync(join(folder, `${name}-labels-idx1-ubyte`), Buffer.concat([header(count), labels]));
  }
}

/** 50,000 images train, 10,000 validate, 10,000 test; saved at the start, in between and at the end. */
async function stock(folder: string): Promise<Measured[]> {
  // Written by another process: what it takes to make the files is no part of the job.
  execFileSync(process.execPath, [fileURLToPath(import.meta.url), 'digits', folder]);
  const indices = Array.from({ length: 60_000 }, (_, i) => i);
  const split = { train_indices: indices.slice(0, 50_000), val_indices: indices.slice(50_000) };
  const splitFile = join(folder, 'split.json');
  writeFileSync(splitFile, JSON.stringify(split));
  const way = await train(join(folder, 'run'), 'w-asymmetric', [
    ...['num_models=16', 'seed=1', 'training.num_epochs=2', 'training.save_every=1'],
    ...['dataset.name=idx', `dataset.data_dir=${folder}`, `dataset.split_file=${splitFile}`],
  ]);
  const what = `stock job (${way}, 50,000 images), peak`;
  return [{ what, value: resident('VmHWM'), unit: 'MiB', limit: 1.4 * 1024 }];
}

/** 400 digits: 7 steps an epoch, 210 in all, so that it is compiled; evaluated and saved three times. */
const small = [
  ...['num_models=2', 'dataset.val_split=0.95'],
  ...['training.num_epochs=30', 'training.val_every=30', 'training.save_every=30'],
];

type Kind = readonly [preset: string, overrides: string[]];

/** Every second small training is like this: its compiled program is used again. Seeds differ always. */
const usual: Kind = ['standard-small', []];

/** The others in turn: more than the programs that are kept, so that each is compiled anew. One is too short for it. */
const others: readonly Kind[] = [
  ['w-asymmetric-small', []],
  ['standard-small', ['model.hidden_dim=16']],
  ['sigma-asymmetric-small', []],
  ['standard-small', ['optimizer=sgd']],
  ['syre-small', ['num_models=3']],
  ['standard-small', ['model.norm=batch', 'model.activation=relu']],
  ['standard-small', ['dataset.batch_size=32']],
  ['standard-small', ['training.num_epochs=1']],
  ['w-asymmetric-small', ['model.norm=layer_linear']],
];

async function trainings(folder: string): Promise<Measured[]> {
  const marks = [20, 100, 200];
  const held = new Map<number, { bytes: number; tensors: number }>();
  for (let n = 1; n <= marks.at(-1)!; n++) {
    const [preset, own] = n % 2 === 0 ? usual : others[(n >> 1) % others.length]!;
    await train(join(folder, `run-${n}`), preset, [...small, `seed=${n}`, ...own]);
    if (!marks.includes(n)) continue;
    const tensors = tensorCount(await loadBackend()).tensors;
    held.set(n, { bytes: resident('VmRSS'), tensors });
  }
  const [first, middle, last] = marks.map((mark) => held.get(mark)!);
  return [
    ...marks.map((mark) => ({
      ...{ what: `resident after ${mark} small trainings`, unit: 'MiB', limit: 1.4 * 1024 },
      value: held.get(mark)!.bytes,
    })),
    // Allocators fill up at first, and the heap sways by some 25 MiB; a data set left behind each time would be 4,500.
    { what: 'growth from the 20th to the 200th', value: last!.bytes - first!.bytes, unit: 'MiB', limit: 150 },
    {
      what: 'growth from the 100th to the 200th',
      value: last!.bytes - middle!.bytes,
      unit: 'MiB',
      limit: 40,
    },
    { what: 'tensors more', value: last!.tensors - first!.tensors, unit: 'tensors', limit: 0 },
  ];
}

const parts: Record<string, (folder: string) => Promise<Measured[]>> = { stock, trainings };

function inProcess(part: string): Measured[] {
  const folder = mkdtempSync(join(tmpdir(), 'basin-memory-'));
  try {
    const file = fileURLToPath(import.meta.url);
    const env = { ...process.env, ...workerEnvironment(availableParallelism()) };
    const output = execFileSync(process.execPath, [file, part, folder], { encoding: 'utf8', env });
    return JSON.parse(output) as Measured[];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const [asked, folder] = process.argv.slice(2);
if (asked === 'digits') writeDigits(folder!);
else if (asked !== undefined && Object.hasOwn(parts, asked)) {
  console.log(JSON.stringify(await parts[asked]!(folder!)));
} else {
  const measured = Object.keys(parts).flatMap(inProcess);
  if (process.argv.includes('--json')) console.log(JSON.stringify(measured));
  else {
    for (const { what, value, unit, limit } of measured)
      console.log(
        `${value <= limit ? 'ok  ' : 'OVER'} ${what}: ${Math.round(value)} ${unit} (limit ${Math.round(limit)})`,
      );
  }
  process.exitCode = measured.some(({ value, limit }) => value > limit) ? 1 : 0;
}
