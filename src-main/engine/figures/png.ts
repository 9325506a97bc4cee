/** SVG to PNG at a chosen resolution, with its physical size and provenance inside. */
import { Resvg } from '@resvg/resvg-js';
import { forShippedFonts, type FigureDocument } from '../../../src-shared/figures/index.ts';
import { concatBytes, pngChunk } from '../../../src-shared/figures/png.ts';
import { allFontFiles } from './fonts.ts';

export function figurePng(figure: FigureDocument, dpi: number): Uint8Array {
  const renderer = new Resvg(forShippedFonts(figure.svg), {
    font: {
      fontFiles: allFontFiles(),
      loadSystemFonts: false,
      defaultFontFamily: 'Liberation Serif',
      serifFamily: 'Liberation Serif',
      sansSerifFamily: 'Liberation Sans',
    },
    fitTo: { mode: 'width', value: Math.round((figure.width / 72) * dpi) },
    shapeRendering: 2,
    textRendering: 1,
  });
  return annotate(renderer.render().asPng(), dpi, figure);
}

const headerEnd = 8 + 25; // signature, then IHDR: always 13 bytes of data in a chunk

function annotate(png: Uint8Array, dpi: number, figure: FigureDocument): Uint8Array {
  const texts: [string, string][] = [['Title', figure.title]];
  if (figure.caption !== undefined) texts.push(['Description', figure.caption]);
  if (figure.provenance !== undefined) {
    texts.push(['Software', `Basin ${figure.provenance.basinVersion}`]);
    texts.push(['Basin provenance', JSON.stringify(figure.provenance)]);
  }
  return concatBytes([
    png.subarray(0, headerEnd),
    physicalSize(dpi),
    ...texts.map(([keyword, text]) => internationalText(keyword, text)),
    png.subarray(headerEnd),
  ]);
}

function physicalSize(dpi: number): Uint8Array {
  const perMetre = Math.round(dpi / 0.0254);
  const data = new Uint8Array(9);
  const view = new DataView(data.buffer);
  view.setUint32(0, perMetre);
  view.setUint32(4, perMetre);
  data[8] = 1; // the unit is the metre
  return pngChunk('pHYs', data);
}

/** iTXt, uncompressed: keyword, two zero flags, no language, no translated keyword, UTF-8. */
function internationalText(keyword: string, text: string): Uint8Array {
  const bytes = new TextEncoder().encode(`${keyword}\0\0\0\0\0${text.replaceAll('\0', '')}`);
  return pngChunk('iTXt', bytes);
}
