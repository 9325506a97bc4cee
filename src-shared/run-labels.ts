/** What a person says of a run, beside what is in its folder: a name of their own, notes, tags, a star; put away or removed. */
import { z } from 'zod';

const id = z.string().min(1).max(200);
const ids = z.array(id).min(1).max(10_000);

/** One word, so that `tag:paper` finds it. */
export const tagSchema = z
  .string()
  .max(40)
  .regex(/^[\p{L}\p{N}][\p{L}\p{N}_.+/-]*$/u, 'a tag is one word of letters, digits and _ . + / -');

export const runLabelsSchema = z.object({
  /** A name of the person's own; null: the folder's. */
  title: z.string().nullable(),
  notes: z.string(),
  /** Sorted, each once. */
  tags: z.array(z.string()),
  starred: z.boolean(),
  /** Put away: not listed unless asked for. */
  archived: z.boolean(),
});
export type RunLabels = z.infer<typeof runLabelsSchema>;

/** Every change to what is said of runs is one of these, and one step of undo together with the changes to groups. */
export const runEditSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('rename'), runId: id, title: z.string().trim().min(1).max(200).nullable() }),
  z.object({ type: z.literal('annotate'), runId: id, notes: z.string().max(100_000) }),
  z.object({ type: z.literal('tag'), runIds: ids, add: z.array(tagSchema), remove: z.array(z.string()) }),
  z.object({ type: z.literal('star'), runIds: ids, starred: z.boolean() }),
  z.object({ type: z.literal('archive'), runIds: ids, archived: z.boolean() }),
  /** Into the trash: the files stay where they are, and so do memberships, unseen, for when it comes back. */
  z.object({ type: z.literal('trash'), runIds: ids }),
  z.object({ type: z.literal('restore'), runIds: ids }),
]);
export type RunEdit = z.infer<typeof runEditSchema>;
