/** How images are varied while networks are trained: as neuron-identifiability does for CIFAR (datasets.py:94-106). */
import { z } from 'zod';
import { UserError } from '../errors.ts';

/** Which evaluations see varied images. */
export const evaluationsAugmented = ['none', 'train-and-val'] as const;

export const augmentationSchema = z.looseObject({
  /** Flip left to right, half of the images. */
  flip: z.boolean().nullish(),
  /** Pixels of black border, of which a window of the images' own size is cut out at random; 0: none. */
  pad: z.int().min(0).max(64).nullish(),
  /**
   * `none`: only training sees varied images. `train-and-val`: so do evaluations on the train and validation splits, as
   * by accident in the published code; each image is then varied in one way, the same at every evaluation.
   */
  evaluation: z.enum(evaluationsAugmented).nullish(),
});

/** With nothing left to decide; absent if nothing is varied. */
export interface Augmentation {
  flip: boolean;
  pad: number;
  evaluation: (typeof evaluationsAugmented)[number];
}

/** @throws UserError for a setting of evaluations without anything to vary */
export function resolveAugmentation(
  section: z.output<typeof augmentationSchema> | null | undefined,
  where: string,
): Augmentation | undefined {
  const { flip, pad, evaluation } = section ?? {};
  const found = { flip: flip ?? false, pad: pad ?? 0, evaluation: evaluation ?? ('none' as const) };
  if (found.flip || found.pad > 0) return found;
  if (found.evaluation === 'none') return undefined;
  throw new UserError(
    `${where}: dataset.augmentation.evaluation is "${found.evaluation}", but nothing is varied: flip is off and pad is 0.`,
    { hint: 'Set dataset.augmentation.flip=true or dataset.augmentation.pad=4.' },
  );
}
