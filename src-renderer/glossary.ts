/** The words of docs/glossary.md, so that the app and the pages explain them alike. */
import text from '../docs/glossary.md?raw';

export interface Entry {
  term: string;
  /** A sentence; formulas in it, no marks of Markdown. */
  meaning: string;
}

const plain = (cell: string): string =>
  cell
    .replace(/ \(\[[^\]]*\]\([^)]*\)\)/g, '')
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll('`', '')
    .trim();

/** The first table of the page. */
export function entriesOf(page: string): Entry[] {
  const [, table = ''] = page.split('| --- | --- | --- |');
  const [rows = ''] = table.split('\n\n');
  return rows
    .split('\n')
    .map((row) => row.split(/(?<!\\)\|/))
    .flatMap(([, term, meaning]) =>
      term !== undefined && meaning !== undefined ? { term: plain(term), meaning: plain(meaning) } : [],
    );
}

export const entries: readonly Entry[] = entriesOf(text);

/** A term without its symbol: `subspace coherence`. */
const wordsOf = ({ term }: Entry): string => term.replace(/ \S*[^\x20-\x7e]\S*$/u, '').toLowerCase();

/** The entry that explains this: its own, or the one with the longest term in it. */
export function entryFor(name: string): Entry | undefined {
  const wanted = name.toLowerCase();
  const own = entries.find((entry) => entry.term.toLowerCase() === wanted || wordsOf(entry) === wanted);
  if (own) return own;
  return entries
    .filter((entry) => wordsOf(entry).includes(' ') && wanted.includes(wordsOf(entry)))
    .toSorted((a, b) => b.term.length - a.term.length)[0];
}
