import { z } from 'zod';

/** A dense matrix, row-major: entry (i, j) is `data[i * columns + j]`. Travels between processes as it is. */
export interface Matrix {
  rows: number;
  columns: number;
  data: Float64Array | Float32Array;
}

const numbers = z.custom<Float64Array | Float32Array>(
  (value) => value instanceof Float64Array || value instanceof Float32Array,
  'expected a Float64Array or Float32Array',
);

/** In results. The engine keeps a matrix in a file of its own; on the command line it is an array of rows. */
export const matrixSchema: z.ZodType<Matrix> = z
  .object({ rows: z.int().nonnegative(), columns: z.int().nonnegative(), data: numbers })
  .refine((m) => m.data.length === m.rows * m.columns, 'rows x columns must equal the number of entries');

export function isMatrix(value: unknown): value is Matrix {
  return matrixSchema.safeParse(value).success;
}

export function matrix(rows: number, columns: number, data: Float64Array | Float32Array): Matrix {
  if (data.length !== rows * columns) {
    throw new RangeError(`matrix: ${rows} x ${columns} needs ${rows * columns} entries, got ${data.length}`);
  }
  return { rows, columns, data };
}

/** As nested plain arrays: what JSON readers (pandas, numpy) expect. */
export function toRows(m: Matrix): number[][] {
  return Array.from({ length: m.rows }, (_, i) =>
    Array.from(m.data.subarray(i * m.columns, (i + 1) * m.columns)),
  );
}

/** Replaces every matrix in a result by what `replace` gives for it; the rest is copied as it is. */
export function mapMatrices(
  value: unknown,
  replace: (m: Matrix, path: string) => unknown,
  path = '',
): unknown {
  if (Array.isArray(value)) return value.map((item, i) => mapMatrices(item, replace, `${path}/${i}`));
  if (value === null || typeof value !== 'object') return value;
  if ('data' in value && ArrayBuffer.isView(value.data) && isMatrix(value)) return replace(value, path);
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, mapMatrices(item, replace, `${path}/${key}`)]),
  );
}
