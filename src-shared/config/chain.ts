/** The section `model` of a network that is no plain MLP of one width: its layers one by one, and its tensors' names. */
import { z } from 'zod';
import { activations } from '../domain.ts';

/** What follows one linear layer; the last has neither. */
export const chainLayerSchema = z.looseObject({
  outputs: z.int().positive(),
  norm: z.enum(['layer', 'batch']).nullish(),
  activation: z.enum(activations).nullish(),
});

export const chainKeys = {
  layers: z.array(chainLayerSchema).min(2).nullish(),
  /** Basin's name -> the name in the checkpoint files. */
  parameter_names: z.record(z.string(), z.string()).nullish(),
  /** Tensors that the files lack, and the number that fills them. */
  constants: z.record(z.string(), z.number()).nullish(),
  /** Tensors of the files that the function does not depend on. */
  ignored_tensors: z.array(z.string()).nullish(),
};
