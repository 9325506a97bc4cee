/** What was entered into the form of each analysis, and its result that was looked at last: kept over reload and restart. */
import { z } from 'zod';

const draftSchema = z.object({ params: z.record(z.string(), z.unknown()), result: z.string().optional() });
export type AnalysisDraft = z.infer<typeof draftSchema>;

const storageKey = 'basin.analyses';
const empty: AnalysisDraft = { params: {} };

function all(): Record<string, AnalysisDraft> {
  try {
    return z.record(z.string(), draftSchema).parse(JSON.parse(localStorage.getItem(storageKey) ?? '{}'));
  } catch {
    return {};
  }
}

/** JSON would make it null, which is another value. */
const withoutNaN = (_key: string, value: unknown): unknown => (Number.isNaN(value) ? undefined : value);

export const readAnalysis = (kind: string): AnalysisDraft => all()[kind] ?? empty;

export function keepAnalysis(kind: string, draft: AnalysisDraft): void {
  try {
    localStorage.setItem(storageKey, JSON.stringify({ ...all(), [kind]: draft }, withoutNaN));
  } catch {
    // A browser that keeps nothing still measures.
  }
}
