/**
 * Milliseconds per image of evaluating torchvision's resnet18, exported by PyTorch and read as `basin run adopt` reads it: in
 * turn with PyTorch doing the same in channels_last, in one run, on as many threads. Both must have the same logits.
 *
 *   npm run bench -- exported [--only 64|224] [--turns 6] [--json] [--write]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { accounted } from '../../src-main/compute/accounted.ts';
import { deviceName } from '../../src-main/compute/backend/device-name.ts';
import { loadBackend } from '../../src-main/compute/backend/index.ts';
import type { Backend } from '../../src-main/compute/backend/index.ts';
import { outputsOf } from '../../src-main/compute/evaluate-inputs.ts';
import { compilationOf } from '../../src-main/compute/networks/execution.ts';
import { readParameters } from '../../src-main/compute/networks/parameters.ts';
import { workerEnvironment } from '../../src-main/engine/jobs/worker-process.ts';
import { openExported } from '../../src-main/formats/exported/open-exported.ts';
import { readNpy } from '../../src-main/formats/npy.ts';
import { isCounter } from '../../src-main/formats/tensor-names.ts';
import { lowerExported } from '../../src-main/interop/exported/lower.ts';
import { messageOf, UserError } from '../../src-shared/errors.ts';
import { readNetwork } from '../../src-shared/networks/network.ts';
import { benchOptions, digits, exportedRowSchema, markdownTable, writeTable } from './support/report.ts';
import type { ExportedRow } from './support/report.ts';
import { inTurns, median, TorchTurns } from './support/torch-turns.ts';

const batch = 32;

/** The most that an image may take, times PyTorch's. */
const target = 1.5;

/** Pixels of a side -> batches of a turn. */
const sizes = { 64: 8, 224: 2 } as const;
type Size = keyof typeof sizes;

/** Per image: of the fastest batch, and what all threads spent, busy waiting included. */
interface Turn {
  milliseconds: number;
  cpu_milliseconds: number;
}

interface Ours {
  /** Logits of the batch. */
  logits(): Float32Array;
  measure(): Turn;
  dispose(): void;
}

const numbers = (path: string): Float32Array =>
  Float32Array.from([...(readNpy(path).data as Iterable<number>)]);

function openOurs(backend: Backend, folder: string, batches: number): Ours {
  const { tf } = backend;
  const file = openExported(join(folder, 'model.pt2'));
  const network = readNetwork(lowerExported(file).graph, 'resnet18');
  const places = readParameters(network)
    .filter(({ name }) => !isCounter(name))
    .map(({ name, shape }) => ({ name, shape: [1, ...shape] }));
  const { way, shortfall } = compilationOf(backend, network);
  if (shortfall !== undefined) throw new UserError(`Nothing can be compiled here: ${shortfall}.`);
  const computation = outputsOf(backend, network, places, { rows: batch, way });
  for (const [i, { name, shape }] of places.entries()) {
    const value = tf.tensor(Float32Array.from(file.weights.get(name)!.tensor.readFloat64()), shape);
    computation.set(i, value);
    value.dispose();
  }
  file.close();
  const x = numbers(join(folder, 'x.npy'));
  const logits = (): Float32Array => {
    const input = tf.tensor(x, [batch, x.length / batch]);
    const [output] = computation.run([input]);
    const values = output!.dataSync() as Float32Array;
    tf.dispose([input, output!]);
    return values;
  };
  const measure = (): Turn => {
    const before = process.cpuUsage();
    const times = Array.from({ length: batches }, () => {
      const began = performance.now();
      logits();
      return performance.now() - began;
    });
    const { user, system } = process.cpuUsage(before);
    return {
      milliseconds: Math.min(...times) / batch,
      cpu_milliseconds: (user + system) / 1000 / batches / batch,
    };
  };
  return { logits, measure, dispose: () => computation.dispose() };
}

