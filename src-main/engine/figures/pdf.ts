/** SVG to PDF: vector, text as text, fonts embedded as TrueType subsets; no browser. */
import PDFDocument from 'pdfkit';
import svgToPdf from 'svg-to-pdfkit';
import { forShippedFonts, type FigureDocument } from '../../../src-shared/figures/index.ts';
import { provenanceLine } from '../../../src-shared/provenance.ts';
import { fontFile } from './fonts.ts';

/** A figure's bytes depend on nothing but its recipe: without a date of its own it bears the customary zero. */
const dateOf = (figure: FigureDocument): Date => new Date(figure.provenance?.created ?? 0);

/** One page of exactly the figure's size. PDF 1.4, which every LaTeX engine includes without a remark. */
export async function figurePdf(figure: FigureDocument): Promise<Uint8Array> {
  const doc = new PDFDocument({
    size: [figure.width, figure.height],
    margin: 0,
    pdfVersion: '1.4',
    font: fontFile('Serif', 'Regular'),
    lang: 'en',
    info: { ...information(figure), CreationDate: dateOf(figure) },
  });
  const warnings: string[] = [];
  svgToPdf(doc, forPdf(figure), 0, 0, {
    width: figure.width,
    height: figure.height,
    assumePt: true,
    fontCallback: (family, bold, italic) => {
      const name = family.includes('Sans') ? 'Sans' : 'Serif';
      return fontFile(name, bold ? 'Bold' : italic ? 'Italic' : 'Regular');
    },
    warningCallback: (message) => warnings.push(message),
  });
  if (warnings.length > 0) throw new Error(`PDF of figure "${figure.title}": ${warnings.join('; ')}`);
  const chunks: Uint8Array[] = [];
  doc.end();
  for await (const chunk of doc) chunks.push(chunk as Uint8Array);
  return new Uint8Array(Buffer.concat(chunks));
}

/** Document information: title, caption, and the provenance twice, as a line to read and as JSON to find again. */
function information(figure: FigureDocument): Record<string, string> {
  const { title, caption, provenance } = figure;
  return {
    Title: title,
    ...(caption === undefined ? {} : { Subject: caption }),
    ...(provenance === undefined
      ? {}
      : { Keywords: provenanceLine(provenance), BasinProvenance: JSON.stringify(provenance) }),
    Creator: provenance === undefined ? 'Basin' : `Basin ${provenance.basinVersion}`,
    Producer: 'Basin (pdfkit)',
  };
}

/**
 * The SVG as the converter wants it: sized in points (it counts an inch as 96 of them), and without metadata, which
 * the PDF carries in its own dictionary.
 */
const forPdf = (figure: FigureDocument): string =>
  forShippedFonts(figure.svg)
    .replace(/<metadata>.*?<\/metadata>|<desc>.*?<\/desc>|<title>.*?<\/title>/gs, '')
    .replace(/width="[\d.]+in" height="[\d.]+in"/, `width="${figure.width}" height="${figure.height}"`);
