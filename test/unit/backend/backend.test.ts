import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { assertNoLeak, attr, loadBackend, tensorCount } from '../../../src-main/compute/backend/index.ts';
import type { Backend, BackendName } from '../../../src-main/compute/backend/index.ts';

const names: BackendName[] = ['tensorflow', 'wasm', 'cpu'];

/** A matrix whose entries are exact in float32. */
function matrix(rows: number, columns: number, seed: number): number[] {
  return Array.from({ length: rows * columns }, (_, i) => (((i + 1) * seed * 7919) % 2003) / 1024 - 1);
}

function product(a: number[], b: number[], n: number): number[] {
  return Array.from({ length: n * n }, (_, at) => {
    let sum = 0;
    for (let k = 0; k < n; k++) sum += a[Math.floor(at / n) * n + k]! * b[k * n + (at % n)]!;
    return sum;
  });
}

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('loadBackend', () => {
  it.each(names)('%s multiplies matrices and leaves no tensor behind', async (name) => {
    const backend = await loadBackend({ prefer: name });
    expect(backend.name).toBe(name);
    expect(backend.reason).toBeUndefined();
    const before = tensorCount(backend);
    const [a, b] = [matrix(48, 48, 3), matrix(48, 48, 5)];
    const result = backend.tf.tidy(() => {
      const left = backend.tf.tensor2d(a, [48, 48]);
      return [...backend.tf.matMul(left, backend.tf.tensor2d(b, [48, 48])).dataSync()];
    });
    const expected = product(a, b, 48);
    const worst = Math.max(...result.map((value, i) => Math.abs(value - expected[i]!)));
    expect(worst).toBeLessThan(2e-5); // 48 float32 products of size up to 1
    assertNoLeak(backend, before);
  });

  it('obeys BASIN_BACKEND before the caller', async () => {
    vi.stubEnv('BASIN_BACKEND', 'cpu');
    const backend = await loadBackend({ prefer: 'tensorflow' });
    expect(backend.name).toBe('cpu');
    expect(backend.label).toMatch(/^cpu 4\.\d+\.\d+ \(CPU, 1 thread\)$/);
  });

  it('refuses a back end that does not exist, by name', async () => {
    vi.stubEnv('BASIN_BACKEND', 'cuda');
    await expect(loadBackend()).rejects.toThrow(
      "BASIN_BACKEND is 'cuda', expected one of tensorflow, wasm, cpu",
    );
  });

  it.each(['0', '2.5', 'many', '-1'])('refuses %s threads', async (threads) => {
    vi.stubEnv('BASIN_THREADS', threads);
    await expect(loadBackend()).rejects.toThrow(
      `threads is '${threads}', expected a whole number from 1 to 1024`,
    );
  });

  it('says which back end lacks raw operations', async () => {
    const backend = await loadBackend({ prefer: 'cpu' });
    expect(backend.native).toBeUndefined();
    expect(() => backend.kernel('MatMul', [])).toThrow(
      'the cpu back end has no raw TensorFlow operations (asked for MatMul)',
    );
  });
});

describe('kernels that wasm lacks', () => {
  it('are computed by the JavaScript back end: Einsum, and the gradient of gather', async () => {
    const backend = await loadBackend({ prefer: 'wasm' });
    const { tf } = backend;
    const before = tensorCount(backend);
    tf.tidy(() => {
      const a = tf.tensor2d([1, 2, 3, 4], [2, 2]);
      expect([...tf.einsum('ij,kj->ik', a, a).dataSync()]).toEqual([5, 11, 11, 25]);
      const rows = tf.tensor1d([0, 0, 1], 'int32');
      const gradient = tf.grad((x) => tf.sum(tf.gather(x, rows)))(a);
      expect([...gradient.dataSync()]).toEqual([2, 2, 1, 1]);
    });
    assertNoLeak(backend, before);
  });
});

describe('tensor count', () => {
  it('finds one forgotten tensor', async () => {
    const backend = await loadBackend({ prefer: 'cpu' });
    const before = tensorCount(backend);
    const forgotten = backend.tf.scalar(1);
    expect(() => {
      assertNoLeak(backend, before, 'train');
    }).toThrow(`train leaked: ${before.tensors + 1} tensors alive, ${before.tensors} at its start`);
    forgotten.dispose();
    assertNoLeak(backend, before, 'train');
  });
});

describe('native TensorFlow', () => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await loadBackend({ prefer: 'tensorflow' });
  });

  it('calls a raw operation with its attributes', () => {
    const { tf, native } = backend;
    const before = tensorCount(backend);
    const x = tf.tensor3d([1, 2, 3, 4, 5, 6], [1, 3, 2]);
    const multiply = native!.operation('BatchMatMulV2', {
      T: attr.type('float32'),
      adj_x: attr.bool(true),
      adj_y: attr.bool(false),
    });
    const [gram] = multiply(x, x);
    expect(gram!.shape).toEqual([1, 2, 2]);
    expect([...gram!.dataSync()]).toEqual([35, 44, 44, 56]);
    tf.dispose([x, gram!]);
    assertNoLeak(backend, before);
  });
});
