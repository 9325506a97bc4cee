/**
 * Damaged files of every format: none may take over 2 s, crash, need over 512 MiB, or be refused without a place.
 * `node test/bench/fuzz-formats.ts [COUNT, default 10000] [FIRST_SEED, default 1] [FORMAT]`; each format in a process of
 * its own, so that the memory is its own too.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exchangedFormats } from '../unit/interop/fuzz-formats.ts';
import { fuzz, fuzzedFormats, leastLocated } from '../unit/formats/fuzz-formats.ts';
import type { FuzzedFormat } from '../unit/formats/fuzz-formats.ts';

const mostMemory = 512;
const count = Number(process.argv[2] ?? 10_000);
const firstSeed = Number(process.argv[3] ?? 1);
const [, , , , only] = process.argv;
const scratch = mkdtempSync(join(tmpdir(), 'basin-fuzz-'));
try {
  const formats = [...fuzzedFormats(scratch), ...exchangedFormats(scratch)];
  const format = formats.find(({ name }) => name === only);
  if (format) process.exitCode = (await runOne(format)) ? 0 : 1;
  else if (only !== undefined) throw new RangeError(`no format "${only}"; there are ${names(formats)}`);
  else for (const { name } of formats) if (!inOwnProcess(name)) process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true });
}

function inOwnProcess(name: string): boolean {
  // Garbage of thousands of files is collected before it fills the memory; what is needed at once has to fit.
  const heap = '--max-old-space-size=256';
  const args = [heap, fileURLToPath(import.meta.url), String(count), String(firstSeed), name];
  return spawnSync(process.execPath, args, { stdio: 'inherit' }).status === 0;
}

/** False where it needs too much memory, or refuses too often without saying where; throws for all else. */
async function runOne(format: FuzzedFormat): Promise<boolean> {
  const children = watchChildren();
  const { accepted, refused, located, slowest } = await fuzz(format, count, firstSeed);
  // Parquet is parsed in a process of its own.
  const [own, others] = [process.resourceUsage().maxRSS / 1024, children.stop()];
  const memory = own + others;
  const share = located / Math.max(refused, 1);
  const where = format.binary ? 'an offset' : 'a place';
  console.log(
    `${format.name}: ${count} files, ${accepted} read, ${refused} refused (${(100 * share).toFixed(1)} % with ${where}), slowest ${slowest.toFixed(0)} ms, peak memory ${memory.toFixed(0)} MiB${others > 0 ? ` (${others.toFixed(0)} of them in the reader's own process)` : ''}`,
  );
  const good = memory < mostMemory && share >= leastLocated(format);
  if (!good)
    console.log(
      `  too much: at most ${mostMemory} MiB, at least ${100 * leastLocated(format)} % with ${where}`,
    );
  return good;
}

/** Most memory that a child process had at once, in MiB (0 where there is no /proc). */
function watchChildren(): { stop: () => number } {
  let most = 0;
  const look = (): void => {
    try {
      for (const child of readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').split(' ')) {
        const peak = child && /VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${child}/status`, 'utf8'))?.[1];
        most = Math.max(most, Number(peak ?? 0) / 1024);
      }
    } catch {
      // It ended between the two looks, or this is no Linux.
    }
  };
  const timer = setInterval(look, 20);
  return {
    stop: () => {
      clearInterval(timer);
      return most;
    },
  };
}

function names(formats: readonly FuzzedFormat[]): string {
  return formats.map(({ name }) => name).join('; ');
}
