/** Convolutions in batches whose values would not fit into memory operation by operation. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import type { Attribute, Backend, Tensor } from '../../../src-main/compute/backend/index.ts';
import { loadCheckpoint, readRun } from '../../../src-main/compute/load-models.ts';
import { rowsPerCall } from '../../../src-main/compute/networks/evaluation.ts';
import { writeResnetRun } from '../../support/written-resnets.ts';
import { job, testContext } from '../../support/job.ts';

const root = mkdtempSync(join(tmpdir(), 'basin-large-batches-'));
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

const train = 260;
let run: string;
let most: number;
let backend: Backend;
/** Rows of every convolution that is run by itself, and what was compiled. */
const seen = { rows: [] as number[], compiled: [] as string[] };
const watched = () => ({ ...testContext(), backend: () => Promise.resolve(watching(backend)) });

beforeAll(async () => {
  backend = await loadBackend();
  run = writeResnetRun(join(root, 'run'), { models: 2, train });
  most = rowsPerCall(readRun(run).graph, 1, 'eager');
});

function watching(of: Backend): Backend {
  const native = of.native!;
  const kernel = ((
    name: string,
    inputs: readonly Tensor[],
    attributes: Readonly<Record<string, Attribute>>,
  ) => {
    if (name === 'Conv2D') seen.rows.push(inputs[0]!.shape[0]!);
    return native.kernel(name, inputs, attributes);
  }) as typeof native.kernel;
  const compile: typeof native.compiler.compile = (settings, body, key) => {
    seen.compiled.push(settings.mode);
    const before = seen.rows.length;
    const program = native.compiler.compile(settings, body, key);
    seen.rows.length = before; // of the trace
    return program;
  };
  const compiler = Object.create(native.compiler, { compile: { value: compile } }) as typeof native.compiler;
  return { ...of, native: { ...native, kernel, compiler } };
}

test('such a batch there is', () => {
  expect(most).toBeLessThan(train);
});

describe('on native TensorFlow they are compiled', () => {
  test('merge', async () => {
    Object.assign(seen, { rows: [], compiled: [] });
    const directory = join(root, 'merged');
    const params = { run, epoch: 1, directory, normStatistics: 're-estimate' };
    const { files } = await job<{ files: string[] }>('merge', params, watched());
    expect(seen.compiled).toEqual(['graph']);
    expect(Math.max(...seen.rows)).toBeLessThanOrEqual(most);
    const merged = loadCheckpoint(readRun(directory), join(directory, files[0]!));
    const variance = merged.acting.get('layer3.2.bn2.running_var')!.data;
    expect(variance.every((value) => value > 0 && value !== 1)).toBe(true);
  });

  test('interpolate, and it says so; the ends are compared on no more rows than fit', async () => {
    Object.assign(seen, { rows: [], compiled: [] });
    const params = { run, epoch: 1, steps: 1, splits: ['val'], normStatistics: 're-estimate' };
    const found = await job<{ execution: unknown }>('interpolate', params, watched());
    expect(found.execution).toEqual({ way: 'graph' });
    expect(new Set(seen.compiled)).toEqual(new Set(['graph']));
    expect(Math.max(...seen.rows)).toBeLessThanOrEqual(most);
  });
});

describe('where nothing can be compiled they are refused before any work is done', () => {
  const portable = () => {
    const { native: _native, ...rest } = backend;
    return { ...testContext(), backend: () => Promise.resolve({ ...rest, name: 'cpu' as const }) };
  };
  test.each(['merge', 'interpolate'])('%s names the setting', async (kind) => {
    const params = { run, epoch: 1, normStatistics: 're-estimate' };
    const more = kind === 'merge' ? { directory: join(root, 'none') } : { steps: 1, splits: ['val'] };
    const { message, hint } = await job(kind, { ...params, ...more }, portable()).then(
      () => expect.fail('it was not refused'),
      (error: { message: string; hint: string }) => error,
    );
    expect(message).toMatch(/statisticsBatch: the values of 260 images .* the cpu back end does not support/);
    expect(hint).toContain(`--statistics-batch ${most}`);
  });
});
