/** The sheet a figure is drawn on: collects markup and remembers where every text lies. */
import { element, type Attributes } from './svg.ts';
import {
  plainText,
  textElement,
  textExtents,
  textWidth,
  type Font,
  type RichText,
  type TextPlace,
} from './text.ts';

/** Where a text lies, in pt: its base line starts at (x, y) of the box before it is turned about `pivot`. */
export interface PlacedText {
  text: string;
  box: { left: number; right: number; top: number; bottom: number };
  /** Degrees, clockwise. */
  rotate: number;
  pivot: readonly [number, number];
}

export class Sheet {
  readonly #parts: string[] = [];
  readonly #definitions: string[] = [];
  readonly texts: PlacedText[] = [];
  readonly idPrefix: string;

  constructor(idPrefix: string) {
    this.idPrefix = idPrefix;
  }

  get body(): string {
    return this.#parts.join('\n');
  }

  get definitions(): string {
    return this.#definitions.join('');
  }

  add(name: string, attributes: Attributes, children?: string): void {
    this.#parts.push(element(name, attributes, children));
  }

  /** Everything that `draw` adds, inside one `<g>`. */
  group(attributes: Attributes, draw: () => void): void {
    const start = this.#parts.length;
    draw();
    const inside = this.#parts.splice(start);
    if (inside.length > 0) this.#parts.push(element('g', attributes, `\n${inside.join('\n')}\n`));
  }

  /** A clip rectangle; gives the value for `clip-path`. */
  clip(x: number, y: number, width: number, height: number): string {
    const id = `${this.idPrefix}-clip${this.#definitions.length}`;
    this.#definitions.push(element('clipPath', { id }, element('rect', { x, y, width, height })));
    return `url(#${id})`;
  }

  text(text: RichText, font: Font, place: TextPlace): void {
    const shown = plainText(text);
    if (shown.trim() === '') return;
    this.#parts.push(textElement(text, font, place));
    const width = textWidth(text, font);
    const { above, below } = textExtents(font);
    const shift = place.anchor === 'middle' ? width / 2 : place.anchor === 'end' ? width : 0;
    this.texts.push({
      text: shown,
      box: {
        left: place.x - shift,
        right: place.x - shift + width,
        top: place.y - above,
        bottom: place.y + below,
      },
      rotate: place.rotate ?? 0,
      pivot: [place.x, place.y],
    });
  }
}
