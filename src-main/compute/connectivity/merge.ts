/** Kind `merge`: permuted models, or their mean, as a run of their own in the non-asymmetric form. */
import { basename, join } from 'node:path';
import { exportedSection } from '../../../src-shared/config/exported.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { ParamsOf, ResultOf } from '../../../src-shared/jobs/define.ts';
import type { mergeJob } from '../../../src-shared/jobs/merge.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import { writeFileAtomic } from '../../formats/atomic.ts';
import { readRunDirectory } from '../../formats/run-directory.ts';
import type { TensorValue } from '../../formats/tensor.ts';
import { alignmentNote, alignPairs, namedPermutations } from '../alignment/align-pairs.ts';
import type { PairAlignment } from '../alignment/align-pairs.ts';
import { untiedModels } from '../alignment/orthogonal/untied-models.ts';
import { rotationRecord } from '../alignment/orthogonal/record.ts';
import { isExported, isGated } from '../networks/parameters.ts';
import { loadAnalysisData } from '../analysis-data.ts';
import type { AnalysisData } from '../analysis-data.ts';
import type { LoadedModel, Run } from '../load-models.ts';
import { loadCheckpoint, readRun } from '../load-models.ts';
import { checkpointCancel, ProgressMeter } from '../context.ts';
import type { Compute, ComputeContext } from '../context.ts';
import { uploadExamples } from '../data/index.ts';
import { isCounter } from '../../formats/tensor-names.ts';
import { assertSameFixedPart, withTied } from '../models/index.ts';
import { estimateStatistics } from '../networks/batch-statistics.ts';
import { graphPlan } from '../networks/evaluation-plan.ts';
import type { EvaluationPlan } from '../networks/evaluation-plan.ts';
import { loadedEvaluation } from '../networks/evaluate.ts';
import { wayOfBatches } from '../networks/evaluation.ts';
import { mixArrays } from '../networks/lines.ts';
import { permuteArrays } from '../networks/permute.ts';
import type { NamedArrays } from '../networks/permute.ts';
import { loadSeveral, requireSameShapes } from '../pairs.ts';
import {
  goesByBatches,
  normFields,
  normNote,
  normPolicyOf,
  normWarnings,
  pointNormsOf,
  withWholeGraph,
} from './norm-statistics.ts';
import type { NormPolicy } from './norm-statistics.ts';
import { inNewRunFolder, refuseTaken } from '../../formats/out-folder.ts';
import { completeForReference, derivedConfig } from '../../formats/reference-config.ts';
import { writeInFormat } from '../../formats/write-checkpoint.ts';

type Params = ParamsOf<typeof mergeJob>;
type Result = ResultOf<typeof mergeJob>;

/** Parameters as they act: those of the non-asymmetric form. */
type Arrays = NamedArrays<Float32Array>;

export const merge: Compute<Params, Result> = async (params, context) => {
  refuseTaken(params.directory);
  const { models: loaded, warnings } = loadSeveral(params);
  const weights = params.write === 'merged' ? sharesOf(params, loaded.length) : undefined;
  requireSameShapes(loaded);
  const models = params.align === 'orthogonal' ? untiedModels(loaded) : loaded;
  for (const model of models.slice(1)) assertSameFixedPart(models[0]!, model);
  const { run } = models[0]!;
  const { graph } = run;
  const policy = weights && normPolicyOf(params, run);
  const steps = [params.align !== 'none', policy?.name === 're-estimate'].filter(Boolean).length;
  const meter = new ProgressMeter(context, Math.max(1, steps));
  const data = await dataFor(params, run, policy);
  const settled = data ? withWholeGraph(policy, params, data) : policy;
  const alignments = await align(params, models, { data, context, meter });
  const arrays = models.map(({ acting }, i): Arrays => {
    // Aligned by more than permutations, the first model is changed as well, for all others in the same way.
    if (i === 0) return alignments?.[0]?.rotated?.first ?? acting;
    const alignment = alignments?.[i - 1];
    if (!alignment) return acting;
    if (alignment.rotated) return alignment.rotated.second;
    return permuteArrays(acting, symmetriesOf(graph).groups, alignment.permutations);
  });
  const parts = weights?.map((weight, m) => ({ of: arrays[m]!, weight }));
  const estimated =
    parts && settled?.name === 're-estimate'
      ? await withEstimates(mixArrays(parts), { run, data: data!, policy: settled, context, meter })
      : undefined;
  const outputs = estimated ? [estimated.arrays] : parts ? [mixArrays(parts)] : arrays;
  const statisticsNote = normNote(settled, data);
  const sources = models.map(({ path }) => path);
  const aligned = alignedFields(alignments);
  const derived = {
    write: params.write,
    from: models.map(({ path, sha256 }) => ({ path, sha256 })),
    align: params.align,
    ...(params.align === 'activation' && { mode: params.mode, recording_point: params.recordingPoint }),
    ...(weights && { weights }),
    ...aligned,
    ...normFields(settled),
  };
  const written = await inNewRunFolder(params.directory, (directory) => ({
    directory,
    files: writeRun(params, models[0]!, { outputs, derived, counters: estimated?.counters }, directory),
  }));
  const note = alignmentNote(params, isGated(graph));
  return {
    ...{ ...written, sources, align: params.align },
    ...(weights && { weights }),
    ...(params.align === 'activation' && { mode: params.mode }),
    ...aligned,
    ...normFields(settled),
    notes: [
      ...warnings,
      ...(data?.warnings ?? []),
      ...normWarnings(policy),
      ...untiedNotes(run),
      ...[note, statisticsNote].filter((each) => each !== undefined),
    ],
  };
};

