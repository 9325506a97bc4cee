/** File names in a run directory. */
import { basename } from 'node:path';

export interface CheckpointName {
  kind: 'checkpoint' | 'optimizer';
  epoch: number;
  /** From 1. */
  model: number;
}

const pattern = /^(checkpoint|optimizer)_epoch_(\d{1,9})_model_(\d{1,9})\.(pt|safetensors)$/;

/** The name of a file that Basin writes. */
export function checkpointName({ kind, epoch, model }: CheckpointName): string {
  return `${kind}_epoch_${epoch}_model_${model}.safetensors`;
}

/** What a path's file name says, or undefined for any other name. */
export function parseCheckpointName(
  path: string,
): (CheckpointName & { extension: 'pt' | 'safetensors' }) | undefined {
  const match = pattern.exec(basename(path));
  if (!match) return undefined;
  const [, kind, epoch, model, extension] = match;
  return {
    kind: kind as CheckpointName['kind'],
    epoch: Number(epoch),
    model: Number(model),
    extension: extension as 'pt' | 'safetensors',
  };
}
