/** A Python script with torch that does a piece of work, and times it itself, for every line it is sent. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline/promises';
import { setTimeout as rest } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export class TorchTurns<Result> {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  /** @param script beside the benchmarks */
  constructor(python: string, script: string, args: readonly (string | number)[]) {
    const file = fileURLToPath(new URL(`../${script}`, import.meta.url));
    this.#child = spawn(python, [file, ...args.map(String)], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  async next(work = 'next'): Promise<Result> {
    this.#child.stdin!.write(`${work}\n`);
    return JSON.parse(await this.hear()) as Result;
  }

  /** The next line it says, unasked. */
  async hear(): Promise<string> {
    const line = await this.#lines.next();
    if (line.done === true) throw new Error('PyTorch’s part ended early');
    return line.value;
  }

  end(): void {
    this.#child.stdin!.end();
  }
}

/** Undefined without BASIN_TORCH_PYTHON. */
export function torchTurns<Result>(
  script: string,
  args: readonly (string | number)[],
): TorchTurns<Result> | undefined {
  const python = process.env['BASIN_TORCH_PYTHON'];
  return python ? new TorchTurns<Result>(python, script, args) : undefined;
}

/**
 * Lets contestants take turns, so that a machine that becomes slower or faster meanwhile does so for all.
 * @returns what each measured, turn by turn
 */
export async function inTurns<T>(turns: number, contestants: (() => Promise<T>)[]): Promise<T[][]> {
  const found = contestants.map((): T[] => []);
  for (let turn = 0; turn < turns; turn++) {
    for (const [i, measure] of contestants.entries()) {
      found[i]!.push(await measure());
      await rest(300); // until idle threads have gone to sleep
    }
  }
  return found;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
