/**
 * Whole jobs beside our own PyTorch scripts that do them the way neuron-identifiability does (test/bench/published), in
 * turns, on the embedded digits and on networks of the published size. A turn of Basin is a fresh process that runs one
 * job as a worker does: starting it and loading libraries does not count, reading files and compiling does. PyTorch's
 * process lives through all turns. The numbers that both sides find are compared; if they differ, there is no row.
 *
 *   npm run bench -- published [--only WORK] [--turns 3] [--json] [--write]
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import { loadBackend } from '../../src-main/compute/backend/index.ts';
import { loadDataset } from '../../src-main/compute/data/index.ts';
import { workerEnvironment } from '../../src-main/engine/jobs/worker-process.ts';
import { runJob } from '../../src-main/worker/run-job.ts';
import { computeTable } from '../../src-main/worker/table.ts';
import { messageOf, UserError } from '../../src-shared/errors.ts';
import { disagreements } from './published/agreement.ts';
import type { Series } from './published/agreement.ts';
import { tableOf } from './published/table.ts';
import { networks, trainingOf, works } from './published/works.ts';
import type { Work } from './published/works.ts';
import { benchOptions, digits, publishedRowSchema, writeTable } from './support/report.ts';
import type { PublishedRow } from './support/report.ts';
import { inTurns, median, TorchTurns } from './support/torch-turns.ts';

/** What either side says of one turn. */
interface Turn {
  seconds: number;
  /** Of all threads, busy waiting included: tells more than seconds on a machine that others use. */
  cpuSeconds: number;
  numbers: Series;
}

const context = {
  ...{ backend: () => loadBackend(), signal: new AbortController().signal },
  emit: () => undefined,
};

/** One job in this process, when a line arrives. */
async function basinSide(name: string, folder: string): Promise<void> {
  const { kind, params, numbers } = works[name]!;
  const request = { kind, params: params(folder) };
  await computeTable[kind]();
  const { tf } = await loadBackend();
  tf.dispose([tf.matMul(tf.ones([64, 64]), tf.ones([64, 64]))]);
  console.log(JSON.stringify({ ready: true }));
  await createInterface({ input: process.stdin })[Symbol.asyncIterator]().next();
  const [began, before] = [performance.now(), process.cpuUsage()];
  const result = await runJob(request, context);
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(before);
  const turn: Turn = { seconds, cpuSeconds: (user + system) / 1e6, numbers: numbers(result) };
  console.log(JSON.stringify(turn));
  if ('run' in request.params && kind === 'train')
    rmSync(String(request.params.run), { recursive: true, force: true });
  process.exit(0);
}

const threads = availableParallelism();

/** A turn in a fresh process. */
async function basinTurn(name: string, folder: string): Promise<Turn> {
  const args = [fileURLToPath(import.meta.url), 'basin-side', name, folder];
  const env = { ...process.env, ...workerEnvironment(threads) };
  const child = spawn(process.execPath, args, { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await lines.next();
  child.stdin.end('go\n');
  const line = await lines.next();
  if (line.done === true) throw new Error(`${name}: Basin's part ended early`);
  return JSON.parse(line.value as string) as Turn;
}

/** What both sides read: a run of trained networks, and the digits as bytes for PyTorch. */
async function prepare(folder: string): Promise<void> {
  mkdirSync(join(folder, 'digits'));
  const { train, test } = await loadDataset({ name: 'mnist-10k' });
  for (const [part, { pixels, labels }] of Object.entries({ train, test })) {
    writeFileSync(join(folder, 'digits', `${part}-images.u8`), pixels!.bytes);
    writeFileSync(join(folder, 'digits', `${part}-labels.u8`), Uint8Array.from(labels));
  }
  await runJob({ kind: 'train', params: trainingOf(networks, join(folder, 'run')) }, context);
}

async function measure(name: string, work: Work, folder: string, turns: number): Promise<PublishedRow> {
  const [script, ...args] = work.script;
  const torch = new TorchTurns<Turn>(python!, join('published', script), [folder, threads, ...args]);
  try {
    await torch.hear(); // that it is ready
    const [ours, theirs] = await inTurns(turns, [() => torch.next(), () => basinTurn(name, folder)]).then(
      ([published, basin]) => [basin!, published!],
    );
    const differing = ours!.flatMap(({ numbers }, turn) =>
      disagreements(numbers, theirs![turn]!.numbers, work.agreement),
    );
    if (differing.length > 0)
      throw new UserError(
        `${name}: Basin and the published way find different numbers.\n${differing.join('\n')}`,
      );
    const [basin_s, published_s] = [ours!, theirs!].map((each) => median(each.map(({ seconds }) => seconds)));
    const ratio = published_s! / basin_s!;
    return publishedRowSchema.parse({ work: name, basin_s, published_s, ratio });
  } finally {
    torch.end();
  }
}

const python = process.env['BASIN_TORCH_PYTHON'];

async function main(args: readonly string[]): Promise<void> {
  const { json, write, only, turns } = benchOptions(args, Object.keys(works), 3);
  if (!python)
    throw new UserError('BASIN_TORCH_PYTHON is not set: there is nothing to compare with.', {
      hint: 'Let it name a Python with torch, numpy and safetensors (scipy too, if its time is to count).',
    });
  const say = json ? console.error : console.log;
  const folder = mkdtempSync(join(tmpdir(), 'basin-published-'));
  const rows: PublishedRow[] = [];
  const failed: string[] = [];
  try {
    await prepare(folder);
    for (const [name, work] of Object.entries(works)) {
      if (only !== undefined && name !== only) continue;
      try {
        const row = await measure(name, work, folder, turns);
        rows.push(row);
        const verdict = row.ratio >= work.target ? '' : ` (target ${work.target})`;
        say(
          `  ${work.title}: ${digits(row.basin_s)} s, published way ${digits(row.published_s)} s, ${digits(row.ratio)} times faster${verdict}`,
        );
      } catch (thrown) {
        failed.push(name);
        console.error(messageOf(thrown));
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  if (json) console.log(JSON.stringify(rows));
  if (write && rows.length > 0) writeTable('published', tableOf(rows, failed));
  if (failed.length > 0) {
    console.error(`No row for: ${failed.join(', ')}.`);
    process.exitCode = 1;
  }
}

const [first, ...rest] = process.argv.slice(2);
try {
  if (first === 'basin-side') await basinSide(rest[0]!, rest[1]!);
  else await main(process.argv.slice(2));
} catch (thrown) {
  console.error(messageOf(thrown));
  if (thrown instanceof UserError && thrown.hint !== undefined) console.error(thrown.hint);
  process.exitCode = thrown instanceof UserError ? 2 : 1;
}
