/** `tracking.json` of a run folder, and the files that the published code would have written. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../../src-shared/errors.ts';
import { trackingFileName, trackingFileSchema } from '../../../src-shared/tracking.ts';
import type { TrackingFile } from '../../../src-shared/tracking.ts';
import { writeFileAtomic } from '../../formats/atomic.ts';

export function writeTracking(directory: string, file: TrackingFile): void {
  writeFileAtomic(join(directory, trackingFileName), `${JSON.stringify(file)}\n`);
}

/**
 * What was tracked up to an epoch; undefined if there is no such file.
 * @throws UserError for a file that cannot be read: what was tracked would be lost
 */
export function readTracking(directory: string, epoch: number): TrackingFile | undefined {
  const path = join(directory, trackingFileName);
  if (!existsSync(path)) return undefined;
  let file: TrackingFile;
  try {
    file = trackingFileSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (cause) {
    throw new UserError(`${path} cannot be read, so what was tracked before cannot be kept.`, {
      hint: 'Put the file back, or delete it: what the saved checkpoints allow is then measured again.',
      cause,
    });
  }
  return upTo(file, epoch);
}

function upTo(file: TrackingFile, epoch: number): TrackingFile {
  const kept = <T extends { epoch: number }>(entries: readonly T[]): T[] =>
    entries.filter((entry) => entry.epoch <= epoch);
  const list = <T extends { all_epoch_results: E[] }, E extends { epoch: number }>(section: T): T => {
    const left = kept(section.all_epoch_results);
    return { ...section, all_epoch_results: left, num_epochs: left.length };
  };
  const rows = <
    T extends { epochs: number[]; pairs: R[] },
    R extends { all_epoch_results: { epoch: number }[] },
  >(
    section: T,
  ): T => ({
    ...section,
    epochs: section.epochs.filter((each) => each <= epoch),
    pairs: section.pairs.map((row) => list(row)),
  });
  const { interpolation, cosine_similarity, functional_similarity, ntk_tracking } = file;
  return {
    ...file,
    ...(interpolation && { interpolation: list(interpolation) }),
    ...(cosine_similarity && { cosine_similarity: rows(cosine_similarity) }),
    ...(functional_similarity && { functional_similarity: rows(functional_similarity) }),
    ...(ntk_tracking && { ntk_tracking: list(ntk_tracking) }),
  };
}
