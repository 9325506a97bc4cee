/**
 * A network as data: a small graph of operations with named parameters. Everything else (training, evaluating, its
 * permutation groups, its drawing) is an interpretation of this graph.
 *
 * Shapes are those of one example: `[784]`, `[16, 32, 32]`. Models and batch are axes in front that no node speaks of.
 */
import { z } from 'zod';
import { familyPartSchema } from './families.ts';

const name = z.string().min(1);
const shape = z.array(z.int().nonnegative());

/**
 * How a parameter begins. Draws come from the stream of that name under the seed of the model, those of fixed parameters
 * under the seed that all models of a run share.
 */
export const initialSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('constant'), value: z.number() }),
  /** U(-bound, bound) */
  z.strictObject({ kind: z.literal('uniform'), bound: z.number().positive(), stream: name }),
  /** N(0, deviation^2) */
  z.strictObject({ kind: z.literal('normal'), deviation: z.number().positive(), stream: name }),
  /** Ones on the diagonal. */
  z.strictObject({ kind: z.literal('identity') }),
  /** Ones, with that many zeros in every row. */
  z.strictObject({ kind: z.literal('mask'), zeros: z.int().nonnegative(), stream: name }),
  /** Read from the file that the config names. `fixes`: entries that it fixes: zeros of D; other than 0 in F where D is 1. */
  z.strictObject({ kind: z.literal('file'), fixes: z.int().nonnegative() }),
  /** As the tensor was in the file that the network was exported to: all entries (packed.ts). */
  z.strictObject({ kind: z.literal('packed'), numbers: z.string() }),
  /** 1 / the deviation that the outputs of a linear layer with this weight are expected to have; a scalar: of all of them. */
  z.strictObject({ kind: z.literal('expected-scale'), weight: name }),
]);
export type Initial = z.infer<typeof initialSchema>;

/**
 * `trained`: gradients move it. `fixed`: given, shared by all models of a run (F, D, the C of a gate) or constant.
 * `statistics`: measured while training (running means and variances of batch norm, the number of batches seen).
 */
export const parameterSchema = z.strictObject({
  /** As in the checkpoint file: a key of the state dict. */
  name,
  shape,
  role: z.enum(['trained', 'fixed', 'statistics']),
  /** What stands between the stored tensor and the weight that acts; absent: nothing. */
  family: familyPartSchema.optional(),
  /**
   * Of a trained tensor of an exported network: so many entries of every row (a place on the first axis) that training leaves
   * as they were drawn under `seed`: `scale` times a standard normal draw. The tensor itself holds them, so that evaluation
   * need not know (networks/held.ts).
   */
  held: z
    .strictObject({ count: z.int().positive(), scale: z.number(), seed: z.int().nonnegative().optional() })
    .optional(),
  /** Every entry of a tensor that the files lack. */
  constant: z.number().optional(),
  /** All entries of a tensor that the files lack (networks/packed.ts). */
  packed: z.string().optional(),
  /** Needed to train from the beginning. */
  initial: initialSchema.optional(),
});
export type Parameter = z.infer<typeof parameterSchema>;

export const nodeSchema = z.strictObject({
  /** The module's name: `fc1`, `layer2.0.conv1`. */
  id: name,
  /** An operation of the vocabulary (operations.ts). */
  op: name,
  /** Ids of nodes before this one, or of the network's inputs. */
  inputs: z.array(name),
  /** The operation's word for a parameter -> the parameter's name. */
  parameters: z.record(z.string(), name).default({}),
  attributes: z.record(z.string(), z.json()).default({}),
});
export type Node = z.infer<typeof nodeSchema>;

export const graphSchema = z.strictObject({
  inputs: z.array(z.strictObject({ id: name, shape })).min(1),
  parameters: z.array(parameterSchema),
  /** Each after those whose values it takes. */
  nodes: z.array(nodeSchema).min(1),
  /** The id whose value is the network's. */
  output: name,
  /** Names for permutation groups by the node that opens them (`fc1` -> `P_0`); others are named after the node. */
  groupNames: z.record(z.string(), name).default({}),
});
export type Graph = z.infer<typeof graphSchema>;
