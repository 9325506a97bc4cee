/** Damaged files of torch.export: refused with a UserError, or read; nothing is run, nothing hangs. */
import { readFileSync } from 'node:fs';
import { strFromU8, strToU8, unzipSync, zipSync } from 'fflate';
import { expect, it } from 'vitest';
import { UserError } from '../../../src-shared/errors.ts';
import { below, mutate, pick, random } from '../formats/fuzz-mutations.ts';
import type { Random } from '../formats/fuzz-mutations.ts';
import { exportedFixture, fileOf, lowered } from './files.ts';
import type { Json } from './files.ts';

const count = Number(process.env['BASIN_FUZZ'] ?? 300);
const corpus = ['image.pt2', 'tokens.pt2'].map((name) => readFileSync(exportedFixture(name)));

const odd: Json[] = [
  ...[0, -1, 1, 2, 3, 2 ** 31, 2 ** 53, 1e300, -1e300, 0.5],
  ...[
    null,
    true,
    '',
    'x',
    'Infinity',
    [],
    {},
    [[]],
    { as_int: 1e12 },
    { as_ints: [1e9, 1e9] },
    { as_none: true },
  ],
];

/** Changes one value somewhere inside: another value, one from elsewhere, gone, or repeated a thousand times. */
function damage(value: Json, next: Random, all: readonly Json[]): void {
  const places: { holder: Json; key: string | number }[] = [];
  const visit = (holder: Json): void => {
    for (const key of Object.keys(holder)) {
      places.push({ holder, key });
      if (typeof holder[key] === 'object' && holder[key] !== null) visit(holder[key]);
    }
  };
  visit(value);
  for (let i = 1 + below(next, 3); i > 0; i--) {
    const { holder, key } = pick(next, places);
    const way = below(next, 4);
    if (way === 0) holder[key] = structuredClone(pick(next, odd));
    else if (way === 1) Reflect.deleteProperty(holder, key);
    else if (way === 2) {
      const other = pick(next, places);
      holder[key] = structuredClone(other.holder[other.key] ?? pick(next, all));
    } else if (Array.isArray(holder[key]) && holder[key].length > 0)
      holder[key] = Array.from({ length: 1000 }, () => structuredClone(holder[key][0]));
  }
}

function tryAll(files: () => Uint8Array): { refused: number; accepted: number } {
  const tally = { refused: 0, accepted: 0 };
  for (let i = 0; i < count; i++) {
    try {
      lowered(fileOf(files()));
      tally.accepted++;
    } catch (thrown) {
      if (!(thrown instanceof UserError)) throw thrown;
      expect(thrown.message).toMatch(/\.pt2/);
      tally.refused++;
    }
  }
  return tally;
}

it('survives damaged bytes', { timeout: 600_000 }, () => {
  const next = random(1);
  const { refused, accepted } = tryAll(() => mutate(pick(next, corpus), next, corpus));
  expect(refused + accepted).toBe(count);
  expect(refused).toBeGreaterThan(count / 2);
});

it('survives damaged JSON, shapes and counts included', { timeout: 600_000 }, () => {
  const next = random(2);
  const { refused, accepted } = tryAll(() => {
    const entries = unzipSync(new Uint8Array(pick(next, corpus)));
    const names = Object.keys(entries).filter((name) => name.endsWith('.json'));
    const name = next() < 0.8 ? names.find((each) => each.includes('/models/'))! : pick(next, names);
    const value = JSON.parse(strFromU8(entries[name]!)) as Json;
    damage(value, next, odd);
    entries[name] = strToU8(JSON.stringify(value));
    return zipSync(entries, { level: 0 });
  });
  expect(refused + accepted).toBe(count);
  expect(refused).toBeGreaterThan(count / 4);
});

it('refuses nesting without end', () => {
  const entries = unzipSync(new Uint8Array(corpus[0]!));
  const name = Object.keys(entries).find((each) => each.includes('/models/'))!;
  entries[name] = strToU8(`{"schema_version": ${'['.repeat(5_000_000)}`);
  expect(() => lowered(fileOf(zipSync(entries)))).toThrow(UserError);
});
