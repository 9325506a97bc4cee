import type { diagnose as kind } from '../../src-shared/jobs/diagnose.ts';
import type { ParamsOf, ResultOf } from '../../src-shared/jobs/define.ts';
import type { Compute } from './context.ts';
import { checkpointCancel } from './context.ts';

/** Times C = A B for float32 matrices [size, size]; the best repetition counts, since anything else measures the neighbours. */
export const diagnose: Compute<ParamsOf<typeof kind>, ResultOf<typeof kind>> = async (
  { size, seconds },
  context,
) => {
  const backend = await context.backend();
  const { tf, name, version, device, threads, reason, label, fix } = backend;
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
    backend: { name, version, device, threads, ...(reason === undefined ? {} : { reason }) },
    label,
    fix: fix ?? null,
    gigaflops: (2 * size ** 3) / (best / 1000) / 1e9,
    repetitions,
    node: process.versions.node,
  };
};
