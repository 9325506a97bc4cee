/** Filters of the catalog that a person has given a name; kept in the workspace, for every window on it. */
import { z } from 'zod';

export const savedFilterSchema = z.object({
  name: z
    .string()
    .trim()
    .min(1, 'a saved filter needs a name')
    .max(60, 'the name of a saved filter has at most 60 letters'),
  /** As typed: `sigma_F>0 tag:paper`. */
  text: z.string().trim().min(1, 'there is no filter to save').max(2000),
  /** `drop`, `-drop` (largest first); null: not sorted. */
  sort: z.string().max(200).nullable(),
});
export type SavedFilter = z.infer<typeof savedFilterSchema>;

const list = z.array(savedFilterSchema);

export const savedFilterRequests = {
  /** By name. */
  'filters.list': { args: z.object({}), response: list },
  /** Replaces the one of that name. */
  'filters.save': { args: savedFilterSchema, response: list },
  'filters.remove': { args: z.object({ name: z.string() }), response: list },
} as const;
