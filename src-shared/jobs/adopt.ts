import { z } from 'zod';
import { activations } from '../domain.ts';
import { taskSchema } from '../objective.ts';
import { defineJob } from './define.ts';
import { checkpointFormatSchema } from './export-checkpoints.ts';

export const adoptJob = defineJob({
  kind: 'adopt',
  version: 1,
  title: 'Adopt weights',
  summary:
    'Makes a run from files that hold weights without a config (plain state dicts, safetensors, asymmetric-networks), or from a network exported from PyTorch (.pt2): the architecture is inferred from names and shapes, or read, and written to config.yaml.',
  params: z
    .object({
      paths: z
        .array(z.string().min(1))
        .default([])
        .describe('weight files, model 1 first; of an exported network absent: the weights in its file')
        .meta({ label: 'Weight files', path: true }),
      directory: z
        .string()
        .min(1)
        .describe('folder of the new run; it must not hold a run yet')
        .meta({ label: 'Output folder', path: true }),
      architecture: z
        .string()
        .min(1)
        .optional()
        .describe(
          'YAML file that declares your own network: its layers and the names of their tensors (docs/architectures.md)',
        )
        .meta({ label: 'Network declaration', path: true }),
      network: z
        .string()
        .min(1)
        .optional()
        .describe('network that torch.export.save wrote, .pt2 (docs/pytorch.md)')
        .meta({ label: 'Exported network', path: true }),
      output: z
        .int()
        .positive()
        .optional()
        .describe('of an exported network with several outputs: which is the one to be computed, from 1')
        .meta({ label: 'Output', advanced: true }),
      activation: z
        .enum(activations)
        .optional()
        .describe(
          'after every hidden layer; weight files do not record it; required except for sigma-asymmetric models, which have gates',
        )
        .meta({ label: 'Activation' }),
      normPosition: z
        .enum(['before-activation', 'after-activation'])
        .optional()
        .describe(
          'whether norms come before the activation; required if names such as fc1, bn1 do not say; if they come after it, declare the network (architecture)',
        )
        .meta({ label: 'Norm position' }),
      sigmaF: z
        .array(z.number())
        .min(1)
        .optional()
        .describe(
          'fixed weight scale, one for all layers or one per layer; absent: inferred from the weights if possible',
        )
        .meta({ label: 'σ_F' }),
      epoch: z
        .int()
        .nonnegative()
        .optional()
        .describe('epoch of the weights; absent: as recorded in the files, else 1')
        .meta({ label: 'Epoch' }),
      dataset: z
        .string()
        .optional()
        .describe('data set the models were trained on; absent: mnist, of an exported network none')
        .meta({ label: 'Data set' }),
      task: taskSchema
        .optional()
        .describe(
          'what the models were trained for; absent: the next token if an exported network takes tokens and gives a row of logits for each, else classification',
        )
        .meta({ label: 'Task', advanced: true }),
      format: checkpointFormatSchema
        .default('pt')
        .describe('of the checkpoints written')
        .meta({ label: 'File format' }),
    })
    .superRefine(({ paths, network, architecture, ...others }, context) => {
      const refuse = (path: string, message: string): void => {
        context.addIssue({ code: 'custom', path: [path], message });
      };
      if (network === undefined) {
        if (paths.length === 0) refuse('paths', 'at least one weight file was expected');
        if (others.output !== undefined) refuse('output', 'has no effect without an exported network');
        return;
      }
      if (architecture !== undefined)
        refuse('architecture', 'has no effect on an exported network, which is whole');
      for (const field of ['activation', 'normPosition', 'sigmaF'] as const)
        if (others[field] !== undefined)
          refuse(field, 'has no effect on an exported network, which is whole');
    }),
  result: z.object({
    directory: z.string(),
    files: z.array(z.string()),
    /** The architecture in words. */
    architecture: z.string(),
    /** What was understood, from input to output: each layer, and the modules of the (first) file that it comes from. */
    layers: z
      .array(
        z.object({
          layer: z.string(),
          from: z.string(),
          inputs: z.int(),
          outputs: z.int(),
          norm: z.string().nullable(),
          activation: z.string().nullable(),
        }),
      )
      .default([]),
    /** Of a declared network that is no chain: its operations instead, in their order. */
    operations: z
      .array(
        z.object({
          /** Name of its value. */
          value: z.string(),
          operation: z.string(),
          takes: z.array(z.string()),
          /** Entries of its value. */
          size: z.int(),
          /** Names of its tensors in the files. */
          tensors: z.array(z.string()),
        }),
      )
      .default([]),
    notes: z.array(z.string()),
  }),
  lane: 'main',
  place: { view: 'catalog' },
  cacheable: false,
  quiet: true,
});
