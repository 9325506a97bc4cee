/** The palette's order: views, analyses, actions and words before runs. */
import { describe, expect, it } from 'vitest';
import { searched, type PaletteEntry } from '../../../src-renderer/palette-search.ts';

const entry = (section: string, title: string, more: Partial<PaletteEntry> = {}): PaletteEntry => ({
  ...{ id: `${section}/${title}`, section, title, run: () => undefined },
  ...more,
});
const all = [
  ...Array.from({ length: 1600 }, (_, i) => entry('Runs', `matrices-${i}`)),
  entry('Glossary', 'barrier', { more: 'how much worse the straight line is' }),
  entry('Settings of training', 'Learning rate', { more: 'optimizer.lr' }),
  entry('Groups', 'matrices group'),
  entry('Analyses', 'Match activations', { more: 'swap costs as matrices' }),
  entry('Go', 'Go to Matrices'),
  entry('Help', 'Keyboard shortcuts'),
  entry('Something new', 'Matrices of something'),
];
const found = (query: string) => searched(all, query).map(({ title, entries }) => [title, entries.length]);

describe('the palette', () => {
  it('shows views, analyses and actions before it is asked', () => {
    expect(found('').map(([title]) => title)).toEqual(['Go', 'Analyses', 'Groups', 'Something new', 'Help']);
  });

  it('puts runs last and few of them', () => {
    expect(found('matri')).toEqual([
      ['Go', 1],
      ['Groups', 1],
      ['Something new', 1],
      ['Analyses', 1],
      ['Runs', 20],
    ]);
  });

  it('puts what is called like that before what is only described like that', () => {
    const list = [
      entry('Runs', 'learning-rate-1'),
      entry('Analyses', 'Weight decay study', { more: 'with a learning rate' }),
      entry('Settings of training', 'Learning rate'),
    ];
    expect(searched(list, 'learning rate').map(({ title }) => title)).toEqual([
      'Settings of training',
      'Analyses',
      'Runs',
    ]);
  });

  it('finds settings and words by what they are called and by what they mean', () => {
    expect(found('optimizer.lr')).toEqual([['Settings of training', 1]]);
    expect(found('worse line')).toEqual([['Glossary', 1]]);
    expect(found('xyz')).toEqual([]);
  });

  it('puts first in a section what begins with the word', () => {
    const list = [
      entry('Go', 'All of it'),
      entry('Go', 'x', { more: 'it' }),
      entry('Go', 'It'),
      entry('Go', 'bits'),
    ];
    expect(searched(list, 'it')[0]!.entries.map(({ title }) => title)).toEqual([
      'It',
      'All of it',
      'bits',
      'x',
    ]);
  });
});
