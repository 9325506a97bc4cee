/** When two questions are one. */
import { interpolateJob } from '../../src-shared/jobs/interpolate.ts';

/**
 * Complete params of the job, so that what the engine stored, whoever asked for it, can be compared with what is asked.
 * Splits and midpoint are left out: an answer that has more than was asked for answers too.
 */
export function canonical(params: unknown): string | undefined {
  const parsed = interpolateJob.params.safeParse(params);
  if (!parsed.success) return undefined;
  const { splits: _splits, midpoint: _midpoint, mode, recordingPoint, alignSplit, ...rest } = parsed.data;
  const byActivations = rest.align === 'activation' ? { mode, recordingPoint, alignSplit } : {};
  return JSON.stringify(sortKeys({ ...rest, ...byActivations }));
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sortKeys(item)]),
  );
}
