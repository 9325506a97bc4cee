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

/** F, D or both of one parameter, as they were found in a file. */
export interface GivenPart {
  /** Name of a weight or bias. */
  parameter: string;
  tensors: readonly ('F' | 'D')[];
  /** Entries of D that are 0. */
  zeros: number;
  /** Entries where D is 0 or F is not. */
  fixed: number;
}

export type GeneralFamily =
  /** F = alpha I on the weight of every square hidden layer, D = 1. */
  | { name: 'linear-residual'; alpha: number }
  /** F = 0; D has zeros at that share of every neuron's weights, `numFixed` of its layer. */
  | { name: 'sparse'; share: number }
  /** F = sigma_F times a normal draw on every bias, nothing on weights; sigma_F is that of the layers. */
  | { name: 'bias-only' }
  /** Any F and D; where there is none of a parameter, it is 0 or 1. */
  | { name: 'given'; sha256: string; parts: readonly GivenPart[] };
