/**
 * Characters that the shipped fonts lack (Chinese, emoji). An SVG keeps them, and whoever opens it needs a font that has
 * them; PDF and PNG are drawn with the shipped fonts alone, so that they are the same on every machine.
 */
import type { FigureDocument } from './document.ts';
import { hasGlyph, withoutHeldWidths } from './text.ts';

/** Drawn in place of what is lacking, in PDF and PNG. */
export const standIn = '□';

export interface LackingText {
  text: string;
  /** Each once, as written: an emoji of several code points is one. */
  characters: string[];
}

/** A flag, an emoji with what is joined to it, or a character with its marks: what a person takes for one character. */
const characters =
  /\p{RI}{2}|\p{Extended_Pictographic}(?:\p{EMod}|\ufe0f|\u200d\p{Extended_Pictographic})*|[^]\p{M}*/gu;
const charactersOf = (text: string): string[] => text.normalize('NFC').match(characters) ?? [];
const isDrawn = (character: string): boolean => /^\s+$/u.test(character) || [...character].every(hasGlyph);

/** Texts of a figure that PDF and PNG cannot show whole, each once. */
export function lackingTexts(figure: Pick<FigureDocument, 'texts'>): LackingText[] {
  const texts = [...new Set(figure.texts.map(({ text }) => text))];
  return texts.flatMap((text) => {
    const characters = [...new Set(charactersOf(text).filter((character) => !isDrawn(character)))];
    return characters.length === 0 ? [] : [{ text, characters }];
  });
}

/** Beyond this many texts a warning only counts. */
const mostNamed = 4;

/** What to tell whoever exports the figure as PDF or PNG; undefined if nothing is lacking. */
export function lackingWarning(figure: Pick<FigureDocument, 'texts'>): string | undefined {
  const lacking = lackingTexts(figure);
  if (lacking.length === 0) return undefined;
  const named = lacking
    .slice(0, mostNamed)
    .map(({ text, characters }) => `${characters.join(' ')} in “${text}”`);
  const more =
    lacking.length > mostNamed ? [`characters in ${lacking.length - mostNamed} further texts`] : [];
  return `The fonts of PDF and PNG lack ${[...named, ...more].join('; ')}: ${standIn} is drawn instead. An SVG keeps them, or give the groups other names.`;
}

/** The SVG as PDF and PNG are made of it: stand-ins in its texts, which have the widths of the shipped fonts anyway. */
export function forShippedFonts(svg: string): string {
  return withoutHeldWidths(svg).replace(/<text[\s>].*?<\/text>/gs, (element) =>
    element.replace(/(?<=>)[^<]+(?=<)/g, (text) =>
      charactersOf(text)
        .map((character) => (isDrawn(character) ? character : standIn))
        .join(''),
    ),
  );
}
