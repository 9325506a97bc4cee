/**
 * Damaged files of every format: each is refused with a UserError that names the file, or read; never slower than 2 s,
 * never with much memory. Short here; the same for 10,000 per format with BASIN_FUZZ=10000, or with
 * `npm run bench -- fuzz-formats`, where each format's memory is measured in a process of its own.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fuzz, fuzzedFormats, leastLocated } from './fuzz-formats.ts';

const count = Number(process.env['BASIN_FUZZ'] ?? 300);
const formats = fuzzedFormats(mkdtempSync(join(tmpdir(), 'basin-fuzz-')));

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
    expect(process.resourceUsage().maxRSS / 1024).toBeLessThan(1024);
  });
});
