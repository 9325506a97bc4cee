/** Groups of runs, and every change to them. */
import { z } from 'zod';

const id = z.string().min(1).max(200);

/** A member is a whole run, or single checkpoints of it. */
export const memberSchema = z.object({ runId: id, checkpointIds: z.array(id).optional() });
export type Member = z.infer<typeof memberSchema>;

export const groupSchema = z.object({
  id,
  architecture: z.string(),
  key: z.string(),
  colour: z.string().regex(/^#[0-9a-f]{6}$/),
  notes: z.string(),
  members: z.array(memberSchema),
});
export type Group = z.infer<typeof groupSchema>;

/** Every change to the groups is one of these, so that each can be undone, replayed and announced. */
export const groupEditSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('create'),
    architecture: z.string().min(1),
    key: z.string().min(1).max(200),
    members: z.array(memberSchema),
    colour: groupSchema.shape.colour.optional(),
    notes: z.string().optional(),
  }),
  z.object({ type: z.literal('remove'), groupId: id }),
  z.object({ type: z.literal('rename'), groupId: id, key: z.string().min(1).max(200) }),
  z.object({ type: z.literal('recolour'), groupId: id, colour: groupSchema.shape.colour }),
  z.object({ type: z.literal('annotate'), groupId: id, notes: z.string().max(100_000) }),
  /** Puts members before position `index` (end when absent); a run already there is moved, not doubled. */
  z.object({
    type: z.literal('add-members'),
    groupId: id,
    members: z.array(memberSchema),
    index: z.int().optional(),
  }),
  z.object({ type: z.literal('remove-members'), groupId: id, runIds: z.array(id) }),
  /** Takes members out of one group and puts them into another, as one step. */
  z.object({
    type: z.literal('move-members'),
    fromGroupId: id,
    toGroupId: id,
    runIds: z.array(id),
    index: z.int().optional(),
  }),
  z.object({ type: z.literal('reorder-groups'), groupIds: z.array(id) }),
  /** Several edits as one step of undo (accepting suggestions, importing a dictionary). */
  z.object({
    type: z.literal('create-many'),
    groups: z.array(
      z.object({
        architecture: z.string().min(1),
        key: z.string().min(1).max(200),
        members: z.array(memberSchema),
        colour: groupSchema.shape.colour.optional(),
        notes: z.string().optional(),
      }),
    ),
  }),
]);
export type GroupEdit = z.infer<typeof groupEditSchema>;

export const groupsStateSchema = z.object({
  groups: z.array(groupSchema),
  /** What undo and redo would do, in words; null where there is nothing. */
  undo: z.string().nullable(),
  redo: z.string().nullable(),
});
export type GroupsState = z.infer<typeof groupsStateSchema>;

export const groupSuggestionSchema = z.object({
  architecture: z.string(),
  key: z.string(),
  reason: z.string(),
  runIds: z.array(id),
});
export type GroupSuggestion = z.infer<typeof groupSuggestionSchema>;
