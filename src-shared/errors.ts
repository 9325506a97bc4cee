/**
 * An error that the person at the screen can act on: its message names the file, field or value, says what was
 * expected and what to do. Everything else that is thrown counts as a defect of Basin and is reported as one.
 */
export class UserError extends Error {
  override readonly name = 'UserError';
  /** What to do about it, one sentence; shown on a line of its own. */
  readonly hint: string | undefined;

  constructor(message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.hint = options.hint;
  }
}

/** Thrown where a signal told the work to stop. Not a failure: nothing went wrong. */
export class CancelledError extends Error {
  override readonly name = 'CancelledError';
  constructor(message = 'cancelled') {
    super(message);
  }
}

/** The message of anything that was thrown, for showing. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
