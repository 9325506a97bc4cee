/** Kind `interpolate`: loss and accuracy along the segments between models, at one epoch of a run or several. */
import { splits as allSplits } from '../../../src-shared/domain.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { Split } from '../../../src-shared/domain.ts';
import { executionText } from '../../../src-shared/execution.ts';
import type { ParamsOf, ResultOf } from '../../../src-shared/jobs/define.ts';
import type { FailedEpoch, Interpolation, interpolateJob } from '../../../src-shared/jobs/interpolate.ts';
import type { LeftOut } from '../../../src-shared/jobs/pairs.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { alignEachPair, alignmentFields, alignmentNote, allNodesNote } from '../alignment/align-pairs.ts';
import type { PairAlignment } from '../alignment/align-pairs.ts';
import { isGated, overGraph } from '../networks/parameters.ts';
import { untiedModels } from '../alignment/orthogonal/untied-models.ts';
import { NonFiniteActivations } from '../alignment/neuron-similarity.ts';
import { loadAnalysisData } from '../analysis-data.ts';
import type { AnalysisData } from '../analysis-data.ts';
import { backendInfo } from '../backend/info.ts';
import type { Backend } from '../backend/index.ts';
import { NonFiniteWeights } from '../load-models.ts';
import type { LoadedModel, Run } from '../load-models.ts';
import type { PartContext, PartedCompute } from '../parts.ts';
import { savedEpochs } from '../saved-epochs.ts';
import { checkpointCancel, ProgressMeter } from '../context.ts';
import type { ComputeContext } from '../context.ts';
import { scoredCount, uploadExamples } from '../data/index.ts';
import type { Dataset, Examples } from '../data/index.ts';
import { assertSameFixedPart, numParameters } from '../models/index.ts';
import { wayOfBatches } from '../networks/evaluation.ts';
import { evaluationWay } from '../networks/execution.ts';
import { loadUsablePairs, pairFields, requireSameShapes } from '../pairs.ts';
import type { PairIndices } from '../pairs.ts';
import { curveFields, entriesOf } from './curve-fields.ts';
import { rescalingOf, stateDistance } from './distance.ts';
import { requireEndpoints } from './endpoints.ts';
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
import { endsOf, lambdasOf, placesOf, pointsOf, verticesOf } from './plan.ts';
import type { Segments } from './plan.ts';
import { evaluatePoints } from './points.ts';
import type { PointNorms, PointScores, PointSet, Vertex } from './points.ts';
import {
  dataWarnings,
  nonFiniteWarnings,
  rescalingWarnings,
  storedMetricWarnings,
  unalignedWarnings,
} from './warnings.ts';

type Params = ParamsOf<typeof interpolateJob>;
type Result = ResultOf<typeof interpolateJob>;

/** What every pair of the job shares. */
interface Job {
  params: Params;
  context: PartContext;
  backend: Backend;
  models: LoadedModel[];
  pairs: PairIndices[];
  data: AnalysisData;
  network: Network;
  /** Of networks with running statistics. */
  policy: NormPolicy | undefined;
  norms: PointNorms | undefined;
}

type ScoresBySplit = Map<Split, PointScores[]>;

type EpochResult = Result | FailedEpoch;
/** Of the run that a job is about. */
interface KnownData {
  of: string;
  found: AnalysisData;
}

