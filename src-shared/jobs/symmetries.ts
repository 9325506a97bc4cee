/** Which units of a network can change places, read off its graph and checked. */
import { z } from 'zod';
import { defineJob } from './define.ts';

const groupSchema = z.object({
  name: z.string(),
  /** Units that can take each other's places. */
  size: z.int(),
  /** For each unit the groups of what can change places inside it (heads of attention, groups of channels); empty: it has no inside. */
  blocks: z.array(z.array(z.string())),
  /** `entries`: for each unit its places on the axis, those that correspond in the same order. `rows`: only in these entries of axis 0. */
  axes: z.array(
    z.object({
      parameter: z.string(),
      axis: z.int(),
      entries: z.array(z.array(z.int())),
      rows: z.object({ start: z.int(), count: z.int() }).optional(),
    }),
  ),
  /** Parameters of which some entries are the same in all models of the run; the group would move them. */
  moves_fixed: z.array(z.string()).default([]),
});

export const symmetriesJob = defineJob({
  kind: 'symmetries',
  version: 1,
  title: 'Permutation groups of a network',
  summary:
    'Reads off a network which units can change places with no change of the function: neurons, channels, heads of attention. The groups are checked by permuting at random, in double precision.',
  params: z
    .object({
      run: z.string().min(1).optional().describe('folder of a run').meta({ label: 'Run', path: true }),
      network: z
        .string()
        .min(1)
        .optional()
        .describe('network that torch.export.save wrote (.pt2), instead of a run')
        .meta({ label: 'Exported network', path: true }),
      output: z
        .int()
        .positive()
        .optional()
        .describe('which output of the exported network, from 1, if it has several')
        .meta({ label: 'Output', advanced: true }),
      epoch: z
        .int()
        .nonnegative()
        .optional()
        .describe('epoch of the run whose first model the groups are checked with; absent: the last one')
        .meta({ label: 'Epoch', advanced: true }),
      check: z
        .boolean()
        .default(true)
        .describe('check the groups; large networks need memory for two copies of their weights in float64')
        .meta({ label: 'Check', advanced: true }),
    })
    .superRefine(({ run, network, output, epoch }, context) => {
      const refuse = (path: string, message: string): void => {
        context.addIssue({ code: 'custom', path: [path], message });
      };
      if ((run === undefined) === (network === undefined))
        refuse('network', 'either a run or an exported network was expected, and not both');
      if (run !== undefined && output !== undefined) refuse('output', 'has no effect on a run');
      if (network !== undefined && epoch !== undefined)
        refuse('epoch', 'has no effect on an exported network');
    }),
  result: z.object({
    network: z.string(),
    groups: z.array(groupSchema),
    fixed: z.array(z.object({ parameter: z.string(), axis: z.int(), reason: z.string() })),
    /** Null: it was not asked for. */
    check: z
      .object({
        /** Null: not a finite number. */
        max_relative_change: z.number().nullable(),
        ok: z.boolean(),
        /** Groups that change the function by themselves, and are not used. */
        failed: z.array(z.string()),
      })
      .nullable(),
  }),
  lane: 'main',
  place: { view: 'catalog' },
  cacheable: false,
  quiet: true,
});
