/** Content hashes of every checkpoint in some run folders. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { HashedFile } from '../../../src-shared/interop.ts';
import type { JobParams, JobResult } from '../../../src-shared/jobs/index.ts';
import { parseCheckpointName } from '../../formats/checkpoint-name.ts';
import { checkpointFilesIn } from '../../formats/run-layout.ts';
import { sampleHash } from '../../formats/run-contents.ts';
import { checkpointCancel, ProgressMeter, type ComputeContext } from '../../compute/context.ts';

/** Emits `hashed` after each run. Files that are gone or change meanwhile are left for the next time. */
export async function hashCheckpoints(
  params: JobParams<'hash'>,
  context: ComputeContext,
): Promise<JobResult<'hash'>> {
  const meter = new ProgressMeter(context, params.runs.length);
  const result = { files: 0, bytes: 0 };
  for (const run of params.runs) {
    const files: HashedFile[] = [];
    for (const name of checkpointsIn(run)) {
      const hashed = await hashFileSteadily(join(run, name), context);
      if (hashed) files.push(hashed);
    }
    if (files.length > 0) context.emit({ type: 'hashed', files });
    result.files += files.length;
    result.bytes += files.reduce((sum, file) => sum + file.bytes, 0);
    meter.advance(1, `${result.files} checkpoints hashed`);
  }
  return result;
}

function checkpointsIn(run: string): string[] {
  try {
    return checkpointFilesIn(run).filter((name) => parseCheckpointName(name)?.kind === 'checkpoint');
  } catch {
    return [];
  }
}

/** SHA-256 of a file; undefined if it is gone, cannot be read or changes meanwhile. */
export async function hashFileSteadily(
  path: string,
  context: ComputeContext,
): Promise<HashedFile | undefined> {
  const before = await stat(path).catch(() => undefined);
  if (!before) return undefined;
  await checkpointCancel(context);
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, signal: context.signal })) {
      hash.update(chunk as Buffer);
    }
  } catch {
    await checkpointCancel(context);
    return undefined;
  }
  const sample = sampleOf(path);
  const after = await stat(path).catch(() => undefined);
  if (after?.size !== before.size || after.mtimeMs !== before.mtimeMs) return undefined;
  return {
    path,
    bytes: after.size,
    mtimeMs: after.mtimeMs,
    sha256: hash.digest('hex'),
    ...(sample !== undefined && { sample }),
  };
}

/** Undefined if the file cannot be read. */
export function sampleOf(path: string): string | undefined {
  try {
    return sampleHash(path);
  } catch {
    return undefined;
  }
}