/** One part per epoch. */
export const interpolate: PartedCompute<Params, Params, EpochResult> = {
  plan: ({ epochs, ...params }) => {
    const { run, models, pairs } = params;
    if (run === undefined || epochs === undefined) return [params];
    const wanted = models ?? (pairs && [...new Set(pairs.flat())]);
    const parts = savedEpochs(run, epochs, wanted).map(({ at }) => ({ ...params, epoch: at }));
    if (parts.length > 0) return parts;
    throw new UserError(`${run}: no epoch is saved for ${wanted ? 'all of these models' : 'two models'}.`, {
      hint: 'Name two models that were saved at the same epoch, e.g. --models 1,2.',
    });
  },

  async *measure(parts, context) {
    let data: KnownData | undefined;
    const told = new Set<string>();
    for (const params of parts) {
      const at = parts.length > 1 ? `epoch ${params.epoch}: ` : '';
      const load: LoadData = async (run, wanted, order) => {
        if (data?.of !== run.directory)
          data = { of: run.directory, found: await loadAnalysisData(run, params.data, wanted, order) };
        return data.found;
      };
      const here: PartContext = {
        ...context,
        advance: (share, message) => {
          context.advance(share, at + message);
        },
        // What holds for every epoch is said once.
        emit: (event) => {
          if (event.type === 'log' && told.has(event.line)) return;
          if (event.type === 'log') told.add(event.line);
          context.emit(event);
        },
      };
      yield await atEpoch(params, here, load);
    }
  },
};

/** Networks whose numbers are not finite at one epoch do not keep others from being evaluated at the next. */
async function atEpoch(params: Params, context: PartContext, load: LoadData): Promise<EpochResult> {
  try {
    return await interpolateOnce(params, context, load);
  } catch (thrown) {
    if (!(thrown instanceof NonFiniteWeights || thrown instanceof NonFiniteActivations)) throw thrown;
    const { message, hint } = thrown;
    return { failed: message, ...(hint !== undefined && { hint }) };
  }
}

type LoadData = (run: Run, wanted: Split[], order: 'file' | 'split') => Promise<AnalysisData>;

/**
 * The question about one epoch, for a job that has the data at hand.
 * @param held the run's own data set, if it is in memory
 */
export function interpolateOn(params: Params, context: ComputeContext, held?: Dataset): Promise<Result> {
  const meter = new ProgressMeter(context, 1);
  const whole: PartContext = {
    ...context,
    advance: (share, message) => {
      meter.advance(share, message);
    },
    async between(share, message) {
      meter.advance(share, message);
      await checkpointCancel(context);
    },
  };
  return interpolateOnce(params, whole, (run, wanted, order) =>
    loadAnalysisData(run, params.data, wanted, order, held),
  );
}

async function interpolateOnce(params: Params, context: PartContext, load: LoadData): Promise<Result> {
  const { models: loaded, pairs, warnings, leftOut } = loadUsablePairs(params);
  requireSameShapes(loaded);
  const models = params.align === 'orthogonal' ? untiedModels(loaded) : loaded;
  for (const [a, b] of pairs) assertSameFixedPart(models[a]!, models[b]!);
  const { run: first } = models[0]!;
  const asked = normPolicyOf(params, first);
  const wanted = [
    ...params.splits,
    ...(params.align === 'activation' ? [params.alignSplit] : []),
    ...(asked?.name === 're-estimate' ? ['train' as const] : []),
  ];
  const data = await load(first, wanted, goesByBatches(asked) ? 'file' : 'split');
  const policy = withWholeGraph(asked, params, data);
  const norms = pointNormsOf(policy, first, data, params.splits);
  const backend = await context.backend();
  // Refuses batches that this back end cannot hold, before anything is aligned.
  if (norms) wayOfBatches(backend, first.graph, norms.batch, 'eager');
  const told = [...warnings, ...data.warnings, ...normWarnings(policy)];
  const { graph: network } = first;
  return run({ params, context, backend, models, pairs, data, network, policy, norms }, told, leftOut);
}

