/** The fonts that figures are laid out, embedded and rasterised with. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const faces = ['Regular', 'Italic', 'Bold'] as const;
export type FontFamily = 'Serif' | 'Sans';

/** `resources/fonts`, found from this file upwards: from source and from a bundle alike. */
function fontDirectory(): string {
  const start = path.dirname(fileURLToPath(import.meta.url));
  for (let folder = start; ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, 'resources', 'fonts');
    if (existsSync(path.join(candidate, 'LiberationSerif-Regular.ttf'))) {
      // Native code (the PNG renderer) cannot look into an application archive; fonts are unpacked beside it.
      return candidate.replace(`app.asar${path.sep}`, `app.asar.unpacked${path.sep}`);
    }
    if (folder === path.dirname(folder)) throw new Error(`resources/fonts not found above ${start}`);
  }
}

export const fontFile = (family: FontFamily, face: (typeof faces)[number]): string =>
  path.join(fontDirectory(), `Liberation${family}-${face}.ttf`);

export const allFontFiles = (): string[] =>
  (['Serif', 'Sans'] as const).flatMap((family) => faces.map((face) => fontFile(family, face)));
