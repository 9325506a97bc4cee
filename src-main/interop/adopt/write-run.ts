/** The run folder around adopted weights. */
import { basename, join } from 'node:path';
import { stringify } from 'yaml';
import { UserError } from '../../../src-shared/errors.ts';
import type { adoptJob } from '../../../src-shared/jobs/adopt.ts';
import type { ParamsOf } from '../../../src-shared/jobs/define.ts';
import { checkpointCancel, ProgressMeter } from '../../compute/context.ts';
import type { ComputeContext } from '../../compute/context.ts';
import { loadCheckpoint, readRun } from '../../compute/load-models.ts';
import { writeFileAtomic } from '../../formats/atomic.ts';
import { inNewRunFolder } from '../../formats/out-folder.ts';
import { completeForReference } from '../../formats/reference-config.ts';
import type { LazyTensor } from '../../formats/tensor.ts';
import { writeInFormat } from '../../formats/write-checkpoint.ts';
import type { Weights } from './state-dict-files.ts';

type Params = ParamsOf<typeof adoptJob>;

/** One file, ready to be written as a model of the run. */
export interface Source {
  path: string;
  weights: Weights;
  tensors: ReadonlyMap<string, LazyTensor>;
  /** Names of what gradients move. */
  trainable: string[];
}

/** A file of no run yet. */
export const alone = (path: string) => ({ index: 0, path, name: path });

/** What the files hold besides the weights that were taken, and facts that could not be used. */
export const fileNotes = (files: readonly { weights: Weights; path: string }[]): string[] =>
  files.flatMap(({ weights, path }) => weights.notes.map((note) => `${path}: ${note}`));

/** The epoch that the files are of. @throws UserError if they say different ones */
function epochOf(params: Params, sources: readonly Source[]): number {
  if (params.epoch !== undefined) return params.epoch;
  const told = sources.filter(({ weights }) => weights.epoch !== undefined);
  const [first] = told;
  const other = told.find(({ weights }) => weights.epoch !== first!.weights.epoch);
  if (first && other)
    throw new UserError(
      `epoch: ${first.path} is of epoch ${first.weights.epoch}, ${other.path} of epoch ${other.weights.epoch}; the models of a run are adopted at one epoch.`,
      { hint: 'Give --epoch to adopt them under one epoch anyway.' },
    );
  return first?.weights.epoch ?? 1;
}

/** Checkpoints, config.yaml last, and a look at all of them as any later job takes it. */
export async function writeRun(
  params: Params,
  about: Record<string, unknown>,
  sources: readonly Source[],
  context: ComputeContext,
): Promise<{ directory: string; files: string[] }> {
  const epoch = epochOf(params, sources);
  // Of what is trained on images of another shape, MNIST would be a guess.
  const { task } = params;
  const isClassifier = (task ?? 'classification') === 'classification';
  const name = params.dataset ?? (params.network === undefined && isClassifier ? 'mnist' : undefined);
  const dataset = { ...(name !== undefined && { name }), ...(task !== undefined && { task }) };
  const as = params.network ?? params.architecture;
  return inNewRunFolder(params.directory, async (directory) => {
    const meter = new ProgressMeter(context, sources.length);
    const files: string[] = [];
    for (const [i, { tensors, trainable }] of sources.entries()) {
      await checkpointCancel(context);
      const written = writeInFormat(directory, params.format, {
        ...{ epoch, model: i + 1, step: 0, trainable, tensors },
      });
      files.push(basename(written));
      meter.advance(1, `${files.length} of ${sources.length} files`);
    }
    const config = {
      model: about['model'],
      ...(Object.keys(dataset).length > 0 && { dataset }),
      num_models: files.length,
      adopted_from: sources.map(({ path }) => path),
      ...(as !== undefined && { adopted_as: as }),
      ...('adopted_names' in about && { adopted_names: about['adopted_names'] }),
    };
    writeFileAtomic(
      join(directory, 'config.yaml'),
      completeForReference(stringify(config, { lineWidth: 0, aliasDuplicateObjects: false })),
    );
    const run = readRun(directory);
    for (const file of files) loadCheckpoint(run, join(directory, file));
    return { directory, files };
  });
}
