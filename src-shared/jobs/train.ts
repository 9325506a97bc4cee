import { z } from 'zod';
import { backendInfoSchema, executionSchema, familySchema, trainingExecutionSchema } from '../domain.ts';
import { lossNameSchema } from '../objective.ts';
import { seedSchema } from './common.ts';
import { defineJob } from './define.ts';

const perModel = z.array(z.number());

export const trainJob = defineJob({
  kind: 'train',
  version: 1,
  title: 'Train a run',
  summary:
    'Trains all models of a run together. They share their fixed weights; each has its own initialisation and batch order.',
  params: z
    .object({
      /** Absolute path of the run directory; made if need be. */
      run: z.string().min(1).meta({ label: 'Run', path: true }),
      /** A config.yaml's contents, complete and with overrides applied; absent when resuming. */
      config: z.record(z.string(), z.unknown()).optional().meta({ label: 'Config' }),
      /** Go on from the run's last complete checkpoint, with its own config. */
      resume: z.boolean().default(false).meta({ label: 'Resumption' }),
      /** Go on from an epoch of another run, with its config and a batch order of the run's own. */
      fork: z
        .object({
          parent: z.string().min(1).describe('run folder').meta({ label: 'Parent', path: true }),
          epoch: z.int().nonnegative().meta({ label: 'Epoch of the fork' }),
          child: z
            .int()
            .positive()
            .default(1)
            .describe('children of one seed differ by their numbers')
            .meta({ label: 'Number of the child' }),
          settings: z
            .array(z.string())
            .default([])
            .describe('key=value: seed, optimization_seed, experiment_name, training.num_epochs and the like')
            .meta({ label: 'Settings' }),
        })
        .optional()
        .meta({ label: 'Fork' }),
    })
    .refine(
      ({ resume, config, fork }) => resume || (config === undefined) !== (fork === undefined),
      'a config or a fork is needed, not both, unless resume is true',
    ),
  result: z.object({
    run_directory: z.string(),
    family: familySchema,
    /** sigma_F of every layer; all 0 where the family has none. */
    sigma_f: perModel,
    /** Fixed weights per neuron of every layer, n_mul applied (W-asymmetric, sparse); all 0 if the family has none. */
    num_fixed: z.array(z.int()),
    /** Of a family of `model.family`: what is fixed, in words. */
    fixed_part: z.string().optional(),
    /** What loss and accuracy are if examples have other labels than one class each; absent: cross entropy. */
    loss_name: lossNameSchema.optional(),
    /** What was trained on: a known set, or `idx-` and a hash of the contents; SHA-256 of the unpacked files. */
    data: z.object({ name: z.string(), origin: z.string(), sha256: z.record(z.string(), z.string()) }),
    models: z.int(),
    /** The last one that was trained. */
    epochs: z.int(),
    /** Why training ended before the config's last epoch; absent if it did not. */
    stopped_early: z.string().optional(),
    /** Trainable numbers of one model, fixed entries left out. */
    parameters: z.int(),
    seeds: z.object({
      seed: seedSchema,
      init_seed: z.array(seedSchema),
      optimization_seed: z.array(seedSchema),
      mask_seed: seedSchema,
    }),
    /** Of the last epoch, per model: mean over batches of the batch mean; null without training. */
    train_loss: perModel.nullable(),
    /** Exact means over the split; accuracies in percent. Null without a validation split. */
    val_loss: perModel.nullable(),
    val_accuracy: perModel.nullable(),
    test_loss: perModel,
    /** Null if there is none: numbers are predicted. */
    test_accuracy: perModel.nullable(),
    /** Of this job; when it resumed, of what was left. */
    seconds: z.number(),
    /** Milliseconds per model and optimizer step, evaluation left out; null if no step was made. */
    ms_per_model_step: z.number().nullable(),
    /** The epoch it went on from; null when it started afresh. */
    resumed_from: z.int().nullable(),
    /** The run that its first weights are from; absent if it was not forked. */
    forked_from: z.object({ run: z.string(), path: z.string(), epoch: z.int(), child: z.int() }).optional(),
    /** What was tracked, in `tracking.json` of the run folder; absent if nothing was. */
    tracking: z.object({ epochs: z.array(z.int()), seconds: z.number() }).optional(),
    backend: backendInfoSchema,
    execution: trainingExecutionSchema,
    /** How loss and accuracy on held-out images were computed. */
    evaluation: executionSchema.optional(),
  }),
  lane: 'main',
  place: { view: 'catalog' },
  cacheable: false,
  resumable: true,
});
export type TrainResult = z.infer<typeof trainJob.result>;
