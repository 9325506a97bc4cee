/** The partial results in a workspace: requests about them. */
import { z } from 'zod';

const sizeSchema = z.object({ count: z.int(), bytes: z.number() });

export const partsRequests = {
  /** Partial results that stopped jobs go on from and other jobs take over; `unused`: those of no result. */
  'parts.report': { args: z.object({}), response: sizeSchema.extend({ unused: sizeSchema }) },
  /** Removes the unused ones, those of running jobs excepted. Returns what went. */
  'parts.clear': { args: z.object({}), response: sizeSchema },
} as const;
