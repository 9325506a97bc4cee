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

/** Failures with the same message are one. */
export function causesOf(failures: readonly Failed[]): Cause[] {
  const causes = new Map<string, Cause>();
  for (const { subject, message, hint } of failures) {
    const known = causes.get(message);
    if (!known) {
      const isAboutData = /\bdata set "[^"]*"/.test(message);
      causes.set(message, { message, hint, subjects: [subject], isAboutData });
    } else if (!known.subjects.includes(subject)) known.subjects.push(subject);
  }
  return [...causes.values()];
}
