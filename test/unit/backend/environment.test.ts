/** What the libraries are told before they load, and that a person's own settings stay. */
import { beforeEach, expect, test, vi } from 'vitest';
import { setEnvironment, tf32Allowed } from '../../../src-main/compute/backend/environment.ts';

const names = [
  ...['NVIDIA_TF32_OVERRIDE', 'XLA_FLAGS', 'CUDA_VISIBLE_DEVICES', 'CUDA_DEVICE_ORDER'],
  ...['TF_FORCE_GPU_ALLOW_GROWTH', 'TF_NUM_INTRAOP_THREADS'],
];
const told = (): Record<string, string | undefined> =>
  Object.fromEntries(names.map((name) => [name, process.env[name]]));

beforeEach(() => {
  vi.unstubAllEnvs();
  for (const name of names) vi.stubEnv(name, undefined);
});

test('float32 stays float32 on a GPU, one GPU is used, and no worker takes all its memory', () => {
  setEnvironment(3, true);
  expect(told()).toEqual({
    NVIDIA_TF32_OVERRIDE: '0',
    XLA_FLAGS: '--xla_gpu_enable_triton_gemm=false',
    CUDA_VISIBLE_DEVICES: '0',
    CUDA_DEVICE_ORDER: 'PCI_BUS_ID',
    TF_FORCE_GPU_ALLOW_GROWTH: 'true',
    TF_NUM_INTRAOP_THREADS: '3',
  });
  expect(tf32Allowed()).toBe(false);
});

test("a library that is not setup's gets no flags of XLA: one that it does not know would end the process", () => {
  setEnvironment(3, false);
  expect(told()).toMatchObject({ NVIDIA_TF32_OVERRIDE: '0', XLA_FLAGS: undefined });
});

test('what the person has set stays', () => {
  vi.stubEnv('NVIDIA_TF32_OVERRIDE', '1');
  vi.stubEnv('CUDA_VISIBLE_DEVICES', '');
  setEnvironment(3, true);
  expect(told()).toMatchObject({ NVIDIA_TF32_OVERRIDE: '1', XLA_FLAGS: undefined, CUDA_VISIBLE_DEVICES: '' });
  expect(tf32Allowed()).toBe(true);
  vi.stubEnv('NVIDIA_TF32_OVERRIDE', '0');
  vi.stubEnv('XLA_FLAGS', '--xla_dump_to=/tmp/x');
  setEnvironment(3, true);
  expect(process.env['XLA_FLAGS']).toBe('--xla_dump_to=/tmp/x --xla_gpu_enable_triton_gemm=false');
  vi.stubEnv('XLA_FLAGS', '--xla_gpu_enable_triton_gemm=true');
  setEnvironment(3, true);
  expect(process.env['XLA_FLAGS']).toBe('--xla_gpu_enable_triton_gemm=true');
});
