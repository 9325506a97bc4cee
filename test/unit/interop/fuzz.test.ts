/**
 * Damaged files of results and weights: each is refused with a UserError that names the file, or read; never slower
 * than 2 s. Short here; 10,000 of each with `npm run bench -- fuzz-formats`.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fuzz, leastLocated } from '../formats/fuzz-formats.ts';
import { exchangedFormats } from './fuzz-formats.ts';

const count = Number(process.env['BASIN_FUZZ'] ?? 200);
const formats = exchangedFormats(mkdtempSync(join(tmpdir(), 'basin-exchange-fuzz-')));

describe.each(formats.map((format) => [format.name, format] as const))('%s', (_, format) => {
  it('reads the sound files', async () => {
    expect(format.corpus.length).toBeGreaterThan(0);
    for (const bytes of format.corpus) expect(await format.read(bytes, 'sound')).toBeGreaterThan(0);
  });

  it(`survives ${count} damaged files`, { timeout: 600_000 }, async () => {
    const { accepted, refused, located } = await fuzz(format, count);
    expect(accepted + refused).toBe(count);
    expect(refused).toBeGreaterThan(count / 10);
    expect(located / refused).toBeGreaterThanOrEqual(leastLocated(format));
  });
});
