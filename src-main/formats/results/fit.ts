/** Data of a file brought into the form of a kind's result. */
import type { z } from 'zod';
import { UserError } from '../../../src-shared/errors.ts';
import { interpolateJob, withBarriers } from '../../../src-shared/jobs/interpolate.ts';
import { matrix } from '../../../src-shared/matrix.ts';
import type { Matrix } from '../../../src-shared/matrix.ts';

/** A sound file that holds something else than Basin knows. */
export class UnknownContent extends UserError {}

/** Each round turns every matrix that was found missing into one; a second finds those behind a union. */
const mostRounds = 4;

/**
 * Parses `data` with `schema`; where the schema has a matrix and the data rows of numbers, they become one. NaN and
 * infinities are null, as in every result; what may not be null is refused.
 * @param where names the file in messages
 * @throws UserError naming the first field that does not fit
 */
export function fitResult(schema: z.ZodType, data: unknown, where: string): unknown {
  const value = withoutNonFinite(structuredClone(data));
  for (let round = 0; ; round++) {
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    const issues = flatIssues(parsed.error.issues, []);
    const replaced = round < mostRounds ? issues.filter((issue) => replaceRows(value, issue.path)) : [];
    if (replaced.length > 0) continue;
    const [issue] = issues;
    const field = issue?.path.join('.') ?? '';
    throw new UserError(
      `${where}: ${field === '' ? '' : `${field}: `}${issue?.message ?? 'not as expected'}.`,
    );
  }
}

interface Issue {
  path: PropertyKey[];
  message: string;
}

function flatIssues(issues: readonly z.core.$ZodIssue[], prefix: PropertyKey[]): Issue[] {
  return issues.flatMap((issue) => {
    const path = [...prefix, ...issue.path];
    if (issue.code === 'invalid_union' && issue.errors.length > 0) {
      // The alternative that came furthest is the one that was meant.
      const branches = issue.errors.map((branch) => flatIssues(branch, path));
      const depth = (branch: Issue[]): number => Math.max(0, ...branch.map((found) => found.path.length));
      return branches.toSorted((a, b) => depth(b) - depth(a))[0] ?? [];
    }
    return [{ path, message: issue.message }];
  });
}

/** True where rows of equal length stood at `path` (or at a part of it) and a matrix stands there now. */
function replaceRows(root: unknown, path: readonly PropertyKey[]): boolean {
  let here: unknown = root;
  for (const key of path) {
    if (here === null || typeof here !== 'object' || !Object.hasOwn(here, key)) return false;
    const parent = here as Record<PropertyKey, unknown>;
    const rows = rowsAsMatrix(parent[key]);
    if (rows) {
      parent[key] = rows;
      return true;
    }
    here = parent[key];
  }
  return false;
}

function rowsAsMatrix(value: unknown): Matrix | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const lists = value.map((row: unknown) =>
    ArrayBuffer.isView(row) ? Array.from(row as Float64Array) : row,
  );
  const columns = Array.isArray(lists[0]) ? lists[0].length : 0;
  const fits = (row: unknown): row is number[] =>
    Array.isArray(row) && row.length === columns && row.every((item) => typeof item === 'number');
  if (columns === 0 || !lists.every(fits)) return undefined;
  return matrix(lists.length, columns, Float64Array.from((lists as number[][]).flat()));
}

function withoutNonFinite(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (Array.isArray(value)) return value.map(withoutNonFinite);
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutNonFinite(item)]));
}

/** Fields that an older Basin did not write, as far as they follow from those that it wrote. */
export function completed(kind: string, data: unknown): unknown {
  return kind === interpolateJob.kind ? withBarriers(interpolateJob.result.parse(data)) : data;
}

/** JSON as Python writes it: NaN, which JSON does not have, becomes null, and infinities become infinite numbers. */
export function parsePythonJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    const plain = text.replace(/"(?:[^"\\]|\\.)*"|\bNaN\b|\bInfinity\b/g, (found) =>
      found.startsWith('"') ? found : found === 'NaN' ? 'null' : '1e999',
    );
    try {
      return JSON.parse(plain) as unknown;
    } catch (error) {
      throw new UserError(`${path}: not JSON: ${error instanceof Error ? error.message : String(error)}.`);
    }
  }
}
