import { z } from 'zod';
import { defineJob } from './define.ts';

export const checkpointFormatSchema = z.enum(['pt', 'safetensors']);
export type CheckpointFormat = z.infer<typeof checkpointFormatSchema>;

export const exportCheckpointsJob = defineJob({
  kind: 'export-checkpoints',
  version: 1,
  title: 'Export checkpoints',
  summary:
    'Writes the checkpoints of a run into a new run folder, as .pt for PyTorch and the published scripts or as .safetensors, together with its config.yaml.',
  params: z.object({
    run: z.string().min(1).describe('run folder').meta({ label: 'Run', path: true }),
    models: z
      .array(z.int().positive())
      .min(1)
      .optional()
      .describe('models, from 1; absent: all of them')
      .meta({ label: 'Models' }),
    epochs: z
      .array(z.int().nonnegative())
      .min(1)
      .optional()
      .describe('epochs; absent: all that are saved')
      .meta({ label: 'Epochs' }),
    format: checkpointFormatSchema
      .default('pt')
      .describe('pt opens with torch.load(weights_only=True)')
      .meta({ label: 'File format' }),
    optimizer: z
      .boolean()
      .default(true)
      .describe('write the state of the optimizer too')
      .meta({ label: 'Optimizer state' }),
    directory: z
      .string()
      .min(1)
      .describe('folder to write to; it must not hold a run yet')
      .meta({ label: 'Output folder', path: true }),
  }),
  result: z.object({
    /** Absolute path of the new run folder. */
    directory: z.string(),
    format: checkpointFormatSchema,
    /** Names of the checkpoint files in it. */
    files: z.array(z.string()),
    /** Of all checkpoint files. */
    bytes: z.number(),
    /** What a person should know about the files. */
    notes: z.array(z.string()),
  }),
  lane: 'main',
  place: null,
  cacheable: false,
  quiet: true,
});
