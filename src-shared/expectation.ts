/** What a schema expected of a value, in words: for marked fields and for messages about files. */
import type { z } from 'zod';

type Issue = z.core.$ZodIssue;

const typeNames: Readonly<Record<string, string>> = {
  number: 'a number',
  int: 'a whole number',
  string: 'text',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'a section',
  record: 'a section',
};

/** A noun, `a number of at least 1`; undefined if the issue says in its own words what is wrong. */
function nounOf(issue: Issue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return typeNames[issue.expected] ?? issue.expected;
    case 'too_small':
    case 'too_big':
      return boundedOf(issue);
    case 'invalid_value':
      return issue.values.length === 1
        ? String(issue.values[0])
        : `one of ${issue.values.map(String).join(', ')}`;
    case 'not_multiple_of':
      return issue.divisor === 1 ? 'a whole number' : `a multiple of ${issue.divisor}`;
    case 'invalid_union': {
      const branches = issue.errors.flatMap((errors) => (errors[0] ? (nounOf(errors[0]) ?? []) : []));
      return branches.length === 0 ? undefined : [...new Set(branches)].join(', or ');
    }
    default:
      return undefined;
  }
}

function boundedOf(issue: Extract<Issue, { code: 'too_small' | 'too_big' }>): string {
  const isLow = issue.code === 'too_small';
  const limit = Number(isLow ? issue.minimum : issue.maximum);
  const included = issue.inclusive !== false;
  const bound = isLow
    ? included
      ? `at least ${limit}`
      : `more than ${limit}`
    : included
      ? `at most ${limit}`
      : `less than ${limit}`;
  if (issue.origin === 'string') return limit === 1 && isLow ? 'text' : `text of ${bound} characters`;
  if (issue.origin === 'array') return `a list of ${bound} ${limit === 1 ? 'entry' : 'entries'}`;
  // Whole numbers beyond these limits cannot be told apart.
  if (Math.abs(limit) >= Number.MAX_SAFE_INTEGER) return `a ${isLow ? 'larger' : 'smaller'} whole number`;
  return `${issue.origin === 'int' ? 'a whole number' : 'a number'} of ${bound}`;
}

/** `a number of more than 0 was expected`, or what the issue says itself; no full stop. */
export function expectationText(issue: Issue): string {
  const noun = nounOf(issue);
  return noun === undefined ? issue.message.replace(/\.$/, '') : `${noun} was expected`;
}