const untiedNotes = ({ untied = [] }: Run): string[] =>
  untied.map(
    ({ reader, other }) =>
      `"${reader}" and "${other}" are one tensor in the models and two in the new run: untie them in the module before it loads the state dict.`,
  );

/** Of every model after the first. */
function alignedFields(
  alignments: readonly PairAlignment[] | undefined,
): Pick<Result, 'permutations' | 'orthogonal'> {
  const rotated = alignments?.flatMap((alignment) => alignment.rotated ?? []);
  if (rotated && rotated.length > 0) return { orthogonal: rotated.map(rotationRecord) };
  return alignments
    ? { permutations: alignments.map((alignment) => namedPermutations(alignment.permutations)) }
    : {};
}

/** What is aligned and estimated on; undefined if no data are needed. */
function dataFor(
  params: Params,
  run: Run,
  policy: NormPolicy | undefined,
): Promise<AnalysisData> | undefined {
  const wanted = [
    ...(params.align === 'activation' ? [params.alignSplit] : []),
    ...(policy?.name === 're-estimate' ? ['train' as const] : []),
  ];
  if (wanted.length === 0) return undefined;
  return loadAnalysisData(run, params.data, wanted, goesByBatches(policy) ? 'file' : 'split');
}

interface Estimated {
  arrays: Arrays;
  /** What the counters of the batch norms say, by name. */
  counters: ReadonlyMap<string, number>;
}

/**
 * The arrays with running statistics that are estimated on the run's train split.
 * @throws UserError naming the statistics if the network overflows there
 */
async function withEstimates(
  arrays: Arrays,
  work: {
    run: Run;
    data: AnalysisData;
    policy: NormPolicy;
    context: ComputeContext;
    meter: ProgressMeter;
  },
): Promise<Estimated> {
  const { run, data, policy, context, meter } = work;
  const { batch, train } = pointNormsOf(policy, run, data, [])!;
  const backend = await context.backend();
  const plan: EvaluationPlan = {
    ...{ network: run.graph, count: 1, rows: batch, byBatch: 'statistics' },
    way: wayOfBatches(backend, run.graph, batch, 'eager'),
    ...graphPlan(train!),
  };
  const evaluation = loadedEvaluation(backend, plan, [arrays]);
  try {
    const found = await estimateStatistics(evaluation, train!, async (examples) => {
      meter.advance(examples / train!.count, 're-estimating norm statistics');
      await checkpointCancel(context);
    });
    refuseOverflow(found);
    const estimates = [...found].map(
      ([name, values]) => [name, { ...arrays.get(name)!, data: values }] as const,
    );
    return {
      arrays: new Map([...arrays, ...estimates]),
      counters: countersOf(run.graph, Math.ceil(train!.count / batch)),
    };
  } finally {
    evaluation.dispose();
  }
}

function refuseOverflow(statistics: ReadonlyMap<string, Float32Array>): void {
  const bad = [...statistics].flatMap(([name, values]) => {
    const value = values.find((each) => !Number.isFinite(each));
    return value === undefined ? [] : [`"${name}" (${value})`];
  });
  if (bad.length === 0) return;
  const more = bad.length > 3 ? ` and ${bad.length - 3} more` : '';
  throw new UserError(
    `The merged network overflows on the train split, so these norm statistics could not be re-estimated: ${bad.slice(0, 3).join(', ')}${more}. Nothing was written.`,
    {
      hint: 'One of the models has probably diverged: choose an earlier epoch, or interpolate the norm statistics.',
    },
  );
}

/** A norm that is read in several places counts each time. */
const countersOf = ({ nodes, parameters }: Network, batches: number): Map<string, number> =>
  new Map(
    [...parameters.keys()].filter(isCounter).map((name) => {
      const readers = nodes.filter((node) => node.parameters['num_batches_tracked']?.name === name);
      return [name, readers.length * batches];
    }),
  );

interface Outputs {
  outputs: readonly Arrays[];
  derived: Record<string, unknown>;
  counters: ReadonlyMap<string, number> | undefined;
}

