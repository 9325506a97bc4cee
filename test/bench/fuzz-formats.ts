/** The long fuzz run: node test/bench/fuzz-formats.ts [COUNT, default 10000] [FIRST_SEED, default 1] [FORMAT] */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fuzz, fuzzedFormats } from '../unit/formats/fuzz-formats.ts';

const count = Number(process.argv[2] ?? 10_000);
const firstSeed = Number(process.argv[3] ?? 1);
const scratch = mkdtempSync(join(tmpdir(), 'basin-fuzz-'));
try {
  for (const format of fuzzedFormats(scratch)) {
    if (process.argv[4] !== undefined && format.name !== process.argv[4]) continue;
    const { accepted, refused, located, slowest } = await fuzz(format, count, firstSeed);
    const memory = process.resourceUsage().maxRSS / 1024;
    const share = Math.round((100 * located) / Math.max(refused, 1));
    console.log(
      `${format.name}: ${count} files, ${accepted} read, ${refused} refused (${share} % say where), slowest ${slowest.toFixed(0)} ms, peak memory ${memory.toFixed(0)} MiB`,
    );
  }
} finally {
  rmSync(scratch, { recursive: true });
}
