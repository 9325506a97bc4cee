/** The app's glossary is the page of the docs. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { entries, entriesOf, entryFor } from '../../../src-renderer/glossary.ts';
import { jobKinds } from '../../../src-shared/jobs/index.ts';

const page = readFileSync(new URL('../../../docs/glossary.md', import.meta.url), 'utf8');

describe('the glossary', () => {
  it('has every line of the first table, without marks of Markdown', () => {
    const lines =
      page
        .split('\n## ')[0]!
        .split('\n')
        .filter((line) => line.startsWith('| ')).length - 2;
    expect(entriesOf(page)).toEqual(entries);
    expect(entries).toHaveLength(lines);
    for (const { term, meaning } of entries) {
      expect(`${term}${meaning}`).not.toMatch(/`|\]\(/);
      expect(meaning.length, term).toBeGreaterThan(10);
    }
  });

  it.each([
    ['barrier', 'barrier'],
    ['Realization cost', 'realization cost'],
    ['Realization cost, ridge', 'realization cost'],
    ['Subspace coherence', 'subspace coherence ν'],
    ['Symmetry curve', 'symmetry curve'],
    ['Match activations', undefined],
  ])('explains %s by %s', (name, term) => {
    expect(entryFor(name)?.term).toBe(term);
  });

  it('never explains a kind of job by a word that is not in its title', () => {
    for (const { title } of Object.values(jobKinds)) {
      const found = entryFor(title);
      if (found) expect(title.toLowerCase()).toContain(found.term.toLowerCase().split(' ')[0]);
    }
  });
});
