/** Whether results still hold, and which one a question has now: requests about it. */
import { z } from 'zod';

/**
 * Whether the files that a result was computed from still hold what they held then.
 * `current`: they do. `outdated`: they do not, or the computation has another version now.
 * `gone`: some are no longer there (or the result itself), the others have not changed.
 * `unchecked`: imported, or a report about an event.
 */
const standingSchema = z.object({
  state: z.enum(['current', 'outdated', 'gone', 'unchecked']),
  /** What has changed, one sentence; null for `current`. */
  reason: z.string().nullable(),
});
export type Standing = z.infer<typeof standingSchema>;

export const standingRequests = {
  /**
   * The newest result of each question for the files as they are now; null if there is none. `outdated`:
   * there is one, of files that have changed since. Params are parsed by the kind's own schema.
   */
  'results.current': {
    args: z.object({ questions: z.array(z.object({ kind: z.string(), params: z.unknown() })).max(10_000) }),
    response: z.array(z.object({ resultId: z.string().nullable(), outdated: z.boolean() })),
  },
  /** By id. An id that is not known any more is `gone`. */
  'results.standing': {
    args: z.object({ resultIds: z.array(z.string()).max(10_000) }),
    response: z.record(z.string(), standingSchema),
  },
} as const;
