/**
 * Families: what stands between a stored tensor W and the weight that acts, W_eff = F + D * W, for any parameter of any
 * network. W-asymmetric, SYRE and their relatives are settings of this one formula.
 */
import { z } from 'zod';

export const familyPartSchema = z.strictObject({
  /** F: a stored tensor times a number (sigma_F). Absent: 0. */
  fixed: z.strictObject({ tensor: z.string().min(1), scale: z.number() }).optional(),
  /** D: a stored tensor of ones (trained) and zeros (fixed). Absent: ones. */
  mask: z.string().min(1).optional(),
  /**
   * Where F acts. `fixed`: at the zeros of D, W_eff = D * W + (1 - D) * F (W-asymmetric). `all`: everywhere,
   * W_eff = D * W + F (SYRE, linear residual).
   */
  support: z.enum(['fixed', 'all']),
});
export type FamilyPart = z.infer<typeof familyPartSchema>;

/** The stored tensors that a family part reads; they have the shape of the parameter and move with it. */
export function companionsOf({ fixed, mask }: FamilyPart): string[] {
  return [...(mask === undefined ? [] : [mask]), ...(fixed ? [fixed.tensor] : [])];
}
