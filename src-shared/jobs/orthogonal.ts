/** What results say of an alignment by more than permutations. */
import { z } from 'zod';

/** Of one pair. Distances are Euclidean over all weights, in the coordinates in which both models are mixed. */
export const orthogonalSchema = z.object({
  /** Groups of units that are mixed, and how. */
  maps: z.array(
    z.object({
      group: z.string(),
      size: z.int(),
      /** `invertible`: made equally long on both sides in both models, then rotated. */
      kind: z.enum(['orthogonal', 'invertible']),
      /** The vector of ones stays: a LayerNorm subtracts the mean. */
      keeps_ones: z.boolean(),
      /** Scales of norms that went into the weights behind them. */
      folded: z.array(z.string()),
    }),
  ),
  /** Groups that are only permuted, and why. */
  permuted: z.array(z.object({ group: z.string(), size: z.int(), reason: z.string() })),
  /** Pairs of parameters that are one tensor in the files and two here; the first is read behind the scale of a norm. */
  untied: z.array(z.tuple([z.string(), z.string()])),
  /** Groups whose two sides could not be made equally long, because one of them is singular. */
  unbalanced: z.array(z.string()),
  distance_unaligned: z.number(),
  /** After weight matching: permutations only. */
  distance_permuted: z.number(),
  distance_aligned: z.number(),
  restarts: z.array(
    z.object({
      /** `anchored`: rotations from what nothing else moves; `permuted`: the permutations of weight matching. */
      start: z.enum(['anchored', 'permuted']),
      distance: z.number(),
      sweeps: z.int(),
      converged: z.boolean(),
    }),
  ),
  /** Of an output of either model, before and after, relative to its largest; in double precision. */
  max_relative_change: z.number(),
});
export type OrthogonalRecord = z.infer<typeof orthogonalSchema>;