async function run(whole: Job, warnings: string[], leftOut: LeftOut[]): Promise<Result> {
  const { params, data, network } = whole;
  const asked = whole.pairs.length + leftOut.length;
  const meter = meterOf(whole);
  const { job, alignments, unaligned } = await alignJob(whole, meter);
  const { models, pairs } = job;
  const { steps, midpoint } = params;
  const segments: Segments = { network, models, pairs, steps, midpoint, alignments };
  const vertices = verticesOf(segments);
  const points = pointsOf(segments);
  requireEndpoints(job.backend, { network, vertices }, endsOf(segments), data.splits.get(params.splits[0]!)!);
  const { execution, way } = executionOf(job, points.length);
  job.context.emit({ type: 'log', level: 'info', line: `computed ${executionText(execution)}` });
  if (way !== 'eager') meter.advance(0, 'compiling the evaluation');
  await checkpointCancel(job.context);
  const evaluate = (of: Omit<PointSet, 'network' | 'vertices'>): Promise<ScoresBySplit> =>
    evaluatePoints(job.backend, { network, vertices, ...of }, way, splitsOf(job), async (done, split) => {
      const what = split === undefined ? 're-estimating norm statistics of' : 'evaluating';
      meter.advance(done, `${what} ${of.points.length} points${split === undefined ? '' : ` on ${split}`}`);
      await checkpointCancel(job.context);
    });
  const scores = await evaluate({ points, norms: job.norms });
  // The models themselves come first.
  const stored = job.norms ? await evaluate({ points: points.slice(0, models.length) }) : scores;
  const rows = pairs.map((_, p) => pairResult(job, segments, p, vertices, { scores, stored }));
  const all = [
    ...warnings,
    ...unalignedWarnings(unaligned),
    ...nonFiniteWarnings(models, rows, scores),
    ...dataWarnings(models),
    ...storedMetricWarnings(models, data, stored),
    ...rescalingWarnings(
      pairs.map(([a, b]) => [models[a]!, models[b]!] as const),
      rows,
    ),
  ];
  const lacking = [...leftOut, ...unaligned];
  const common = {
    ...(midpoint && { midpoint: midpointOf(job, scores, points.length - 1) }),
    warnings: all,
    ...(lacking.length > 0 && { left_out: lacking }),
    backend: backendInfo(job.backend),
    execution,
    split_sizes: Object.fromEntries(
      [...data.splits].map(([split, examples]) => [split, scoredCount(examples)]),
    ),
    ...(params.align !== 'none' && { matching_seed: params.matchingSeed }),
  };
  return asked === 1 ? { ...rows[0]!, ...common } : { pairs: rows, ...common };
}

/** The job with the pairs that could be aligned. @throws NonFiniteActivations if none could */
async function alignJob(
  job: Job,
  meter: Meter,
): Promise<{ job: Job; alignments: PairAlignment[] | undefined; unaligned: LeftOut[] }> {
  const { params, models, pairs } = job;
  const recorded = params.align === 'activation' ? job.data.splits.get(params.alignSplit)! : undefined;
  const inputs = recorded && uploadExamples(job.backend, recorded);
  const found = await alignEachPair(params, {
    ...job,
    inputs: () => inputs!,
    edges: recorded?.edges,
    advance: (share) => {
      meter.advance(share * alignmentCost(job), 'aligning');
    },
  }).finally(() => inputs?.dispose());
  if (!found) return { job, alignments: undefined, unaligned: [] };
  const alignments = found.flatMap((alignment) =>
    alignment instanceof NonFiniteActivations ? [] : [alignment],
  );
  const failed = found.flatMap((alignment, p) =>
    alignment instanceof NonFiniteActivations ? [{ alignment, pair: pairs[p]! }] : [],
  );
  if (alignments.length === 0 && failed[0]) throw failed[0].alignment;
  const unaligned = failed.map(({ alignment, pair: [i, j] }) => {
    const [a, b] = [models[i]!, models[j]!];
    const reason = `could not be aligned by activations: ${alignment.message}`;
    return { models: [a.index, b.index], checkpoint_paths: [a.path, b.path], reason };
  });
  const kept = pairs.filter((_, p) => !(found[p] instanceof NonFiniteActivations));
  return { job: { ...job, pairs: kept }, alignments, unaligned };
}

const splitsOf = ({ params, data }: Job): Map<Split, Examples> =>
  new Map(
    allSplits.filter((s) => params.splits.includes(s)).map((split) => [split, data.splits.get(split)!]),
  );

/** Examples that go through the network at every point. */
const examplesPerPoint = ({ params, data, norms }: Job): number =>
  params.splits.reduce((sum, split) => sum + data.splits.get(split)!.count, norms?.train?.count ?? 0);