/** Checkpoints, config.yaml last, read back as any later job will. @returns the names of the checkpoints */
function writeRun(
  params: Params,
  first: LoadedModel,
  { outputs, derived, counters }: Outputs,
  directory: string,
): string[] {
  const files = writeModels(params, first, { outputs, counters }, directory);
  const { config } = readRunDirectory(first.run.directory);
  const { graph, untied } = first.run;
  const section =
    untied && first.spec.architecture === 'declared' ? { model: exportedSection(first.spec) } : {};
  const text = derivedConfig(
    { ...config, ...section },
    {
      symmetry: isGated(graph) ? 2 : 0,
      activation: activationOf(graph),
      models: outputs.length,
      derived,
    },
  );
  writeFileAtomic(join(directory, 'config.yaml'), completeForReference(text));
  verify(directory, files, outputs);
  return files;
}

/** One share per model; they sum to 1. @throws UserError for a lambda where there are not two models */
function sharesOf({ lambda }: Params, count: number): number[] {
  if (lambda === undefined) return new Array<number>(count).fill(1 / count);
  if (count === 2) return [1 - lambda, lambda];
  throw new UserError(`lambda: ${lambda} divides a segment between two models, but ${count} are selected.`, {
    hint: 'Omit it for the plain mean of all, or name two models.',
  });
}

/** Every model after the first, permuted to the first. */
async function align(
  params: Params,
  models: LoadedModel[],
  { data, context, meter }: { data: AnalysisData | undefined; context: ComputeContext; meter: ProgressMeter },
): Promise<PairAlignment[] | undefined> {
  if (params.align === 'none') return undefined;
  const backend = await context.backend();
  const pairs = models.slice(1).map((_, i) => [0, i + 1] as const);
  const examples = params.align === 'activation' ? data!.splits.get(params.alignSplit)! : undefined;
  const inputs = examples && uploadExamples(backend, examples);
  try {
    return await alignPairs(params, {
      ...{ context, backend, models, pairs },
      inputs: () => inputs!,
      edges: examples?.edges,
      advance: (share) => {
        meter.advance(share, 'aligning');
      },
    });
  } finally {
    inputs?.dispose();
  }
}

function writeModels(
  params: Params,
  first: LoadedModel,
  { outputs, counters }: Pick<Outputs, 'outputs' | 'counters'>,
  directory: string,
): string[] {
  const { graph } = first.run;
  return outputs.map((arrays, i) => {
    // Under the names of the files that the models came from.
    const named = (name: string): string => first.spec.fileNames?.[name] ?? name;
    const kept = storedForm(graph, withIdle(first, arrays), counters).filter(({ name }) => {
      const { constant, packed } = graph.parameters.get(name)!;
      return constant === undefined && packed === undefined;
    });
    const path = writeInFormat(directory, params.format, {
      // Files of several epochs have none in common; 0 would claim an initialisation.
      epoch: first.epoch ?? 1,
      model: i + 1,
      step: 0,
      // In the order of the modules, as an optimizer is given them.
      trainable: kept.flatMap(({ name }) =>
        graph.parameters.get(name)!.role === 'trained' ? [named(name)] : [],
      ),
      tensors: withTied(new Map(kept.map(({ name, tensor }) => [named(name), tensor])), first.spec),
    });
    return basename(path);
  });
}

/** With what the function of an exported network does not depend on, but its state dict holds: the first model's. */
function withIdle({ run, state }: LoadedModel, arrays: Arrays): Arrays {
  if (!isExported(run.graph)) return arrays;
  const missing = [...state].filter(([name]) => !arrays.has(name));
  return new Map([...arrays, ...missing]);
}

/** Of the first hidden layer, as a config names it; undefined if it has a gate or none. */
function activationOf({ nodes }: Network): string | undefined {
  const first = nodes.find(({ op }) => op === 'activation' || op === 'gate');
  return first?.op === 'activation' ? (first.attributes as { kind: string }).kind : undefined;
}

/**
 * The state dict of the non-asymmetric form, in the order of the network's parameters.
 * @param counters absent if running statistics are mixed: then nothing says how many batches they saw
 */
function storedForm(
  network: Network,
  arrays: Arrays,
  counters: Outputs['counters'],
): { name: string; tensor: TensorValue }[] {
  return [...network.parameters.keys()].flatMap((name): { name: string; tensor: TensorValue }[] => {
    const counted = BigInt64Array.of(BigInt(counters?.get(name) ?? 0));
    if (isCounter(name)) return [{ name, tensor: { dtype: 'int64', shape: [], data: counted } }];
    const array = arrays.get(name);
    if (!array) return []; // F and D, which act through the weights
    const data = array.data as Float32Array<ArrayBuffer>;
    return [{ name, tensor: { dtype: 'float32', shape: [...array.shape], data } }];
  });
}

/** Reads back what was written, as any later job will. A difference is a defect. */
function verify(directory: string, files: readonly string[], outputs: readonly Arrays[]): void {
  const run = readRun(directory);
  outputs.forEach((arrays, i) => {
    const { acting, path } = loadCheckpoint(run, join(directory, files[i]!));
    for (const [name, { data }] of arrays) {
      const found = acting.get(name)?.data;
      if (!isCounter(name) && data.some((value, k) => value !== found?.[k]))
        throw new Error(`${path}: "${name}" is not the tensor to write`);
    }
  });
}
