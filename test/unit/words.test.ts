/** The words of docs/glossary.md: what they ban is found in every kind of text, and nothing else is. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

interface Rule {
  find: RegExp;
  write: string;
}

const clone = fileURLToPath(new URL('../..', import.meta.url));
const words = join(clone, 'scripts', 'lib', 'words');
const { bannedIn, bannedInFile, filesToRead } = (await import(join(words, 'check.mjs'))) as {
  bannedIn(text: string): { word: string; write: string }[];
  bannedInFile(file: string, source: string): string[];
  filesToRead(files: string[]): string[];
};
const { terms, phrases } = (await import(join(words, 'rules.mjs'))) as { terms: Rule[]; phrases: Rule[] };

describe('a banned word is found, with its line and what to write instead', () => {
  const said = '"goes on": write continue, resume';
  it.each([
    ['a string', 'a.ts', "const a = 1;\nconst b = 'Training goes on here.';", 2],
    ['a template', 'a.ts', 'const b = `Training of ${run} goes\non here.`;', 1],
    ['the second line of a template', 'a.ts', 'const b = `Training of\n${run} goes on.`;', 2],
    ['a template in a template', 'a.ts', "const b = `It ${done ? `goes on at ${epoch}` : 'ends'}.`;", 1],
    ['a text over two strings', 'a.ts', "throw new Error('Training goes ' +\n  'on.');", 1],
    ['a script', 'scripts/a.mjs', "say('Training goes on.');", 1],
    ['an option of the command line', 'a.ts', ".option('--resume <dir>', 'training goes on')", 1],
    ['markup', 'A.svelte', '<div>\n  <p>Training goes on.</p>\n</div>', 2],
    ['text beside a value in markup', 'A.svelte', '<p>Training {name} goes on.</p>', 1],
    ['an attribute', 'A.svelte', '<button title="Training goes on">Go</button>', 1],
    ['an attribute of a component', 'A.svelte', '<Empty\n  advice="Training goes on"\n/>', 2],
    ['an expression in markup', 'A.svelte', "<p>{busy ? 'Training goes on' : ''}</p>", 1],
    [
      'the script of a component',
      'A.svelte',
      '<script lang="ts">\n  const a: string = \'it goes on\';\n</script>',
      2,
    ],
    ['Markdown', 'a.md', '# Title\n\nTraining is stopped,\nand goes on later.', 4],
    ['a table in Markdown', 'a.md', '| a | b |\n| --- | --- |\n| run | it goes on |', 3],
    ['words over two lines of Markdown', 'a.md', 'Training goes\non later.', 1],
  ])('in %s', (_, file, source, line) => {
    expect(bannedInFile(file, source)).toEqual([`${file}:${line}: ${said}`]);
  });
});

it.each([
  ['a comment', 'a.ts', '// Training goes on here.'],
  ['an import', 'a.ts', "import x from 'it goes on';"],
  ['a name', 'a.ts', "const kind = 'exchange';"],
  ['a regular expression', 'a.ts', 'const a = /goes on/;'],
  ['SQL', 'a.ts', 'db.exec(`SELECT dataset FROM runs WHERE it goes on`);'],
  ['a class', 'A.svelte', '<p class="beside wide">Runs</p>'],
  ['a comment in markup', 'A.svelte', '<!-- goes on --><p>Runs</p>'],
  ['a style', 'A.svelte', "<p>Runs</p><style>p { content: 'goes on'; }</style>"],
  ['code in Markdown', 'a.md', 'Say `goes on`.\n\n    it goes on\n\n```\nit goes on\n```\n'],
  ['the target of a link', 'a.md', 'See [this](beside the house.md).'],
])('%s is not read', (_, file, source) => {
  expect(bannedInFile(file, source)).toEqual([]);
});

it.each([
  'The catalog, where runs are listed, is a SQLite file.',
  'Where is the data folder?',
  'There is no GPU here, and there are no runs yet.',
  'This is no longer needed; it is no larger than before.',
  'Set dataset.name=idx and --data-dir.',
  'The server is behind a proxy.',
  'A checkpoint is one model at one epoch. Jobs resume from the last one.',
  'Take so many that the mean is known to 1 %.',
  'Swapping two neurons costs something in every layer.',
])('correct prose passes: %s', (text) => {
  expect(bannedIn(text)).toEqual([]);
});

describe('the glossary', () => {
  const glossary = readFileSync(join(clone, 'docs', 'glossary.md'), 'utf8');
  const rows = (from: string): string[][] =>
    glossary
      .slice(glossary.indexOf(from))
      .split('\n\n')[0]!
      .split('\n')
      .slice(2)
      .filter((line) => line.startsWith('|'))
      .map((line) => line.split('|').map((cell) => cell.trim()));
  const table = rows('| Term ');
  const banned = table.flatMap((cells) => (cells[3] ? cells[3].split(', ') : []));
  const pairs = rows('| Not | Write').map((cells) => [cells[1]!, cells[2]!] as const);

  it('is in alphabetical order', () => {
    const names = table.map((cells) => cells[1]!.toLowerCase());
    expect(names.length).toBeGreaterThan(50);
    expect(names).toEqual(names.toSorted((a, b) => a.localeCompare(b, 'en')));
  });

  it.each(banned.map((word) => [word]))('bans "%s", and so does the check', (word) => {
    expect(bannedIn(`some ${word} text`)).not.toEqual([]);
  });

  it.each(pairs)('"%s" is found, "%s" is not', (not, write) => {
    expect(bannedIn(not)).not.toEqual([]);
    expect(bannedIn(write)).toEqual([]);
  });

  it('bans no word in its own definitions', () => {
    for (const cells of table) expect(bannedIn(`${cells[1]} ${cells[2]}`)).toEqual([]);
  });

  it('names something for every rule', () => {
    const examples = [...banned, ...pairs.map(([not]) => not)].map((text) => `some ${text}`);
    const silent = [...terms, ...phrases].filter(
      ({ find }) => ![...examples, ...pairs.map(([not]) => not)].some((text) => text.match(find)),
    );
    expect(silent.map(({ find }) => find.source)).toEqual([]);
  });
});

it('reads the app, the command line, the scripts and the docs', () => {
  const all = ['README.md', 'docs/gpu.md', 'docs/glossary.md', 'docs/demo.png', 'src-renderer/App.svelte'];
  const more = ['src-main/cli/basin.mjs', 'src-shared/api.ts', 'scripts/lib/words/rules.mjs', 'test/a.ts'];
  expect(filesToRead([...all, ...more])).toEqual([
    ...['README.md', 'docs/gpu.md', 'src-renderer/App.svelte', 'src-main/cli/basin.mjs', 'src-shared/api.ts'],
  ]);
});
