/** `basin doctor`: what it says of back end, device and compiling, and that without a GPU it compares nothing. */
import { fork } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { checkWorkspace } from '../../src-main/engine/doctor.ts';
import { hasBinding } from '../../src-main/compute/backend/native.ts';
import { compareItems, deviceResultSchema } from '../../src-shared/device-check.ts';
import type { DeviceResult } from '../../src-shared/device-check.ts';
import type { Finding } from '../../src-shared/machine.ts';
import { basin, temporaryFolder } from '../support/cli.ts';

const root = temporaryFolder();
const here = ['--workspace', join(root, 'workspace')];
const withoutGpu = { CUDA_VISIBLE_DEVICES: '-1', BASIN_BACKEND: '' };
const native = hasBinding();

afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

describe('the machine', () => {
  test.skipIf(!native)('back end, device, and both ways of compiling', async () => {
    const { stdout } = await basin(['doctor', ...here], { env: withoutGpu });
    expect(stdout).toMatch(/✓ back end: tensorflow [\d.]+ \(CPU, \d+ threads?\)/);
    expect(stdout).toMatch(/✓ computes on the processor: \S/);
    expect(stdout).toContain('✓ compiled execution: works (XLA)');
    expect(stdout).toContain("✓ compiled execution: works (graph of TensorFlow's kernels)");
    const { stdout: json } = await basin(['doctor', '--json', ...here], { env: withoutGpu });
    expect(JSON.parse(json)).toMatchObject({
      compute: {
        backend: { name: 'tensorflow', device: 'cpu' },
        compiled: [
          { mode: 'xla', works: true, reason: null },
          { mode: 'graph', works: true, reason: null },
        ],
      },
    });
  });

  test('without native TensorFlow it says that nothing is compiled', async () => {
    const { stdout, code } = await basin(['doctor', '--json', ...here], { env: { BASIN_BACKEND: 'wasm' } });
    expect(code).toBe(1);
    const { findings } = JSON.parse(stdout) as { findings: Finding[] };
    expect(findings.map(({ text }) => text)).toContain(
      'compiled execution: not on the wasm back end; networks run operation by operation',
    );
  });
});

describe('a workspace', () => {
  test('names what interrupted writes of data sets left behind, and no data set', () => {
    const workspace = join(root, 'leftovers');
    for (const name of [
      '.gone.123.before.tmp',
      '.toy.123.tmp',
      '.toy.123.before.tmp',
      '.toy.123.removed.tmp',
      'mine.tmp',
      'toy',
    ])
      mkdirSync(join(workspace, 'data', name), { recursive: true });
    const { problems } = checkWorkspace(workspace);
    expect(problems).toContainEqual(
      expect.stringMatching(/\.gone\.123\.before\.tmp is the data set gone, .* rename the folder to gone/),
    );
    expect(problems.filter((text) => text.includes('interrupted write')).sort()).toEqual(
      ['.toy.123.before.tmp', '.toy.123.removed.tmp', '.toy.123.tmp'].map(
        (name) => `${join(workspace, 'data', name)} was left behind by an interrupted write.`,
      ),
    );
  });
});

describe('--check-gpu', () => {
  test('without a GPU nothing is called right: exit code 2, and the reason', async () => {
    const { stdout, stderr, code } = await basin(['doctor', '--check-gpu', ...here], { env: withoutGpu });
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/nothing was compared: no GPU is in use; the back end is (tensorflow|wasm) /);
    const inJson = await basin(['doctor', '--check-gpu', '--json', ...here], { env: withoutGpu });
    expect(inJson.code).toBe(2);
    expect(JSON.parse(inJson.stdout)).toMatchObject({ compared: false, ok: null });
  });

  test.skipIf(!native)('its two processes find the same numbers on the same processor', async () => {
    const [first, second] = [await ask('cpu'), await ask('cpu')];
    if (first.kind !== 'numbers' || second.kind !== 'numbers')
      throw new Error(JSON.stringify([first, second]));
    const compared = compareItems(first.numbers.items, second.numbers.items);
    expect(compared.length).toBeGreaterThan(70);
    expect(compared.filter(({ ok, difference }) => !ok || difference !== 0)).toEqual([]);
  });

  test('a process that is asked for the GPU computes nothing where there is none', async () => {
    expect(await ask('gpu')).toMatchObject({ kind: 'elsewhere' });
  });
});

/** As the command does. */
async function ask(device: 'cpu' | 'gpu'): Promise<DeviceResult> {
  const entry = fileURLToPath(new URL('../../src-main/worker/device-numbers.ts', import.meta.url));
  const child = fork(entry, [device], {
    env: { ...process.env, ...withoutGpu },
    execArgv: [],
    serialization: 'advanced',
  });
  const results: unknown[] = [];
  child.on('message', (raw) => results.push(raw));
  await new Promise((resolve) => child.on('close', resolve));
  expect(results).toHaveLength(1);
  return deviceResultSchema.parse(results[0]);
}
