/** What a diagnosis of the machine says, in sentences; the command line and the window show the same. */
import type { diagnose } from './jobs/diagnose.ts';
import type { ResultOf } from './jobs/define.ts';

export type Diagnosis = ResultOf<typeof diagnose>;

export interface Finding {
  ok: boolean;
  text: string;
  /** What to do about it. */
  fix?: string;
}

const modeNames = { xla: 'XLA', graph: "graph of TensorFlow's kernels" } as const;

export function machineFindings(found: Diagnosis): Finding[] {
  const { backend, label, fix, device, gigaflops } = found;
  return [
    {
      ok: backend.name === 'tensorflow' && backend.reason === undefined,
      text: `back end: ${backend.reason === undefined ? label : `${label}: ${backend.reason}`}`,
      ...(fix === null ? {} : { fix }),
    },
    { ok: true, text: `computes on the ${backend.device === 'gpu' ? 'GPU' : 'processor'}: ${device}` },
    ...(backend.precision === 'tf32' ? [tf32Finding] : []),
    ...compiledFindings(found),
    { ok: true, text: `${gigaflops.toFixed(0)} GFLOP/s (float32 matrix product)` },
  ];
}

const tf32Finding: Finding = {
  ok: false,
  text: 'the GPU rounds the factors of float32 products to TF32, about 3 decimal digits; results say so',
  fix: 'unset NVIDIA_TF32_OVERRIDE and XLA_FLAGS, if they are set: Basin then asks for float32',
};

function compiledFindings({ backend, compiled }: Diagnosis): Finding[] {
  if (backend.name !== 'tensorflow') {
    const text = `compiled execution: not on the ${backend.name} back end; networks run operation by operation`;
    return [{ ok: true, text }];
  }
  return compiled.map(({ mode, works, reason, fix }) =>
    works
      ? { ok: true, text: `compiled execution: works (${modeNames[mode]})` }
      : {
          ok: false,
          text: `compiled execution: does not work (${modeNames[mode]}), networks run operation by operation: ${reason ?? 'no reason is known'}`,
          ...(fix === null ? {} : { fix }),
        },
  );
}
