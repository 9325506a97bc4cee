/** True physical sizes. Everything inside a figure is in points (1/72 inch). */
import { z } from 'zod';

export const units = { in: 72, mm: 72 / 25.4, cm: 720 / 25.4, pt: 1, px: 0.75 } as const;

/**
 * Widths of common templates: one column and both columns of a two-column page (ICML: 3.25 and 6.75 in), and the
 * full text width of a one-column page (NeurIPS, ICLR: 5.5 in).
 */
export const sizePresets = { single: 3.25, double: 6.75, full: 5.5 } as const;

const length = z.number().positive().max(10_000);

/** Width (and height, else the figure's own proportion), as a preset or in a unit. */
export const sizeSchema = z.union([
  z.enum(['single', 'double', 'full']),
  z.object({ width: length, height: length.optional(), unit: z.enum(['in', 'mm', 'cm', 'pt', 'px']) }),
]);
export type FigureSize = z.output<typeof sizeSchema>;

export function sizeInPoints(size: FigureSize): { width: number; height: number | undefined } {
  if (typeof size === 'string') return { width: sizePresets[size] * units.in, height: undefined };
  const unit = units[size.unit];
  return { width: size.width * unit, height: size.height === undefined ? undefined : size.height * unit };
}
