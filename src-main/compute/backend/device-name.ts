/** What the device that computes is called. */
import { execFile } from 'node:child_process';
import { cpus } from 'node:os';
import { promisify } from 'node:util';

/** `NVIDIA H100 80GB HBM3`, or the processor's model. */
export async function deviceName(device: 'cpu' | 'gpu'): Promise<string> {
  if (device === 'cpu') return cpus()[0]?.model ?? 'unknown processor';
  return (await gpuName()) ?? 'a GPU whose name nvidia-smi does not report';
}

/** Of the first GPU that this process may see, by nvidia-smi; undefined without one. */
export async function gpuName(): Promise<string | undefined> {
  const visible = process.env['CUDA_VISIBLE_DEVICES']?.split(',')[0] ?? '0';
  if (visible === '' || visible === '-1') return undefined;
  try {
    const { stdout } = await promisify(execFile)(
      'nvidia-smi',
      [`--id=${visible}`, '--query-gpu=name', '--format=csv,noheader'],
      { timeout: 10_000 },
    );
    return stdout.trim().split('\n')[0] || undefined;
  } catch {
    return undefined;
  }
}
