import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { indexInSlot, rowsOf } from '../../../src-renderer/catalog/rows.ts';
import type { CheckpointRow, RunRow } from '../../../src-shared/api.ts';

describe('elements of the run table', () => {
  const place = fc.tuple(fc.integer({ min: 0, max: 5000 }), fc.integer({ min: 1, max: 80 }));

  it('show each of the rows from the first on once', () => {
    fc.assert(
      fc.property(place, ([first, slots]) => {
        const shown = Array.from({ length: slots }, (_, slot) => indexInSlot(slot, first, slots));
        expect(shown.toSorted((a, b) => a - b)).toEqual(Array.from({ length: slots }, (_, i) => first + i));
      }),
    );
  });

  it('keep their row while it stays on screen', () => {
    fc.assert(
      fc.property(place, fc.integer({ min: 0, max: 100 }), ([first, slots], step) => {
        for (let slot = 0; slot < slots; slot++) {
          const before = indexInSlot(slot, first, slots);
          const after = indexInSlot(slot, first + step, slots);
          if (before >= first + step) expect(after).toBe(before);
          else expect(after).toBeGreaterThanOrEqual(first + step);
        }
      }),
    );
  });

  it('stand in the order of the rows at the top', () => {
    expect([0, 1, 2, 3].map((slot) => indexInSlot(slot, 0, 4))).toEqual([0, 1, 2, 3]);
  });
});

describe('rows', () => {
  it('put the checkpoints of an unfolded run below it', () => {
    const runs = [{ id: 'a' }, { id: 'b' }] as RunRow[];
    const checkpoints = [{ id: 'a/1' }, { id: 'a/2' }] as CheckpointRow[];
    const rows = rowsOf(runs, new Map([['a', checkpoints]]));
    expect(rows.map((row) => (row.type === 'run' ? row.run.id : row.checkpoint.id))).toEqual([
      'a',
      'a/1',
      'a/2',
      'b',
    ]);
  });
});
