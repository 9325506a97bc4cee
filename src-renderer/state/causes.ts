/** What failed, by its cause: many runs mostly fail for one reason, which is said once. */
import { messageOf, UserError } from '../../src-shared/errors.ts';

export interface Failed {
  /** A run or a group. */
  subject: string;
  message: string;
  hint: string | null;
}

export interface Cause {
  message: string;
  hint: string | null;
  /** Each once, in the order in which they failed. */
  subjects: string[];
  /** Other data can be chosen for the analysis. */
  isAboutData: boolean;
}

export const failedBy = (subject: string, thrown: unknown): Failed => ({
  subject,
  message: messageOf(thrown),
  hint: thrown instanceof UserError ? (thrown.hint ?? null) : null,
});

const dataSet = /\bdata set "([^"]*)"/;

/** Failures with the same message are one, and so are all that miss the same data set, each in a folder of its own. */
export function causesOf(failures: readonly Failed[]): Cause[] {
  const causes = new Map<string, { messages: Set<string>; cause: Cause }>();
  for (const { subject, message, hint } of failures) {
    const name = dataSet.exec(message)?.[1];
    const key = name === undefined ? message : `data set ${name}`;
    const known = causes.get(key) ?? {
      messages: new Set(),
      cause: { message, hint, subjects: [], isAboutData: name !== undefined },
    };
    causes.set(key, known);
    known.messages.add(message);
    if (!known.cause.subjects.includes(subject)) known.cause.subjects.push(subject);
  }
  return [...causes.values()].map(({ messages, cause }) =>
    messages.size === 1 ? cause : { ...cause, message: inSeveralPlaces(cause.message) },
  );
}

function inSeveralPlaces(message: string): string {
  const [, name = ''] = dataSet.exec(message) ?? [];
  const [, reason = message] = /: (.*)$/su.exec(message) ?? [];
  return `The data set "${name}" is not where their configs say. For example, ${reason}`;
}
