/** The name of the GPU in use, from nvidia-smi if there is one. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test, vi } from 'vitest';
import { deviceName, gpuName } from '../../../src-main/compute/backend/device-name.ts';

const folder = mkdtempSync(join(tmpdir(), 'basin-smi-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

beforeEach(() => {
  vi.unstubAllEnvs();
  const tool = join(folder, 'nvidia-smi');
  writeFileSync(tool, '#!/bin/sh\n[ "$1" = --id=7 ] && exit 6\necho "NVIDIA Card, $*"\n');
  chmodSync(tool, 0o755);
  vi.stubEnv('PATH', `${folder}:${process.env['PATH']}`);
  vi.stubEnv('CUDA_VISIBLE_DEVICES', undefined);
});

test('the first GPU, or the one that the process may see', async () => {
  expect(await gpuName()).toBe('NVIDIA Card, --id=0 --query-gpu=name --format=csv,noheader');
  vi.stubEnv('CUDA_VISIBLE_DEVICES', '2,3');
  expect(await deviceName('gpu')).toContain('--id=2 ');
});

test('hidden GPUs have no name, nor those that nvidia-smi does not know', async () => {
  for (const hidden of ['', '-1', '7']) {
    vi.stubEnv('CUDA_VISIBLE_DEVICES', hidden);
    expect(await gpuName(), hidden).toBeUndefined();
  }
  vi.stubEnv('PATH', folder.slice(0, -1));
  vi.stubEnv('CUDA_VISIBLE_DEVICES', undefined);
  expect(await deviceName('gpu')).toBe('a GPU whose name nvidia-smi does not report');
});

test('the processor by its model', async () => {
  expect(await deviceName('cpu')).toBe(cpus()[0]!.model);
});
