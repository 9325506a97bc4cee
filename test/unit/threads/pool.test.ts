/** Work handed to threads: the same results, errors that arrive whole, and no process kept alive. */
import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { subspaceOf, subspaceTask } from '../../../src-main/compute/identifiability/subspace.ts';
import type { Moments } from '../../../src-main/compute/identifiability/subspace.ts';
import { inThread, startThreads, threadCount } from '../../../src-main/compute/threads/pool.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { randomMatrix, slowProduct, slowTranspose } from '../linalg/support.ts';

function moments(width: number, seed: number): Moments {
  const x = randomMatrix(3 * width, width, seed);
  return {
    place: { layer: 'lins.1', hookMode: 'RecordInput', width },
    count: 3 * width,
    mean: new Float64Array(width),
    scatter: slowProduct(slowTranspose(x, 3 * width, width), x, width, 3 * width, width),
  };
}

const copyOf = (of: Moments): Moments => ({ ...of, scatter: of.scatter.slice() });

const before = process.env['BASIN_THREADS'];
afterEach(() => {
  if (before === undefined) delete process.env['BASIN_THREADS'];
  else process.env['BASIN_THREADS'] = before;
});

describe.each(['1', '2', '4'])('BASIN_THREADS=%s', (threads) => {
  beforeEach(() => {
    process.env['BASIN_THREADS'] = threads;
  });

  test('one less than asked for, and none for one', () => {
    expect(threadCount()).toBe(Number(threads) - 1);
  });

  test('what is asked at once comes back to the last bit as here', async () => {
    startThreads();
    const asked = [9, 4, 30, 1, 17, 6, 40].map((width, i) => moments(width, i + 1));
    const results = await Promise.all(asked.map((one) => inThread(subspaceTask, [copyOf(one), 0.9])));
    expect(results).toEqual(asked.map((one) => subspaceOf(copyOf(one), 0.9)));
  });

  test('a complaint keeps its words and its hint; a defect is one; the next request is dealt with', async () => {
    const still = { ...moments(4, 1), scatter: new Float64Array(16) };
    const asked = [still, null as never, moments(5, 2)].map((of) => inThread(subspaceTask, [of, 0.9]));
    const [complaint, defect, after] = await Promise.allSettled(asked);
    const thrown: unknown = complaint?.status === 'rejected' && complaint.reason;
    expect(thrown).toBeInstanceOf(UserError);
    expect(thrown).toMatchObject({
      message: expect.stringContaining('input of layer lins.1: no entry varies') as string,
      hint: expect.stringContaining('dead') as string,
    });
    const other: unknown = defect?.status === 'rejected' && defect.reason;
    expect(other).toBeInstanceOf(TypeError);
    expect((other as TypeError).stack).toContain('subspace.ts');
    expect(after).toMatchObject({ status: 'fulfilled', value: { full: 5 } });
  });
});

test('what is handed over is empty afterwards', async () => {
  process.env['BASIN_THREADS'] = '2';
  const one = moments(6, 3);
  const { dimension } = await inThread(subspaceTask, [one, 1], [one.scatter.buffer as ArrayBuffer]);
  expect(dimension).toBe(6);
  expect(one.scatter).toHaveLength(0);
});

test('a request that cannot travel is refused, and the thread is free for the next', async () => {
  process.env['BASIN_THREADS'] = '2';
  const broken = () => inThread(subspaceTask, [{ ...moments(4, 1), count: (() => 1) as never }, 0.9]);
  const fine = () => inThread(subspaceTask, [moments(5, 2), 1]);
  // The first is sent at once, the others when the thread is free again.
  const found = await Promise.allSettled([broken(), fine(), broken(), broken(), fine()]);
  expect(found.map(({ status }) => status[0])).toEqual(['r', 'f', 'r', 'r', 'f']);
  expect(found[3]).toMatchObject({ reason: { name: 'DataCloneError' } });
});

test('an idle thread keeps no process alive', () => {
  const pool = new URL('../../../src-main/compute/threads/pool.ts', import.meta.url).href;
  const subspace = new URL('../../../src-main/compute/identifiability/subspace.ts', import.meta.url).href;
  const code = `
    import { inThread, startThreads } from ${JSON.stringify(pool)};
    import { subspaceTask } from ${JSON.stringify(subspace)};
    startThreads();
    const place = { layer: 'lins.0', hookMode: 'RecordInput', width: 2 };
    const moments = { place, count: 5, mean: new Float64Array(2), scatter: Float64Array.of(2, 1, 1, 2) };
    console.log((await inThread(subspaceTask, [moments, 1])).dimension);
  `;
  const run = () =>
    execFileSync(process.execPath, ['--input-type=module', '-e', code], {
      encoding: 'utf8',
      env: { ...process.env, BASIN_THREADS: '2' },
      timeout: 60_000,
    });
  expect(run()).toBe('2\n');
});
