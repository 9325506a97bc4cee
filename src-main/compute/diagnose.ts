import type { diagnose as kind } from '../../src-shared/jobs/diagnose.ts';
import type { ParamsOf, ResultOf } from '../../src-shared/jobs/define.ts';
import type { Backend } from './backend/index.ts';
import { deviceName } from './backend/device-name.ts';
import { backendInfo } from './backend/info.ts';
import { howToMend } from './backend/setup-status.ts';
import type { Compute } from './context.ts';
import { checkpointCancel } from './context.ts';

/**
 * What computes here, whether it compiles, and the time of C = A B for float32 matrices [size, size]; the best repetition
 * counts, since anything else measures the neighbours.
 */
export const diagnose: Compute<ParamsOf<typeof kind>, ResultOf<typeof kind>> = async (
  { size, seconds },
  context,
) => {
  const backend = await context.backend();
  const { tf, label, fix } = backend;
  const a = tf.randomUniform([size, size]);
  const b = tf.randomUniform([size, size]);
  let best = Infinity;
  let repetitions = 0;
  try {
    const started = performance.now();
    // At least three: the first one pays for start-up, the second for caches.
    while (repetitions < 3 || performance.now() - started < seconds * 1000) {
      await checkpointCancel(context);
      const began = performance.now();
      const product = tf.matMul(a, b);
      const corner = product.slice([0, 0], [1, 1]);
      // Reading a number back waits for the product on back ends that compute behind our back.
      await corner.data();
      best = Math.min(best, performance.now() - began);
      tf.dispose([product, corner]);
      repetitions += 1;
    }
  } finally {
    tf.dispose([a, b]);
  }
  return {
    backend: backendInfo(backend),
    label,
    fix: fix ?? null,
    device: await deviceName(backend.device),
    compiled: compiledBy(backend),
    gigaflops: (2 * size ** 3) / (best / 1000) / 1e9,
    repetitions,
    node: process.versions.node,
  };
};

function compiledBy({ native, name, device }: Backend): ResultOf<typeof kind>['compiled'] {
  const fix =
    device === 'gpu'
      ? 'compare the driver that nvidia-smi shows with what CUDA 12.9 needs; if libdevice is missing, XLA_FLAGS=--xla_gpu_cuda_data_dir=FOLDER gives the CUDA folder'
      : howToMend(' -- --force');
  return (['xla', 'graph'] as const).map((mode) => {
    if (!native)
      return {
        mode,
        works: false,
        reason: `the ${name} back end does not support compiled execution`,
        fix: null,
      };
    const reason = native.compiler.shortfall(mode) ?? null;
    return { mode, works: reason === null, reason, fix: reason === null ? null : fix };
  });
}