/** As far as PyTorch's own float32 is from its float64, four times. @throws Error if the logits differ by more */
function requireSameLogits(folder: string, found: Float32Array): void {
  const [single, double] = ['float32', 'float64'].map((name) => numbers(join(folder, `${name}.npy`)));
  const furthest = (a: Float32Array): number =>
    a.reduce((most, value, i) => Math.max(most, Math.abs(value - double![i]!)), 0);
  const largest = double!.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const [difference, most] = [furthest(found), 4 * furthest(single!) + 1e-6 * largest];
  if (found.length !== double!.length || !(difference <= most))
    throw new Error(`the logits differ by ${difference} from PyTorch's; at most ${most} was expected`);
}

async function measure(
  backend: Backend,
  size: Size,
  turns: number,
  say: (line: string) => void,
): Promise<ExportedRow> {
  const folder = mkdtempSync(join(tmpdir(), 'basin-bench-exported-'));
  const torch = new TorchTurns<Turn & { version: string }>(python!, 'torch_exported.py', [
    ...[folder, size, batch, sizes[size], backend.threads],
  ]);
  try {
    await torch.hear();
    const ours = openOurs(backend, folder, sizes[size]);
    requireSameLogits(folder, ours.logits());
    ours.measure();
    const [basin, theirs] = await inTurns(turns, [
      () => Promise.resolve<Turn & { version?: string }>(ours.measure()),
      () => torch.next(),
    ]);
    ours.dispose();
    const fastest = (found: readonly Turn[]): number =>
      Math.min(...found.map(({ milliseconds }) => milliseconds));
    const cpu = (found: readonly Turn[]): number =>
      median(found.map(({ cpu_milliseconds }) => cpu_milliseconds));
    const [basin_ms, torch_ms] = [fastest(basin!), fastest(theirs!)];
    const row = exportedRowSchema.parse({
      ...{ size, basin_ms, torch_ms, ratio: basin_ms / torch_ms, target },
      ...{ basin_cpu_ms: cpu(basin!), torch_cpu_ms: cpu(theirs!) },
    });
    say(
      `  3 x ${size} x ${size}: ${digits(basin_ms)} ms per image, PyTorch ${theirs![0]!.version ?? ''} ${digits(torch_ms)} ms, ratio ${row.ratio.toFixed(2)} (at most ${target}); processor time ${digits(row.basin_cpu_ms)} and ${digits(row.torch_cpu_ms)} ms`,
    );
    return row;
  } finally {
    torch.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

const python = process.env['BASIN_TORCH_PYTHON'];

async function main(args: readonly string[]): Promise<void> {
  const { json, write, only, turns } = benchOptions(args, Object.keys(sizes), 6);
  if (!python)
    throw new UserError('BASIN_TORCH_PYTHON is not set: there is nothing to compare with.', {
      hint: 'Let it name a Python with torch and torchvision.',
    });
  const say = json ? console.error : console.log;
  // Read by TensorFlow as it loads.
  Object.assign(process.env, workerEnvironment(availableParallelism()));
  const backend = await loadBackend();
  say(
    `${backend.label}, ${await deviceName(backend.device)}; batches of ${batch}, the fastest of ${turns} turns`,
  );
  const rows: ExportedRow[] = [];
  for (const size of Object.keys(sizes).map(Number) as Size[]) {
    if (only !== undefined && Number(only) !== size) continue;
    rows.push(await accounted(backend, 'exported benchmark', () => measure(backend, size, turns, say)));
  }
  if (json) console.log(JSON.stringify(rows));
  if (write) writeTable('exported', tableOf(rows));
}

function tableOf(rows: readonly ExportedRow[]): string {
  return markdownTable(
    [
      ...['resnet18, batches of 32, per image', 'Basin', 'PyTorch', 'ratio', 'at most'],
      'processor time of all threads',
    ],
    rows.map(({ size, basin_ms, torch_ms, ratio, target: most, basin_cpu_ms, torch_cpu_ms }) => [
      ...[
        `3 x ${size} x ${size}`,
        `${digits(basin_ms)} ms`,
        `${digits(torch_ms)} ms`,
        ratio.toFixed(2),
        most,
      ],
      `${digits(basin_cpu_ms)} and ${digits(torch_cpu_ms)} ms`,
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
