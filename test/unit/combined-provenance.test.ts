import { describe, expect, it } from 'vitest';
import { combinedProvenance } from '../../src-shared/combined-provenance.ts';
import { provenanceLine, provenanceSchema } from '../../src-shared/provenance.ts';

const of = (run: string, given: object = {}) =>
  provenanceSchema.parse({
    basinVersion: '1.0.0',
    backend: 'tensorflow',
    data: 'digits, test',
    runs: [{ id: run, path: `/runs/${run}`, configHash: `hash-${run}` }],
    checkpoints: [{ path: `/runs/${run}/1`, sha256: run }],
    seeds: { matchingSeed: 0 },
    ...given,
  });

describe('a figure of several results', () => {
  it('names every run, every checkpoint once, and what they have in common once', () => {
    const both = combinedProvenance([of('a'), of('b'), of('a')])!;
    expect(both.runs.map(({ id }) => id)).toEqual(['a', 'b']);
    expect(both.checkpoints).toHaveLength(2);
    expect(both.seeds).toEqual({ matchingSeed: 0 });
    expect(provenanceLine(both)).toBe(
      'a (config hash-a), b (config hash-b) · 2 checkpoints · digits, test · seeds: matchingSeed 0 · tensorflow · Basin 1.0.0',
    );
    expect(provenanceSchema.parse(both)).toEqual(both);
  });

  it('hides no difference between them', () => {
    const other = of('b', { seeds: { matchingSeed: 7 }, data: 'digits, train', backend: 'wasm' });
    const both = combinedProvenance([of('a'), other])!;
    expect(both).toMatchObject({
      seeds: { matchingSeed: [0, 7] },
      data: 'digits, test / digits, train',
      backend: 'tensorflow / wasm',
    });
  });

  it('is nothing for no results, and the result itself for one', () => {
    expect(combinedProvenance([])).toBeUndefined();
    const one = of('a', { created: '2026-01-01T00:00:00Z' });
    expect(combinedProvenance([one])).toBe(one);
  });
});
