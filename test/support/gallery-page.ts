/** The page of the documentation that shows every kind of figure as it is printed. */
import {
  drawFigure,
  figureKindNames,
  figureKinds,
  sizePresetLabels,
  sizePresetNames,
} from '../../src-shared/figures/index.ts';
import { figureSamples } from './figure-samples.ts';

const introduction = `# Gallery of figures

Every kind of figure at the three widths of papers, at its true size, drawn from invented numbers. The pictures are the
SVG files that Basin writes; a test compares them with what it draws, byte for byte. \`node scripts/gallery.mjs\` draws them
again: look at what has changed before you commit it. How to choose a width, axes and a legend: [figures](figures.md).
`;

export function galleryPage(): string {
  const kinds = figureKindNames.map((kind) => {
    const { caption } = drawFigure({ kind, data: figureSamples[kind] });
    const pictures = sizePresetNames.map(
      (size) =>
        `${sizePresetLabels[size]}:\n\n![${figureKinds[kind].title}, ${sizePresetLabels[size]}](gallery/${kind}-${size}.svg)\n`,
    );
    return `## ${figureKinds[kind].title}\n\n${caption ?? ''}\n\n${pictures.join('\n')}`;
  });
  return [introduction, ...kinds].join('\n');
}
