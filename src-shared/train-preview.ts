/** Requests of the form for training: what it starts from, and what it shows of a config before anything is trained. */
import { z } from 'zod';

const trainPreviewSchema = z.object({
  problems: z.array(z.string()),
  summary: z.string(),
  widths: z.array(z.int()),
  parameters: z.int(),
  fixedParameters: z.int(),
  /** Per layer, as they will be used: sigma_F, and fixed weights per neuron. Empty if the family has none. */
  sigmaF: z.array(z.number()),
  numFixed: z.array(z.int()),
  /** What the config asks for that does not happen. */
  notes: z.array(z.string()),
  steps: z.int(),
  /** Null until a step of this size was measured here. */
  seconds: z.number().nullable(),
  yaml: z.string(),
});

export const trainFormRequests = {
  'train.presets': {
    args: z.object({}),
    response: z.array(
      z.object({ name: z.string(), summary: z.string(), config: z.record(z.string(), z.unknown()) }),
    ),
  },
  /** Checks a training config and estimates how long it will take from this machine's measured step time. */
  'train.preview': {
    args: z.object({ config: z.record(z.string(), z.unknown()), overrides: z.array(z.string()) }),
    response: trainPreviewSchema,
  },
} as const;
