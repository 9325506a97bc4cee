/**
 * Text in figures: a few words of markup (italics, sub- and superscripts), measured without a DOM from the fonts'
 * own widths, so that a layout made here holds in the browser, in PDF and in PNG.
 */
import { faceMetrics, type FaceName } from './metrics.ts';
import { element, escapeXml, type Attributes } from './svg.ts';

export interface Run {
  text: string;
  italic?: boolean;
  shift?: 'sub' | 'sup';
}

/** A plain string is taken literally (names of runs may hold "_" and "*"), except for symbols such as "σ_F" and "m = 16". */
export type RichText = string | readonly Run[];

export interface Font {
  family: 'serif' | 'sans';
  /** pt */
  size: number;
  bold?: boolean;
}

/** Sub- and superscripts: size and shift of the base line, in ems of the surrounding text. */
const script = { scale: 0.72, sub: 0.2, sup: -0.36 };

/**
 * Markup to runs: `*x*` italic, `_x` or `_{xy}` subscript, `^x` or `^{xy}` superscript; lone small Greek letters are
 * italic. For Basin's own labels.
 */
export function markup(text: string): Run[] {
  const pattern = /\*([^*]+)\*|([_^])(?:\{([^}]*)\}|(\S))/gu;
  const runs: Run[] = [];
  let last = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > last) runs.push({ text: text.slice(last, match.index) });
    if (match[1] !== undefined) runs.push({ text: match[1], italic: true });
    else if (match[2] === '_') runs.push(index(match[3] ?? match[4] ?? ''));
    else runs.push({ text: match[3] ?? match[4] ?? '', shift: 'sup' });
    last = match.index + match[0].length;
  }
  if (last < text.length) runs.push({ text: text.slice(last) });
  return runs.flatMap((run) =>
    run.italic === true || run.shift !== undefined ? [run] : withSymbols(run.text),
  );
}

/** A subscript: one letter is a variable, words and numbers are upright. */
const index = (text: string): Run => ({
  text,
  shift: 'sub',
  ...(/^\p{L}$/u.test(text) && { italic: true }),
});

/**
 * What is a symbol in plain text: a small Greek letter that is no part of a word, with its index ("σ_F", "γ_out", also
 * written "sigma_F"), and a Latin one that is given a value ("m = 16").
 */
const symbols =
  /(?<![\p{L}_])(sigma(?=_F(?![\p{L}\p{N}]))|[α-ωϑϕϵ])(?!\p{L})(?:_([A-Za-z0-9]+))?|(?<![\p{L}\p{N}_.])([a-z])(?= = [−-]?[\d.])/gu;

function withSymbols(text: string): Run[] {
  const runs: Run[] = [];
  let last = 0;
  for (const match of text.matchAll(symbols)) {
    if (match.index > last) runs.push({ text: text.slice(last, match.index) });
    const [whole, greek, below, latin] = match;
    runs.push({ text: latin ?? (greek === 'sigma' ? 'σ' : (greek ?? '')), italic: true });
    if (below !== undefined) runs.push(index(below));
    last = match.index + whole.length;
  }
  if (last < text.length) runs.push({ text: text.slice(last) });
  return runs;
}

/** Runs of a text; in plain strings only symbols are typeset. */
export function runsOf(text: RichText): readonly Run[] {
  if (typeof text !== 'string') return text;
  const runs = withSymbols(text);
  return runs.length === 0 ? [{ text }] : runs;
}

export const plainText = (text: RichText): string =>
  runsOf(text)
    .map((run) => run.text)
    .join('');

const tables = new Map<FaceName, Map<number, number>>();

function widthTable(face: FaceName): Map<number, number> {
  let table = tables.get(face);
  if (table === undefined) {
    table = new Map();
    for (const [first, widths] of faceMetrics[face].widths) {
      for (const [i, width] of widths.split(' ').entries()) {
        if (width !== '0') table.set(first + i, Number(width));
      }
    }
    tables.set(face, table);
  }
  return table;
}

/** Whether all shipped faces have the character. */
export const hasGlyph = (character: string): boolean =>
  (Object.keys(faceMetrics) as FaceName[]).every((face) =>
    widthTable(face).has(character.codePointAt(0) ?? 0),
  );

const faceOf = (font: Font, italic = false): FaceName =>
  // There is no bold italic face: symbols in a bold text are italic.
  `${font.family}-${italic ? 'italic' : font.bold === true ? 'bold' : 'regular'}`;

function runWidth(run: Run, font: Font): number {
  const table = widthTable(faceOf(font, run.italic));
  let milli = 0;
  // A character the fonts lack is drawn by whatever font the reader has: reserve a full em.
  for (const character of run.text) milli += table.get(character.codePointAt(0) ?? 0) ?? 1000;
  return (milli / 1000) * font.size * (run.shift === undefined ? 1 : script.scale);
}