/** By the work of the whole job, so that all its numbers come about in one way. */
function executionOf(job: Job, points: number) {
  const { backend, network, norms } = job;
  const { way: wished, reason } = evaluationWay(backend, network, points * examplesPerPoint(job));
  const way = norms ? wayOfBatches(backend, network, norms.batch, wished) : wished;
  return { way, execution: { way, ...(way === wished && reason !== undefined && { reason }) } };
}

function pairResult(
  job: Job,
  segments: Segments,
  p: number,
  vertices: readonly Vertex[],
  { scores, stored }: { scores: ScoresBySplit; stored: ScoresBySplit },
): Interpolation {
  const { params, models, pairs, policy } = job;
  const [a, b] = pairs[p]!.map((place) => models[place]!) as [LoadedModel, LoadedModel];
  const alignment = segments.alignments?.[p];
  const distance = alignment
    ? stateDistance(alignment.rotated?.first ?? a.acting, vertices[models.length + p]!.arrays)
    : stateDistance(a.state, b.state);
  // Converted to the non-asymmetric form, a model has no fixed entries.
  const { total, free } = numParameters(a.spec);
  const parameters = alignment ? total : free;
  const note = noteFor(job);
  const places = placesOf(segments, p);
  return {
    ...pairFields(a, b),
    lambdas: lambdasOf(params.steps),
    ...Object.assign(
      {},
      ...[...scores].map(([split, all]) =>
        curveFields(
          split,
          places.map((place) => all[place]!),
        ),
      ),
    ),
    distance,
    normalized_distance: distance / Math.sqrt(parameters),
    num_params: parameters,
    align: params.align,
    ...(params.align === 'activation' && { mode: params.mode, recording_point: params.recordingPoint }),
    ...alignmentFields(alignment),
    rescaling_ratio: rescalingOf(a.run.graph, a.acting, b.acting).ratio,
    ...normFields(policy),
    ...(stored !== scores && { stored_ends: storedEnds(pairs[p]!, stored) }),
    ...(note !== undefined && { note }),
  };
}

const storedEnds = (pair: PairIndices, stored: ScoresBySplit) =>
  Object.fromEntries(
    [...stored].flatMap(([split, all]) =>
      entriesOf(
        split,
        pair.map((place) => all[place]!),
      ),
    ),
  );

function noteFor({ params, network, policy, data }: Job): string | undefined {
  const notes = [
    alignmentNote(params, isGated(network)),
    params.align === 'activation' && overGraph(network) ? allNodesNote : undefined,
    normNote(policy, data),
  ];
  return notes.filter((note) => note !== undefined).join(' ') || undefined;
}

function midpointOf({ models, policy }: Job, scores: ScoresBySplit, place: number) {
  const fields = [...scores].flatMap(([split, all]) => [
    ...entriesOf(split, [all[place]!]).map(([name, [value]]) => [name, value] as const),
  ]);
  return {
    models: models.map(({ index }) => index),
    num_models: models.length,
    ...normFields(policy),
    ...Object.fromEntries(fields),
  };
}

/** In the units of evaluation: examples times points. Recording costs about two points per model. */
function alignmentCost({ params, models, data, pairs }: Job): number {
  if (params.align === 'activation') return 2 * models.length * data.splits.get(params.alignSplit)!.count;
  return params.align === 'none' ? 0 : params.restarts * pairs.length * 2000;
}

/** Tells of progress in the units of evaluation. */
interface Meter {
  advance(units: number, message: string): void;
}

function meterOf(job: Job): Meter {
  const { params, models, pairs, context } = job;
  const points = models.length + pairs.length * (params.steps - 1) + (params.midpoint ? 1 : 0);
  const again = job.norms ? models.length * (examplesPerPoint(job) - (job.norms.train?.count ?? 0)) : 0;
  const total = examplesPerPoint(job) * points + again + alignmentCost(job);
  return {
    advance: (units, message) => {
      context.advance(units / total, message);
    },
  };
}
