/** What an old Electron is given in place of newer functions does what the real ones do. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createContext, runInContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { calledIn, missingIn } from '../../support/builtins.ts';

const script = readFileSync(
  fileURLToPath(new URL('../../../scripts/lib/old-electron.cjs', import.meta.url)),
  'utf8',
);
const old = createContext({});
runInContext(
  `for (const name of ['at', 'findLast', 'findLastIndex', 'toSorted', 'toReversed', 'with']) {
     delete Array.prototype[name];
     delete Object.getPrototypeOf(Uint8Array.prototype)[name];
   }
   for (const name of ['at', 'replaceAll', 'toWellFormed']) delete String.prototype[name];
   for (const name of ['map', 'filter', 'flatMap', 'take', 'drop', 'toArray', 'some', 'every', 'find', 'forEach', 'reduce'])
     delete Iterator.prototype[name];
   delete Object.hasOwn; delete Object.groupBy; delete Map.groupBy; delete Promise.withResolvers;`,
  old,
);
runInContext(script, old);

describe('stand-ins for newer functions', () => {
  it.each([
    '[1, 2, 3].at(-1)',
    '"abc".at(-2)',
    'new Float32Array([3, 1, 2]).toSorted()',
    '[3, 1, 2].toSorted((a, b) => b - a)',
    '[1, 2, 3].toReversed()',
    '[1, 2, 3].with(-1, 9)',
    '[1, 2, 3, 4].findLast((x) => x % 2 === 1)',
    '[1, 2, 3, 4].findLastIndex((x) => x > 9)',
    '"a.b.c".replaceAll(".", "$&$&")',
    '"a.b.c".replaceAll(/[.]/g, (x) => x + x)',
    '"aXbX".replaceAll("X", (x, at) => String(at))',
    '"a\\ud800b\\ud83d\\ude00c\\udc00".toWellFormed()',
    'Object.hasOwn({ a: 1 }, "a")',
    'Object.entries(Object.groupBy([1, 2, 3], (x) => (x % 2 ? "odd" : "even")))',
    '[...Map.groupBy([1, 2, 3], (x) => x % 2)]',
    '[1, 2, 3, 4].values().filter((x) => x > 1).map((x, i) => [x, i]).toArray()',
    '[...new Map([[1, 2], [3, 4]]).keys().flatMap((x) => [x, x])]',
    '[...[1, 2, 3, 4].values().drop(1).take(2)]',
    '[[1, 2].values().some((x) => x > 1), [1, 2].values().every((x) => x > 1)]',
    '[[1, 2].values().find((x) => x > 1), [1, 2].values().reduce((a, b) => a + b)]',
    'structuredClone({ a: [NaN, Infinity, undefined], b: new Float32Array([1.5]), c: new Map([[1, new Set([2])]]) })',
  ])('%s', (code) => {
    const plain = (value: unknown): unknown => runInContext('JSON.stringify', old)(value) ?? String(value);
    const expected: unknown = eval(code);
    const found: unknown = runInContext(code, old);
    expect(plain(found)).toEqual(plain(expected));
    expect(Object.prototype.toString.call(found)).toBe(Object.prototype.toString.call(expected));
  });

  it('copy what is in a value and not only what JSON can say', () => {
    const stand = createContext({});
    runInContext(script, stand);
    const code = `(() => {
      const given = { a: [NaN, undefined], b: new Float32Array([1.5]), c: new Map([[1, 2]]) };
      given.self = given;
      const copy = structuredClone(given);
      copy.b[0] = 7;
      return [Number.isNaN(copy.a[0]), 1 in copy.a, given.b[0], copy.b.length, copy.c.get(1), copy.self === copy];
    })()`;
    expect([...(runInContext(code, stand) as unknown[])]).toEqual([true, true, 1.5, 1, 2, true]);
  });
});

describe('the search for functions that are not there', () => {
  const modern = [
    'String.prototype.toWellFormed',
    'Iterator.prototype.map',
    'Object.groupBy',
    'newThing',
    'GPU.x',
  ];
  const missing = missingIn(['Array.prototype.map', 'Object.keys'], modern);

  it('leaves out methods that other objects have, and objects that scripts here do not use', () => {
    expect(missing).toEqual(['String.prototype.toWellFormed', 'Object.groupBy', 'newThing']);
  });

  it('finds calls, and no mere words', () => {
    expect(calledIn('a.toWellFormed(); Object.groupBy(a, b); newThing(c)', missing)).toEqual(missing);
    expect(calledIn('a?.toWellFormed?.()', missing)).toEqual(['String.prototype.toWellFormed']);
    expect(
      calledIn('"toWellFormed"; my.newThing(); function newThing() {}; Map.groupBy(x)', missing),
    ).toEqual([]);
  });
});
