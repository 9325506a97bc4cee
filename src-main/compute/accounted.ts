import { assertNoLeak, tensorCount } from './backend/index.ts';
import type { Backend } from './backend/index.ts';

/**
 * Runs a job and checks that it leaves as many tensors as it found.
 * @param what names the job in the error
 * @throws whatever `work` throws; else Error if tensors leaked
 */
export async function accounted<T>(backend: Backend, what: string, work: () => Promise<T>): Promise<T> {
  const before = tensorCount(backend);
  const result = await work();
  assertNoLeak(backend, before, what);
  return result;
}
