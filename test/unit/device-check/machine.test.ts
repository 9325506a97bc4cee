/** What doctor and the window say of a machine, in words; what needs attention comes with what to do. */
import { describe, expect, test } from 'vitest';
import { machineFindings } from '../../../src-shared/machine.ts';
import type { Diagnosis } from '../../../src-shared/machine.ts';

const works = { works: true, reason: null, fix: null };
const gpu: Diagnosis = {
  backend: { name: 'tensorflow', version: '2.21.0', device: 'gpu', threads: 8 },
  ...{ label: 'tensorflow 2.21.0 (GPU)', fix: null, device: 'NVIDIA H100 80GB HBM3' },
  compiled: [
    { mode: 'xla', ...works },
    { mode: 'graph', ...works },
  ],
  ...{ gigaflops: 41_234.4, repetitions: 9, node: '24.0.0' },
};
const toMend = (found: Diagnosis) => machineFindings(found).filter(({ ok }) => !ok);

describe('a machine', () => {
  test('with a GPU that compiles needs nothing', () => {
    expect(machineFindings(gpu)).toEqual(
      [
        'back end: tensorflow 2.21.0 (GPU)',
        'computes on the GPU: NVIDIA H100 80GB HBM3',
        'compiled execution: works (XLA)',
        "compiled execution: works (graph of TensorFlow's kernels)",
        '41234 GFLOP/s (float32 matrix product)',
      ].map((text) => ({ ok: true, text })),
    );
  });

  test('whose compiler does not work says why, what is done instead and what to do', () => {
    const compiled = [
      { mode: 'xla' as const, works: false, reason: 'libdevice is missing', fix: 'set XLA_FLAGS' },
      { mode: 'graph' as const, ...works },
    ];
    expect(toMend({ ...gpu, compiled })).toEqual([
      {
        ok: false,
        text: 'compiled execution: does not work (XLA), networks run operation by operation: libdevice is missing',
        fix: 'set XLA_FLAGS',
      },
    ]);
  });

  test('that rounds to TF32 needs attention', () => {
    const [found, ...more] = toMend({ ...gpu, backend: { ...gpu.backend, precision: 'tf32' } });
    expect(found!.text).toContain('TF32');
    expect(found!.fix).toContain('unset NVIDIA_TF32_OVERRIDE');
    expect(more).toEqual([]);
  });

  test('with the CUDA build and no GPU says what to do', () => {
    const reason = 'the CUDA build of TensorFlow found no GPU';
    const backend = { ...gpu.backend, device: 'cpu' as const, reason };
    expect(
      toMend({ ...gpu, backend, label: 'tensorflow 2.21.0 (CPU, 8 threads)', fix: 'check the driver' }),
    ).toEqual([
      {
        ok: false,
        text: `back end: tensorflow 2.21.0 (CPU, 8 threads): ${reason}`,
        fix: 'check the driver',
      },
    ]);
  });
});
