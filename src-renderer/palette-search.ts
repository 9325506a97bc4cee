/** How the palette orders what it finds: sections as they stand, in each what fits best. */
export interface PaletteEntry {
  id: string;
  section: string;
  title: string;
  /** Beside the title. */
  note?: string;
  /** Searched as well, and not shown. */
  more?: string;
  /** A shortcut, or a colour before the title. */
  keys?: string;
  colour?: string;
  /** It puts the cursor somewhere itself. */
  movesFocus?: boolean;
  run: () => void;
}

export interface PaletteSection {
  title: string;
  entries: PaletteEntry[];
}

/** Sections in the order in which they are shown; runs last, since there may be a thousand. */
const order = [
  ...['Go', 'Analyses', 'Catalog', 'Selected runs', 'Groups', 'View', 'Engine', 'Settings of training'],
  ...['Help', 'Glossary', 'Saved filters', 'Runs'],
];

/** Only if something was typed. */
const onRequest = new Set(['Settings of training', 'Glossary', 'Runs', 'Saved filters']);

/** Most entries of one section at once. */
const most = 8;

/** 0 if it does not fit; a word that the title begins with is worth most, one that is only in `more` least. */
function fitOf({ title, note = '', more = '' }: PaletteEntry, words: readonly string[]): number {
  const [head, rest] = [title.toLowerCase(), `${note} ${more}`.toLowerCase()];
  let fit = 0;
  for (const word of words) {
    const at = head.indexOf(word);
    const own =
      at === 0
        ? 4
        : at > 0 && /[^\p{L}\p{N}]/u.test(head[at - 1]!)
          ? 3
          : at > 0
            ? 2
            : rest.includes(word)
              ? 1
              : 0;
    if (own === 0) return 0;
    fit += own;
  }
  return fit;
}

/** Views, analyses and actions before words, and all of them before runs. */
export function searched(entries: readonly PaletteEntry[], query: string): PaletteSection[] {
  const words = query.toLowerCase().split(/\s+/u).filter(Boolean);
  const sections = new Map<string, { entry: PaletteEntry; fit: number }[]>();
  for (const entry of entries) {
    if (words.length === 0 && onRequest.has(entry.section)) continue;
    const fit = words.length === 0 ? 1 : fitOf(entry, words);
    if (fit === 0) continue;
    sections.set(entry.section, [...(sections.get(entry.section) ?? []), { entry, fit }]);
  }
  const place = (title: string): number => {
    const at = order.indexOf(title);
    return at < 0 ? order.indexOf('Settings of training') - 0.5 : at;
  };
  /** What is called like that comes before what is only described like that; runs stay last. */
  const isCalled = ([title, found]: [string, { fit: number }[]]): boolean =>
    title !== 'Runs' && found.some(({ fit }) => fit >= 2 * words.length);
  return [...sections]
    .toSorted((a, b) => Number(isCalled(b)) - Number(isCalled(a)) || place(a[0]) - place(b[0]))
    .map(([title, found]) => ({
      title,
      entries: found
        .toSorted((a, b) => b.fit - a.fit)
        .slice(0, words.length === 0 && title !== 'Analyses' ? Infinity : title === 'Runs' ? 20 : most)
        .map(({ entry }) => entry),
    }));
}
