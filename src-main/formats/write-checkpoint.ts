/** One checkpoint into a run folder, in either format. */
import { join } from 'node:path';
import type { CheckpointFormat } from '../../src-shared/jobs/export-checkpoints.ts';
import { writeCheckpoint } from './checkpoint.ts';
import { writeTorchCheckpoint } from './torch-checkpoint.ts';
import type { FullCheckpoint } from './torch-checkpoint.ts';

/** @returns the path of the file, `checkpoint_epoch_E_model_M.pt` or `.safetensors` */
export function writeInFormat(
  directory: string,
  format: CheckpointFormat,
  checkpoint: FullCheckpoint,
): string {
  if (format === 'safetensors') return writeCheckpoint(directory, checkpoint);
  const path = join(directory, `checkpoint_epoch_${checkpoint.epoch}_model_${checkpoint.model}.pt`);
  writeTorchCheckpoint(path, checkpoint);
  return path;
}
