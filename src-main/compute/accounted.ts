import { assertNoLeak, tensorCount } from './backend/index.ts';
import type { Backend } from './backend/index.ts';
import { releaseExamples } from './data/index.ts';
import { releaseKernels } from './models/kernels.ts';

/** Gives back what is kept between calls for speed: helper tensors and uploaded examples. */
export function releaseCaches(backend: Backend): void {
  releaseKernels(backend);
  releaseExamples(backend);
}

/**
 * Runs a job and checks that it leaves as many tensors as it found.
 * @param what names the job in the error
 * @throws whatever `work` throws; else Error if tensors leaked
 */
export async function accounted<T>(backend: Backend, what: string, work: () => Promise<T>): Promise<T> {
  releaseCaches(backend);
  const before = tensorCount(backend);
  try {
    const result = await work();
    releaseCaches(backend);
    assertNoLeak(backend, before, what);
    return result;
  } finally {
    releaseCaches(backend);
  }
}
