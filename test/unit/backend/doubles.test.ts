/** Float64 tensors inside TensorFlow: what goes in comes out, to the last bit. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadBackend, tensorCount } from '../../../src-main/compute/backend/index.ts';

const backend = await loadBackend();
const doubles = backend.native?.doubles;

test.skipIf(!doubles)('every float64 survives the way in and out', () => {
  const d = doubles!;
  const before = tensorCount(backend);
  fc.assert(
    fc.property(fc.float64Array({ minLength: 1, maxLength: 40 }), (values) => {
      const tensor = d.put(values, [values.length]);
      expect(tensor.shape).toEqual([values.length]);
      expect(d.read(tensor)).toEqual(values);
      d.free(tensor);
    }),
  );
  expect(tensorCount(backend)).toEqual(before);
});

test.skipIf(!doubles)('a part of a larger array, a float32 array, a scalar', () => {
  const d = doubles!;
  const read = (values: Float32Array | Float64Array, shape: number[]) => {
    const tensor = d.put(values, shape);
    const out = d.read(tensor);
    d.free(tensor);
    return Array.from(out);
  };
  expect(read(Float64Array.of(9, 1 / 3, 1e300, 5e-324).subarray(1), [3])).toEqual([1 / 3, 1e300, 5e-324]);
  expect(read(Float32Array.of(0.1, 3e38), [1, 2])).toEqual([Math.fround(0.1), Math.fround(3e38)]);
  expect(read(Float64Array.of(Math.PI), [])).toEqual([Math.PI]);
});

test.skipIf(!doubles)('rows and columns by their numbers', () => {
  const d = doubles!;
  const before = tensorCount(backend);
  const a = d.put(
    Float64Array.from({ length: 12 }, (_, k) => k),
    [4, 3],
  );
  const rows = d.gather(a, Int32Array.of(3, 0, 0, 1), [2, 2]);
  expect(rows.shape).toEqual([2, 2, 3]);
  expect(Array.from(d.read(rows))).toEqual([9, 10, 11, 0, 1, 2, 0, 1, 2, 3, 4, 5]);
  const single = Float32Array.from({ length: 12 }, (_, k) => k / 8);
  const columns = d.putColumns(single, 3, Int32Array.of(0, 2));
  expect(columns.shape).toEqual([4, 2]);
  expect(Array.from(d.read(columns), (value) => 8 * value)).toEqual([0, 2, 3, 5, 6, 8, 9, 11]);
  const all = d.putColumns(single, 3, Int32Array.of(0, 1, 2));
  expect(Array.from(d.read(all))).toEqual(Array.from(single));
  d.free(a, rows, columns, all);
  expect(tensorCount(backend)).toEqual(before);
});
