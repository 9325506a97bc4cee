/** What is wrong with the settings of an analysis before it is asked for: every field at once, in words. */
import type { z } from 'zod';
import { expectationText } from '../../src-shared/expectation.ts';
import type { ParamSchema } from '../../src-shared/jobs/schema.ts';

export interface FieldProblem {
  /** Names of the field and, inside a section, of the field in it. */
  path: string[];
  /** Of the outermost field. */
  label: string;
  /** `A number of at least 1 was expected.` */
  text: string;
}

/** The first problem of every field; none if the job can be asked for. */
export function problemsOf(params: z.ZodType, schema: ParamSchema, given: unknown): FieldProblem[] {
  const parsed = params.safeParse(given);
  if (parsed.success) return [];
  const seen = new Set<string>();
  return parsed.error.issues.flatMap((issue) => {
    // A list is one field.
    const path = issue.path.filter((step) => typeof step === 'string');
    const key = path.join('.');
    if (seen.has(key)) return [];
    seen.add(key);
    const [name = ''] = path;
    const isMissing = issue.code === 'invalid_type' && valueAt(given, issue.path) === undefined;
    const text = isMissing ? 'This is needed.' : sentence(expectationText(issue));
    return [{ path, label: schema.properties?.[name]?.label ?? name, text }];
  });
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

function valueAt(given: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((inner, step) => Object(inner)[step] as unknown, given);
}

/** Of the fields of one form or section: what each says, by its name; inside a section, by the names joined with a dot. */
export const textsOf = (problems: readonly FieldProblem[]): Record<string, string> =>
  Object.fromEntries(problems.map(({ path, text }) => [path.join('.'), text]));

/** Those of the fields inside a section. */
export const textsWithin = (texts: Readonly<Record<string, string>>, name: string): Record<string, string> =>
  Object.fromEntries(
    Object.entries(texts)
      .filter(([key]) => key.startsWith(`${name}.`))
      .map(([key, text]) => [key.slice(name.length + 1), text]),
  );
