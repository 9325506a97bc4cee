/** Networks exported from PyTorch, adopted and evaluated, beside what PyTorch itself gives for the same inputs. */
import { join } from 'node:path';
import { expect } from 'vitest';
import { readNpy } from '../../src-main/formats/npy.ts';
import type { JobResult } from '../../src-shared/jobs/index.ts';
import { job } from './job.ts';

export const numbersOf = (path: string): Float64Array =>
  Float64Array.from(readNpy(path).data as Float32Array);

export const largestOf = (values: Float64Array): number =>
  values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

export const furthest = (a: Float64Array, b: Float64Array): number =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);

/**
 * Adopts FOLDER/NAME.pt2, evaluates it in both precisions, and compares with FOLDER/BASE_float32.npy and _float64.npy.
 * @returns the run's folder
 */
export async function expectPyTorchsNumbers(folder: string, name: string, base = name): Promise<string> {
  const run = join(folder, `run-${name}`);
  await job('adopt', { network: join(folder, `${name}.pt2`), directory: run });
  const evaluated = async (precision: 'float32' | 'float64'): Promise<Float64Array> => {
    const out = join(run, `${precision}.npy`);
    const inputs = join(folder, `${base}_x.npy`);
    const { shape } = await job<JobResult<'evaluate'>>('evaluate', { run, epoch: 1, inputs, out, precision });
    expect(shape).toEqual(readNpy(join(folder, `${base}_${precision}.npy`)).shape);
    return numbersOf(out);
  };
  const [single, double] = [
    numbersOf(join(folder, `${base}_float32.npy`)),
    numbersOf(join(folder, `${base}_float64.npy`)),
  ];
  const largest = largestOf(double);
  expect(largest, name).toBeGreaterThan(0.01);
  const own = furthest(single, double);
  expect(furthest(await evaluated('float32'), double), `${name} in float32`).toBeLessThanOrEqual(
    4 * own + 1e-6 * largest,
  );
  expect(furthest(await evaluated('float64'), double), `${name} in float64`).toBeLessThanOrEqual(
    1e-9 * largest,
  );
  return run;
}