/** Advance width in pt, without kerning. */
export function textWidth(text: RichText, font: Font): number {
  return runsOf(text).reduce((sum, run) => sum + runWidth(run, font), 0);
}

/** Height above and below the base line in pt that letters really use (capitals and descenders). */
export function textExtents(font: Font): { above: number; below: number } {
  const metrics = faceMetrics[faceOf(font)];
  return { above: (metrics.capHeight / 1000) * font.size * 1.08, below: 0.22 * font.size };
}

/** Distance between base lines in pt. */
export const lineHeight = (font: Font): number => font.size * 1.2;

/** Breaks at blanks (and, where one word alone is too wide, anywhere) so that no line is wider than `width` pt. */
export function wrapText(text: RichText, font: Font, width: number): Run[][] {
  if (textWidth(text, font) <= width) return [trimLine([...runsOf(text)])];
  const lines: Run[][] = [];
  let line: Run[] = [];
  let used = 0;
  const newLine = (): void => {
    lines.push(trimLine(line));
    line = [];
    used = 0;
  };
  for (const run of runsOf(text)) {
    for (const word of run.text.split(/(?<=[ /,])/u)) {
      for (const piece of fitWord({ ...run, text: word }, font, width)) {
        const needed = runWidth({ ...piece, text: piece.text.trimEnd() }, font);
        if (used > 0 && used + needed > width && piece.shift === undefined) newLine();
        const previous = line.at(-1);
        if (previous !== undefined && previous.italic === piece.italic && previous.shift === piece.shift) {
          line[line.length - 1] = { ...previous, text: previous.text + piece.text };
        } else line.push(piece);
        used += runWidth(piece, font);
      }
    }
  }
  newLine();
  return lines;
}

function trimLine(line: Run[]): Run[] {
  const last = line.at(-1);
  return last === undefined ? line : [...line.slice(0, -1), { ...last, text: last.text.trimEnd() }];
}

function fitWord(word: Run, font: Font, width: number): Run[] {
  if (runWidth(word, font) <= width) return [word];
  const pieces: Run[] = [];
  let piece = '';
  for (const character of word.text) {
    if (piece !== '' && runWidth({ ...word, text: piece + character }, font) > width) {
      pieces.push({ ...word, text: piece });
      piece = '';
    }
    piece += character;
  }
  return [...pieces, { ...word, text: piece }];
}

export interface TextPlace {
  x: number;
  /** Base line. */
  y: number;
  anchor?: 'start' | 'middle' | 'end';
  /** Degrees, clockwise, about (x, y). */
  rotate?: number;
  fill: string;
}

/** Attributes that hold a text to its measured width where the reader's machine has other fonts. */
const heldTo = (width: number): Attributes => ({ textLength: width, lengthAdjust: 'spacingAndGlyphs' });

/** The SVG for programs that draw with the shipped fonts, whose texts have their widths by themselves. */
export const withoutHeldWidths = (svg: string): string =>
  svg.replace(/ textLength="[\d.]+" lengthAdjust="spacingAndGlyphs"/g, '');

/**
 * `<text>` with real text inside, so that it can be selected, searched and edited. Several characters are held to their
 * measured width: in a wider font legends would run into each other.
 */
export function textElement(text: RichText, font: Font, place: TextPlace): string {
  const { x, y, anchor = 'start', rotate, fill } = place;
  const runs = runsOf(text);
  const edgeBlank = runs.length > 1 && runs.some((run) => run.text !== run.text.trim());
  let offset = 0;
  const body = runs
    .map((run) => {
      const target = run.shift === undefined ? 0 : script[run.shift] * font.size;
      const dy = target - offset;
      offset = target;
      const attributes = {
        dy: Math.abs(dy) > 1e-9 ? dy : undefined,
        'font-size': run.shift === undefined ? undefined : font.size * script.scale,
        'font-style': run.italic === true ? 'italic' : undefined,
        'font-weight': run.italic === true && font.bold === true ? 'normal' : undefined,
      };
      const bare = Object.values(attributes).every((value) => value === undefined);
      return bare && runs.length === 1
        ? escapeXml(run.text)
        : element('tspan', attributes, escapeXml(run.text));
    })
    .join('');
  return element(
    'text',
    {
      x,
      y,
      'font-size': font.size,
      'font-weight': font.bold === true ? 'bold' : undefined,
      'text-anchor': anchor === 'start' ? undefined : anchor,
      fill,
      transform: rotate === undefined ? undefined : `rotate(${rotate} ${x.toFixed(3)} ${y.toFixed(3)})`,
      'xml:space': edgeBlank ? 'preserve' : undefined,
      ...(plainText(runs).length > 1 && heldTo(textWidth(runs, font))),
    },
    body,
  );
}
