/** A matrix as figures take it: typed, as rows, or packed in base 64 so that a recipe stays small in JSON. */
import { z } from 'zod';
import { isMatrix, type Matrix } from '../matrix.ts';
import { fromBase64, toBase64 } from './png.ts';

const packedSchema = z.object({
  rows: z.int().positive(),
  columns: z.int().positive(),
  /** Row-major, little-endian. */
  float64: z.string(),
});
export type PackedMatrix = z.output<typeof packedSchema>;

const isRows = (value: unknown): value is (number | null)[][] => {
  if (!Array.isArray(value) || value.length === 0) return false;
  const width = Array.isArray(value[0]) ? value[0].length : 0;
  return (
    width > 0 &&
    value.every(
      (row) =>
        Array.isArray(row) && row.length === width && row.every((v) => v === null || typeof v === 'number'),
    )
  );
};

const fromRows = (rows: (number | null)[][]): Matrix => ({
  rows: rows.length,
  columns: rows[0]?.length ?? 0,
  data: Float64Array.from(rows.flat(), (v) => v ?? NaN),
});

export const matrixDataSchema = z.union([
  z.custom<Matrix>(isMatrix, 'expected a matrix').transform((m): Matrix => m),
  z.custom<(number | null)[][]>(isRows, 'expected rows of equal length').transform(fromRows),
  packedSchema.transform((packed, context): Matrix => {
    const bytes = fromBase64(packed.float64);
    if (bytes.length !== packed.rows * packed.columns * 8) {
      context.addIssue(
        `expected ${packed.rows} x ${packed.columns} float64 values, got ${bytes.length} bytes`,
      );
      return z.NEVER;
    }
    const view = new DataView(bytes.buffer);
    const data = Float64Array.from({ length: bytes.length / 8 }, (_, i) => view.getFloat64(i * 8, true));
    return { rows: packed.rows, columns: packed.columns, data };
  }),
]);

/** For recipes that are stored. */
export function packMatrix(m: Matrix): PackedMatrix {
  const bytes = new Uint8Array(m.data.length * 8);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < m.data.length; i++) view.setFloat64(i * 8, m.data[i]!, true);
  return { rows: m.rows, columns: m.columns, float64: toBase64(bytes) };
}
