/** Rows of the catalog as they travel to a window: whatever their settings are, they arrive as they were sent. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { RunRow } from '../../../src-shared/api.ts';
import { packRuns, propertiesOf, unpackRuns } from '../../../src-shared/packed-runs.ts';

const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null));
const key = fc.constantFrom('model.name', 'optimizer.lr', 'seed', 'toString', 'a b', 'constructor');
const rows = fc
  .array(fc.dictionary(key, value, { noNullPrototype: true }))
  .map((all) => all.map((properties, i) => ({ id: `run-${i}`, properties }) as unknown as RunRow));

it('settings of all runs, and their order, are the same again', () => {
  fc.assert(
    fc.property(rows, (runs) => {
      const travelled = JSON.parse(JSON.stringify(packRuns(runs))) as ReturnType<typeof packRuns>;
      const names = propertiesOf(travelled);
      const unpacked = unpackRuns(travelled);
      expect(unpacked).toEqual(runs);
      expect(names).toEqual([...new Set(runs.flatMap(({ properties }) => Object.keys(properties)))]);
      expect(unpacked.map(({ properties }) => Object.keys(properties))).toEqual(
        runs.map(({ properties }) => Object.keys(properties)),
      );
    }),
  );
});

it('what the runs of a sweep share is sent once', () => {
  const properties = Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`key.${i}`, i]));
  const runs = Array.from(
    { length: 100 },
    (_, seed) => ({ id: `run-${seed}`, properties: { ...properties, seed } }) as unknown as RunRow,
  );
  const packed = packRuns(runs);
  expect(packed.bases).toHaveLength(1);
  expect(packed.runs[7]!.properties).toEqual({ seed: 7 });
});
