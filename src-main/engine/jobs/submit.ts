/** From a question to a job: parsed, looked up among the results, put into the queue. */
import { basename } from 'node:path';
import { z } from 'zod';
import { alignmentSchema } from '../../../src-shared/domain.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { AnyJobKind } from '../../../src-shared/jobs/index.ts';
import { normStatisticsNames, normStatisticsSchema } from '../../../src-shared/jobs/norm-statistics.ts';
import { alignmentTitle } from '../../../src-shared/presentations/interpolation-figure.ts';
import { runFolderOf } from '../../formats/run-layout.ts';
import { cacheKey, hashInputs, inputFiles, type HashStore, type Input } from '../inputs.ts';

export interface Question {
  kind: AnyJobKind;
  /** Complete, as the kind's schema gives them. */
  params: unknown;
}

/** Throws UserError naming every field that is not as the kind's schema says. */
export function parseQuestion(kind: AnyJobKind, params: unknown): Question {
  const parsed = kind.params.safeParse(params);
  if (parsed.success) return { kind, params: parsed.data };
  const issues = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'params'}: ${issue.message}`);
  throw new UserError(`${kind.kind}: ${issues.join('; ')}`, {
    hint: `\`basin run ${kind.kind} --help\` lists them.`,
  });
}

/** The files that decide the result and the name under which it is kept. */
export async function identify(
  question: { kind: string; version: number; params: unknown },
  store: HashStore,
): Promise<{ inputs: Input[]; key: string }> {
  const inputs = await hashInputs(await inputFiles(question.params, store.dataHome), store);
  return { inputs, key: cacheKey(question.kind, question.version, question.params, inputs) };
}

/** The kind's title, how models were aligned where it says so, and what it is about: "Interpolate, unaligned: sym0". */
export function titleOf(kind: AnyJobKind, params: unknown): string {
  const about = aboutSchema.safeParse(params).data;
  const title = [
    kind.title,
    ...(about?.align === undefined ? [] : [alignmentName(about)]),
    ...(about?.normStatistics === undefined ? [] : [normStatisticsNames[about.normStatistics]]),
    ...(about?.statisticsBatch === undefined ? [] : [`batches of ${about.statisticsBatch}`]),
  ].join(', ');
  const names = [
    ...new Set([
      ...runPaths(params).map((path) => basename(path)),
      ...(about?.checkpoints ?? []).map((path) => `${basename(runFolderOf(path))}/${basename(path)}`),
    ]),
  ];
  if (names.length === 0) return title;
  const few =
    names.length <= 3 ? names.join(', ') : `${names.slice(0, 2).join(', ')} and ${names.length - 2} more`;
  return `${title}: ${few}`;
}

const aboutSchema = z.object({
  align: alignmentSchema.optional().catch(undefined),
  mode: z.string().optional().catch(undefined),
  normStatistics: normStatisticsSchema.optional().catch(undefined),
  statisticsBatch: z.int().optional().catch(undefined),
  checkpoints: z.array(z.string()).optional().catch(undefined),
});

function alignmentName({ align = 'none', mode }: z.infer<typeof aboutSchema>): string {
  const title = alignmentTitle({ align, mode });
  return title.charAt(0).toLowerCase() + title.slice(1);
}

/** Every run folder that params name: the values of `run`, `runs` and `paths`. */
export function runPaths(params: unknown): string[] {
  if (Array.isArray(params)) return params.flatMap(runPaths);
  if (params === null || typeof params !== 'object' || ArrayBuffer.isView(params)) return [];
  return Object.entries(params).flatMap(([key, value]) => {
    if (key === 'run' && typeof value === 'string') return [value];
    if ((key === 'runs' || key === 'paths') && Array.isArray(value)) {
      const texts = value.filter((item) => typeof item === 'string');
      return texts.length > 0 ? texts : runPaths(value);
    }
    return runPaths(value);
  });
}

/** Numbers under keys that speak of seeds, dotted. */
export function seedsIn(params: unknown, prefix = ''): Record<string, number | number[]> {
  if (params === null || typeof params !== 'object' || ArrayBuffer.isView(params)) return {};
  const seeds: Record<string, number | number[]> = {};
  for (const [key, value] of Object.entries(params)) {
    const path = `${prefix}${key}`;
    if (!/seed/i.test(key)) Object.assign(seeds, seedsIn(value, `${path}.`));
    else if (typeof value === 'number') seeds[path] = value;
    else if (Array.isArray(value) && value.every((item) => typeof item === 'number'))
      seeds[path] = value as number[];
  }
  return seeds;
}
