/** Runs the command line as a person does: a process of its own, real files, a workspace per test. */
import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const basinEntry = fileURLToPath(new URL('../../src-main/cli/basin.mjs', import.meta.url));
/** The same IDX files that the reference's fixtures were made with. */
export const digitsFolder = fileURLToPath(new URL('../../resources/data/mnist-10k', import.meta.url));

export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
  seconds: number;
}

export function temporaryFolder(name = 'basin-test-'): string {
  return mkdtempSync(join(tmpdir(), name));
}

interface Options {
  env?: Record<string, string>;
  cwd?: string;
  /** Killed after this long: a command that hangs fails its test. */
  timeoutMs?: number;
  /** Called with the process once it runs, to send it signals. */
  started?: (kill: (signal: NodeJS.Signals) => void, stderr: () => string) => void;
}

export function basin(args: readonly string[], options: Options = {}): Promise<Outcome> {
  const began = performance.now();
  const child = spawn(process.execPath, [basinEntry, ...args], {
    cwd: options.cwd,
    env: { ...process.env, BASIN_SETUP_DONE: '1', NO_COLOR: '1', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const out = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (out.stderr += text));
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 120_000);
  options.started?.(
    (signal) => child.kill(signal),
    () => out.stderr,
  );
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode, signal) => {
      clearTimeout(timer);
      // As a shell counts: ended by a signal is 128 and its number.
      const code = exitCode ?? 128 + constants.signals[signal!];
      resolve({ code, ...out, seconds: (performance.now() - began) / 1000 });
    });
  });
}

/** The one document of `--json`. Throws with everything the command said where there is none. */
export async function basinJson<T>(args: readonly string[], options: Options = {}): Promise<T> {
  const outcome = await basin([...args, '--json'], options);
  if (outcome.code !== 0) throw new Error(`basin ${args.join(' ')}: exit ${outcome.code}\n${outcome.stderr}`);
  return JSON.parse(outcome.stdout) as T;
}
