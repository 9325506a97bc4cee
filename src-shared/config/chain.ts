/**
 * The section `model` of a network that is no plain MLP of one width: its layers one by one, and its tensors' names.
 * `mlp_chain` lists what stands behind each linear layer; `declared` has the words of a declaration.
 */
import { z } from 'zod';
import { activations } from '../domain.ts';
import { UserError } from '../errors.ts';

/** What follows one linear layer; the last has neither. */
const chainLayerSchema = z.looseObject({
  outputs: z.int().positive(),
  norm: z.enum(['layer', 'batch', 'rms']).nullish(),
  activation: z.enum(activations).nullish(),
});
export type ChainLayer = z.output<typeof chainLayerSchema>;

/** @throws UserError naming the file and the field */
export function readChainLayers(layers: readonly unknown[], where: string): ChainLayer[] {
  const parsed = z.array(chainLayerSchema).min(2).safeParse(layers);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new UserError(`${where}: ${['model.layers', ...issue.path].join('.')}: ${issue.message}.`);
}

export const chainKeys = {
  layers: z.array(z.record(z.string(), z.unknown())).min(1).nullish(),
  /** Basin's name -> the name in the checkpoint files. */
  parameter_names: z.record(z.string(), z.string()).nullish(),
  /** Tensors that the files lack, and the number that fills them. */
  constants: z.record(z.string(), z.number()).nullish(),
  /** Tensors of the files that the function does not depend on. */
  ignored_tensors: z.array(z.string()).nullish(),
  /** Of a declared network; its own reader looks at them. */
  description: z.unknown().optional(),
  permutations: z.unknown().optional(),
  ignore: z.unknown().optional(),
};
