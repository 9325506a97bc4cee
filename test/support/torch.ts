/** A real PyTorch for comparisons: its tests are skipped loudly without one, and never where CI=true. */
import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';

export const python = process.env['BASIN_TORCH_PYTHON'];

/** `it` that needs the Python of BASIN_TORCH_PYTHON; a CI machine without it fails. */
export const itWithTorch = it.skipIf(!python && process.env['CI'] !== 'true');

if (!python) console.warn('skipped: comparisons with PyTorch and pandas (set BASIN_TORCH_PYTHON)');

/** Runs a script file with `input` as JSON on stdin. The result is the JSON it prints. */
export function runPython(args: readonly string[], input: unknown): unknown {
  if (!python) throw new Error('BASIN_TORCH_PYTHON is not set');
  const { stdout, stderr, status } = spawnSync(python, args, {
    input: JSON.stringify(input),
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as unknown;
}
