/** `basin doctor --check-gpu`: the same work on the GPU and, with the GPU hidden, on the processor; then their numbers. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { checkDevices, deviceResultSchema } from '../../src-shared/device-check.ts';
import type { CheckWay, Comparison, DeviceResult, DeviceCheck } from '../../src-shared/device-check.ts';
import { CancelledError, UserError } from '../../src-shared/errors.ts';
import { UsageError } from './errors.ts';
import type { Globals } from './globals.ts';
import { formatTable } from './table.ts';
import type { Column } from './table.ts';
import type { Terminal } from './terminal.ts';

const entry = fileURLToPath(new URL('../worker/device-numbers.ts', import.meta.url));

const wayNames: Record<CheckWay, string> = {
  eager: 'operation by operation',
  xla: 'compiled (XLA)',
  graph: 'compiled (graph)',
};

/** @throws UsageError if there is no GPU to compare, UserError if a number is outside its tolerance */
export async function checkGpu(globals: Globals): Promise<void> {
  const { terminal, signal } = globals;
  const gpu = await numbersOf('gpu', signal);
  if (gpu.kind === 'elsewhere') return nothingCompared(globals, gpu);
  const onGpu = taken('GPU', gpu);
  const onProcessor = taken('processor', await numbersOf('cpu', signal));
  reportCheck(terminal, checkDevices(onGpu, onProcessor));
}

/** @throws UserError unless everything was compared and is within its tolerance */
export function reportCheck(terminal: Terminal, check: DeviceCheck): void {
  terminal.document({ compared: true, ...check });
  printCheck(terminal, check);
  if (!check.ok) throw new UserError(...complaint(check));
}

/** Asks a process of its own: one process loads TensorFlow once, with or without the GPU. */
async function numbersOf(device: 'cpu' | 'gpu', signal: AbortSignal): Promise<DeviceResult> {
  if (signal.aborted) throw new CancelledError();
  const hidden = device === 'cpu' ? { CUDA_VISIBLE_DEVICES: '-1' } : {};
  const child = fork(entry, [device], {
    env: { ...process.env, ...hidden },
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let said = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (said += text));
  const stop = () => child.kill();
  signal.addEventListener('abort', stop);
  let result: DeviceResult | undefined;
  child.on('message', (raw) => (result = deviceResultSchema.parse(raw)));
  const end = await new Promise<string>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, by) => resolve(by ?? `exit code ${code}`));
  });
  signal.removeEventListener('abort', stop);
  if (signal.aborted) throw new CancelledError();
  if (result) return result;
  const last = said.trim().split('\n').at(-1);
  throw new UserError(
    `the process that computes the numbers of the ${device.toUpperCase()} ended early (${end})${last ? `: ${last}` : ''}`,
  );
}

function taken(side: string, result: DeviceResult) {
  if (result.kind === 'numbers') return result.numbers;
  if (result.kind === 'elsewhere')
    throw new UserError(`the ${side} cannot be checked: the back end is ${result.label}`);
  const hint = result.hint === undefined ? {} : { hint: result.hint };
  throw new UserError(`computing the numbers of the ${side} failed: ${result.message}`, hint);
}

/** Never a verdict: nothing was found to be right. */
function nothingCompared(
  { terminal }: Globals,
  { label, reason, fix }: Extract<DeviceResult, { kind: 'elsewhere' }>,
): never {
  const why = `no GPU is in use; the back end is ${label}${reason === undefined ? '' : `: ${reason}`}`;
  terminal.document({ compared: false, ok: null, reason: why });
  const chosen = label.startsWith('tensorflow')
    ? 'On a machine with an NVIDIA GPU, `npm run setup -- --gpu` fetches the build that uses it.'
    : 'Only the tensorflow back end computes on a GPU: unset BASIN_BACKEND.';
  throw new UsageError(`nothing was compared: ${why}`, { hint: fix ?? chosen });
}

function printCheck(terminal: Terminal, { gpu, cpu, items, missing }: DeviceCheck): void {
  const { style } = terminal;
  terminal.print(`${gpu.label}, ${gpu.deviceName}\ncompared with ${cpu.label}, ${cpu.deviceName}\n`);
  const number = (value: number): string => (value === 0 ? '0' : value.toExponential(1));
  const columns: Column<Comparison>[] = [
    { title: 'item', text: ({ item }) => item },
    { title: 'computed', text: ({ way }) => wayNames[way] },
    {
      title: 'largest difference',
      align: 'right',
      text: ({ difference }) => (difference === null ? 'none' : number(difference)),
    },
    { title: 'tolerance', align: 'right', text: ({ tolerance }) => number(tolerance) },
    {
      title: 'ok',
      text: ({ ok, problem }) => (ok ? style.good('yes') : style.bad(problem ? `no: ${problem}` : 'no')),
    },
  ];
  terminal.print(formatTable(items, columns, style));
  terminal.print('\nDifferences and tolerances are relative to the largest number of the item.');
  for (const { way, device, reason } of missing)
    terminal.print(
      style.bad(`Not compared: ${wayNames[way]} does not work on the ${device.toUpperCase()}: ${reason}`),
    );
}

function complaint({ gpu, items, missing }: DeviceCheck): [string, { hint?: string }] {
  const outside = items.filter(({ ok }) => !ok).length;
  const counted = outside === 0 ? '' : `${outside} of ${items.length} items are outside their tolerance`;
  const absent = missing.length === 0 ? '' : 'a way of computing could not be compared';
  const hint =
    gpu.backend.precision === 'tf32'
      ? { hint: 'This GPU rounds products to TF32: unset NVIDIA_TF32_OVERRIDE if it is set.' }
      : {};
  return [[counted, absent].filter(Boolean).join('; '), hint];
}
