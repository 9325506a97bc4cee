/** The life of a job. The same table stands in the database as a trigger: no other change can be written. */
import type { z } from 'zod';
import type { jobSchema, jobStates } from '../../../src-shared/api.ts';

export type JobState = (typeof jobStates)[number];
export type Job = z.infer<typeof jobSchema>;

/**
 * queued -> running -> done | failed | cancelled | interrupted. A job with a cached result goes from queued to done at
 * once. Retry and resume put a job that ended without a result back into the queue. Done is final.
 */
export const transitions: Readonly<Record<JobState, readonly JobState[]>> = {
  queued: ['running', 'cancelled', 'done'],
  running: ['done', 'failed', 'cancelled', 'interrupted'],
  done: [],
  failed: ['queued'],
  cancelled: ['queued'],
  interrupted: ['queued', 'cancelled'],
};

export function mayBecome(from: JobState, to: JobState): boolean {
  return transitions[from].includes(to);
}
