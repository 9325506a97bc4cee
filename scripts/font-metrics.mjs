// Writes src-shared/figures/metrics.ts: the widths figures are laid out with, read from the fonts in resources/fonts.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
// fontkit is pdfkit's own font reader: the same one that lays out the PDF.
const fromPdfkit = createRequire(createRequire(import.meta.url).resolve('pdfkit'));
const fontkit = fromPdfkit('fontkit');

const ranges = [
  [0x20, 0x7e],
  [0xa0, 0x24f],
  [0x370, 0x3ff],
  [0x400, 0x4ff],
  [0x1e00, 0x1eff],
  [0x2010, 0x2027],
  [0x2030, 0x203a],
  [0x2070, 0x2094],
  [0x20a0, 0x20b5],
  [0x2100, 0x215e],
  [0x2190, 0x2195],
  [0x2202, 0x222b],
  [0x2248, 0x2265],
  [0x25a0, 0x25e6],
];
const faces = { serif: 'LiberationSerif', sans: 'LiberationSans' };
const styles = { regular: 'Regular', italic: 'Italic', bold: 'Bold' };

const describe = (file) => {
  const font = fontkit.openSync(path.join(root, 'resources/fonts', file));
  const milli = (units) => Math.round((units * 1000) / font.unitsPerEm);
  const width = (code) =>
    font.hasGlyphForCodePoint(code) ? milli(font.glyphForCodePoint(code).advanceWidth) : 0;
  const lines = ranges.map(([first, last]) => {
    const widths = Array.from({ length: last - first + 1 }, (_, i) => width(first + i));
    return `      [${first}, '${widths.join(' ')}'],`;
  });
  const vertical = `ascent: ${milli(font.ascent)}, descent: ${milli(-font.descent)}, capHeight: ${milli(font.capHeight)}`;
  return `{\n    ${vertical},\n    widths: [\n${lines.join('\n')}\n    ],\n  }`;
};

const entries = Object.entries(faces).flatMap(([family, face]) =>
  Object.entries(styles).map(
    ([style, suffix]) => `  '${family}-${style}': ${describe(`${face}-${suffix}.ttf`)},`,
  ),
);
const text = `// Written by scripts/font-metrics.mjs from resources/fonts; do not edit.

/** Vertical extents and advance widths in thousandths of an em; 0 where the font has no glyph. */
export interface FaceMetrics {
  ascent: number;
  descent: number;
  capHeight: number;
  /** Runs of characters: first code point, then the widths separated by blanks. */
  widths: readonly (readonly [number, string])[];
}

export type FaceName = \`\${'serif' | 'sans'}-\${'regular' | 'italic' | 'bold'}\`;

export const faceMetrics: Record<FaceName, FaceMetrics> = {
${entries.join('\n')}
};
`;
writeFileSync(path.join(root, 'src-shared/figures/metrics.ts'), text);
