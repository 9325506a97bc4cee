/** True physical sizes. Everything inside a figure is in points (1/72 inch). */
import { z } from 'zod';

export const units = { in: 72, mm: 72 / 25.4, cm: 720 / 25.4, pt: 1, px: 0.75 } as const;

/** Widths of common templates, in inches. */
export const sizePresets = { single: 3.25, text: 5.5, double: 6.75 } as const;
export type SizePreset = keyof typeof sizePresets;
export const sizePresetNames = Object.keys(sizePresets) as SizePreset[];

/** For menus and help: what the width is in a paper, and whose templates have it. */
export const sizePresetLabels: Record<SizePreset, string> = {
  single: 'Single column, 3.25 in (ICML, AISTATS)',
  text: 'Text width, 5.5 in (NeurIPS, ICLR)',
  double: 'Double column, 6.75 in (ICML, AISTATS)',
};

const length = z.number().positive().max(10_000);

/** Width (and height, else the figure's own proportion), as a preset or in a unit. */
export const sizeSchema = z.union([
  z.enum(sizePresetNames),
  // What `text` was called: figures that were kept then still open.
  z.literal('full').transform(() => 'text' as const),
  z.object({ width: length, height: length.optional(), unit: z.enum(['in', 'mm', 'cm', 'pt', 'px']) }),
]);
export type FigureSize = z.output<typeof sizeSchema>;

export function sizeInPoints(size: FigureSize): { width: number; height: number | undefined } {
  if (typeof size === 'string') return { width: sizePresets[size] * units.in, height: undefined };
  const unit = units[size.unit];
  return { width: size.width * unit, height: size.height === undefined ? undefined : size.height * unit };
}
