/** Networks of the published width fit into an ordinary machine: the job in a process of its own, watched by the kernel. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const script = fileURLToPath(new URL('../bench/wide-resnet.ts', import.meta.url));

it.skipIf(process.platform !== 'linux')(
  'two ResNet20 of eight times the channels, 3 points on 512 images, stay within 4 GiB',
  { timeout: 1_200_000 },
  () => {
    const args = [script, '--points', '3', '--images', '512', '--json'];
    const output = execFileSync(process.execPath, args, { encoding: 'utf8' });
    const { peak, images, losses } = JSON.parse(output) as { peak: number; images: number; losses: number[] };
    expect([images, losses.length]).toEqual([512, 3]);
    expect(losses.every((loss) => Number.isFinite(loss) && loss > 0)).toBe(true);
    // More than both networks' weights alone, so the number is that of the job.
    expect(peak).toBeGreaterThan(200);
    expect(peak).toBeLessThan(4096);
  },
);
