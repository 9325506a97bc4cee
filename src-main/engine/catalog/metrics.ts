/** Training curves, where a run has them. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { epochMetricsSchema, type EpochMetrics } from '../../../src-shared/progress.ts';

const largestFile = 16 * 2 ** 20;
const fileSchema = z.union([z.array(epochMetricsSchema), z.object({ epochs: z.array(epochMetricsSchema) })]);

/** The epochs of `metrics.json` in a run folder, ascending; none where there is no such file or it is another's. */
export async function readMetrics(run: string): Promise<EpochMetrics[]> {
  const path = join(run, 'metrics.json');
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile() || found.size > largestFile) return [];
  try {
    const parsed = fileSchema.parse(JSON.parse(await readFile(path, 'utf8')));
    const epochs = Array.isArray(parsed) ? parsed : parsed.epochs;
    return epochs.toSorted((a, b) => a.epoch - b.epoch);
  } catch {
    return [];
  }
}
