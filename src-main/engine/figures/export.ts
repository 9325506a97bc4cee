/** A figure as the bytes of a file. The same recipe gives the same bytes. */
import {
  drawFigure,
  figureNumbers,
  lackingWarning,
  numbersAsCsv,
} from '../../../src-shared/figures/index.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { figurePdf } from './pdf.ts';
import { figurePng } from './png.ts';

export const exportFormats = ['svg', 'pdf', 'png', 'csv', 'json'] as const;
export type ExportFormat = (typeof exportFormats)[number];

/** More pixels than this no viewer opens gladly. */
const mostPixels = 200e6;

/**
 * Draws `recipe` (kind, data, options) and gives the file's bytes. `dpi` (default 300) concerns png. CSV and JSON hold
 * the numbers behind the figure. Throws a UserError for a recipe that is not valid or a picture that is too large.
 */
export async function exportFigure(
  recipe: unknown,
  format: ExportFormat,
  { dpi = 300 }: { dpi?: number | undefined } = {},
): Promise<Uint8Array> {
  const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
  switch (format) {
    case 'csv':
      return encode(numbersAsCsv(figureNumbers(recipe)));
    case 'json':
      return encode(numbersAsJson(recipe));
    case 'svg':
      return encode(`<?xml version="1.0" encoding="UTF-8"?>\n${drawFigure(recipe).svg}`);
    case 'pdf':
      return figurePdf(drawFigure(recipe));
    case 'png': {
      const figure = drawFigure(recipe);
      const pixels = (figure.width / 72) * (figure.height / 72) * dpi * dpi;
      if (pixels > mostPixels) {
        throw new UserError(
          `png at ${dpi} dpi: ${Math.round(pixels / 1e6)} million pixels, at most ${mostPixels / 1e6}; choose a lower dpi`,
        );
      }
      return figurePng(figure, dpi);
    }
  }
}

/** What a file in this format does not show as the figure has it; empty if it shows all. */
export function exportWarnings(recipe: unknown, format: ExportFormat): string[] {
  if (format !== 'pdf' && format !== 'png') return [];
  return [lackingWarning(drawFigure(recipe)) ?? []].flat();
}

function numbersAsJson(recipe: unknown): string {
  const { title, caption, provenance } = drawFigure(recipe);
  return `${JSON.stringify({ title, caption, provenance, ...figureNumbers(recipe) })}\n`;
}
