/** Kind `interpolate`: loss and accuracy along the segments between models. */
import { splits as allSplits } from '../../../src-shared/domain.ts';
import type { Split } from '../../../src-shared/domain.ts';
import type { ParamsOf, ResultOf } from '../../../src-shared/jobs/define.ts';
import type { Interpolation, interpolateJob } from '../../../src-shared/jobs/interpolate.ts';
import { alignmentNote, alignPairs, namedPermutations } from '../alignment/align-pairs.ts';
import type { PairAlignment } from '../alignment/align-pairs.ts';
import { permuteNetwork } from '../alignment/spec.ts';
import { loadAnalysisData } from '../analysis-data.ts';
import type { AnalysisData } from '../analysis-data.ts';
import { backendInfo } from '../backend/info.ts';
import type { Backend, Tensor2D } from '../backend/index.ts';
import { storedValAccuracy } from '../checkpoints.ts';
import type { LoadedModel } from '../checkpoints.ts';
import { checkpointCancel, ProgressMeter } from '../context.ts';
import type { Compute, ComputeContext } from '../context.ts';
import { assertSameFixedPart, numParameters } from '../models/index.ts';
import { loadPairs, pairFields, requireSameShapes } from '../pairs.ts';
import type { PairIndices } from '../pairs.ts';
import { accuracyBarrier, isLinear, lambdasOf, lossBarrier } from './barrier.ts';
import {
  largeRescaling,
  networkDistance,
  networkParameters,
  rescalingOf,
  stateDistance,
} from './distance.ts';
import { requireEndpoints } from './endpoints.ts';
import { evaluatePoints } from './points.ts';
import type { Point, PointScores, Vertex } from './points.ts';

type Params = ParamsOf<typeof interpolateJob>;
type Result = ResultOf<typeof interpolateJob>;

/** What every pair of the job shares. */
interface Job {
  params: Params;
  context: ComputeContext;
  backend: Backend;
  models: LoadedModel[];
  pairs: PairIndices[];
  data: AnalysisData;
  inputs: Map<Split, Tensor2D>;
}

export const interpolate: Compute<Params, Result> = async (params, context) => {
  const { models, pairs, warnings } = loadPairs(params);
  requireSameShapes(models);
  for (const [a, b] of pairs) assertSameFixedPart(models[a]!, models[b]!);
  const wanted = params.align === 'activation' ? [...params.splits, params.alignSplit] : params.splits;
  const data = await loadAnalysisData(models[0]!.run, params.data, wanted);
  const backend = await context.backend();
  const inputs = new Map(
    [...data.splits].map(([split, { x, count, features }]) => [
      split,
      backend.tf.tensor2d(x, [count, features]),
    ]),
  );
  try {
    return await run({ params, context, backend, models, pairs, data, inputs }, warnings);
  } finally {
    backend.tf.dispose([...inputs.values()]);
  }
};

async function run(job: Job, warnings: string[]): Promise<Result> {
  const { params, models, pairs, data } = job;
  const plan = planPoints(job);
  const meter = meterOf(job, plan.points.length);
  const alignments = await alignPairs(params, {
    ...job,
    inputs: () => job.inputs.get(params.alignSplit)!,
    advance: (share) => {
      meter.advance(share * alignmentCost(job), 'aligning');
    },
  });
  const vertices = verticesOf(job, alignments);
  requireEndpoints(job.backend, vertices, endsOf(job, alignments), job.inputs.get(params.splits[0]!)!);
  const points = alignments ? withPermutedEnds(plan.points, models.length) : plan.points;
  const scores = new Map<Split, PointScores[]>();
  for (const split of allSplits.filter((s) => params.splits.includes(s))) {
    const examples = data.splits.get(split)!;
    const between = async (share: number): Promise<void> => {
      meter.advance(share * examples.count * points.length, `evaluating ${points.length} points on ${split}`);
      await checkpointCancel(job.context);
    };
    scores.set(
      split,
      await evaluatePoints(
        job.backend,
        vertices,
        points.map(plain),
        examples,
        job.inputs.get(split)!,
        between,
      ),
    );
  }
  const rows = pairs.map((_, p) => pairResult(job, p, vertices, alignments?.[p], scores));
  const all = [
    ...warnings,
    ...dataWarnings(models),
    ...storedMetricWarnings(job, scores),
    ...rescalingWarnings(job, rows),
  ];
  const common = {
    ...(params.midpoint && { midpoint: midpointOf(job, scores, plan.points.length - 1) }),
    warnings: all,
    backend: backendInfo(job.backend),
    split_sizes: Object.fromEntries([...data.splits].map(([split, { count }]) => [split, count])),
    ...(params.align !== 'none' && { matching_seed: params.matchingSeed }),
  };
  return rows.length === 1 ? { ...rows[0]!, ...common } : { pairs: rows, ...common };
}

/** A point of the plan; `pair` says whose second model it takes part in, so that alignment can put in the permuted one. */
interface PlannedPoint {
  parts: Point;
  pair?: number;
}

const plain = ({ parts }: PlannedPoint): Point => parts;

/** Each model once, then the interior of every pair's segment, then the midpoint. */
function planPoints({ params, models, pairs }: Job): { points: PlannedPoint[] } {
  const alone = models.map((_, vertex): PlannedPoint => ({ parts: [{ vertex, weight: 1 }] }));
  const interior = lambdasOf(params.steps).slice(1, -1);
  const between = pairs.flatMap(([a, b], pair) =>
    interior.map((lambda): PlannedPoint => ({
      parts: [
        { vertex: a, weight: 1 - lambda },
        { vertex: b, weight: lambda },
      ],
      pair,
    })),
  );
  const mean = models.map((_, vertex) => ({ vertex, weight: 1 / models.length }));
  return { points: [...alone, ...between, ...(params.midpoint ? [{ parts: mean }] : [])] };
}

/** The permuted second model of pair p is vertex models + p. */
function withPermutedEnds(points: readonly PlannedPoint[], models: number): PlannedPoint[] {
  return points.map((point) =>
    point.pair === undefined
      ? point
      : { ...point, parts: [point.parts[0]!, { ...point.parts[1]!, vertex: models + point.pair }] },
  );
}

function verticesOf({ models, pairs }: Job, alignments: PairAlignment[] | undefined): Vertex[] {
  const own = models.map(({ network }): Vertex => ({ network }));
  const permuted = (alignments ?? []).map(({ permutations }, p): Vertex => {
    const vertex = pairs[p]![1];
    const network = permuteNetwork(models[vertex]!.network, permutations);
    const first = permutations[0];
    return first ? { network, permutedFrom: { vertex, first } } : { network };
  });
  return [...own, ...permuted];
}

function endsOf({ models, pairs }: Job, alignments: PairAlignment[] | undefined) {
  const own = models.map(({ network, name }, vertex) => ({ vertex, network, name }));
  const permuted = (alignments ?? []).map((_, p) => {
    const { network, name } = models[pairs[p]![1]]!;
    return { vertex: models.length + p, network, name: `${name}, permuted` };
  });
  return [...own, ...permuted];
}

function pairResult(
  job: Job,
  p: number,
  vertices: readonly Vertex[],
  alignment: PairAlignment | undefined,
  scores: Map<Split, PointScores[]>,
): Interpolation {
  const { params, models, pairs } = job;
  const [i, j] = pairs[p]!;
  const [a, b] = [models[i]!, models[j]!];
  const distance = alignment
    ? networkDistance(a.network, vertices[models.length + p]!.network)
    : stateDistance(a.state, b.state);
  const parameters = alignment ? networkParameters(a.network) : numParameters(a.spec).free;
  const gated = a.network.layers.some(({ activation }) => typeof activation === 'object');
  const note = alignmentNote(params, gated);
  const first = models.length + p * (params.steps - 1);
  return {
    ...pairFields(a, b),
    lambdas: lambdasOf(params.steps),
    ...Object.assign(
      {},
      ...[...scores].map(([split, all]) =>
        curveFields(split, [all[i]!, ...all.slice(first, first + params.steps - 1), all[j]!]),
      ),
    ),
    distance,
    normalized_distance: distance / Math.sqrt(parameters),
    num_params: parameters,
    align: params.align,
    ...(params.align === 'activation' && { mode: params.mode, recording_point: params.recordingPoint }),
    ...(alignment && { permutations: namedPermutations(alignment.permutations) }),
    rescaling_ratio: rescalingOf(a.network, b.network).ratio,
    ...(note !== undefined && { note }),
  };
}

function curveFields(split: Split, curve: readonly PointScores[]) {
  const loss = curve.map((point) => point.loss);
  const accuracy = curve.map((point) => point.accuracy);
  return {
    [`${split}_loss`]: loss,
    [`${split}_accuracy`]: accuracy,
    [`${split}_barrier_height`]: accuracyBarrier(accuracy),
    [`${split}_loss_barrier`]: lossBarrier(loss),
    [`${split}_linearity`]: isLinear(accuracy),
  };
}

function midpointOf({ models }: Job, scores: Map<Split, PointScores[]>, place: number) {
  const fields = [...scores].flatMap(([split, all]) => [
    [`${split}_loss`, all[place]!.loss],
    [`${split}_accuracy`, all[place]!.accuracy],
  ]);
  return {
    models: models.map(({ index }) => index),
    num_models: models.length,
    ...Object.fromEntries(fields),
  };
}

/** The trainer stored a validation accuracy: on the same split it must come out again, to the image. */
function storedMetricWarnings({ models, data }: Job, scores: Map<Split, PointScores[]>): string[] {
  const val = scores.get('val');
  if (!val || !data.isRunSplit) return [];
  const oneImage = 100 / data.splits.get('val')!.count;
  return models.flatMap((model, i) => {
    const found = val[i]!.accuracy;
    const agrees = (percent: number): boolean => Math.abs(found - percent) <= oneImage * 1.01;
    const { name, storedAccuracy } = model;
    // Which unit it is in, many files may have to say; mostly the fraction agrees.
    if (storedAccuracy === undefined || agrees(storedAccuracy * 100)) return [];
    const stored = storedValAccuracy(model);
    if (stored === undefined || agrees(stored)) return [];
    return [
      `${name}: its checkpoint says validation accuracy ${stored.toFixed(3)} %, on ${data.description} it is ` +
        `${found.toFixed(3)} %. Is this the data it was trained on?`,
    ];
  });
}

function dataWarnings(models: readonly LoadedModel[]): string[] {
  const settings = ({ run }: LoadedModel): string => {
    const { name, split_seed, val_split, split_file } = run.config.dataset ?? {};
    return JSON.stringify([name, split_seed ?? null, val_split ?? null, split_file ?? null]);
  };
  const first = models[0]!;
  const other = models.find((model) => settings(model) !== settings(first));
  if (!other) return [];
  return [
    `${other.run.directory} was trained on another data set or split than ${first.run.directory}; all models are evaluated on the latter's.`,
  ];
}

function rescalingWarnings({ models, pairs }: Job, rows: readonly Interpolation[]): string[] {
  return rows.flatMap(({ rescaling_ratio }, p) => {
    if (rescaling_ratio === undefined || rescaling_ratio <= largeRescaling) return [];
    const [a, b] = pairs[p]!;
    const { where } = rescalingOf(models[a]!.network, models[b]!.network);
    return [
      `${models[a]!.name} and ${models[b]!.name}: hidden units differ in scale by a factor of ${rescaling_ratio.toFixed(1)} ` +
        `(${where}). Rescaled networks may compute the same function and still show a barrier: it means nothing here.`,
    ];
  });
}

/** In the units of evaluation: examples times points. Recording costs about two points per model. */
function alignmentCost({ params, models, data, pairs }: Job): number {
  if (params.align === 'activation') return 2 * models.length * data.splits.get(params.alignSplit)!.count;
  return params.align === 'weight' ? params.restarts * pairs.length * 2000 : 0;
}

function meterOf(job: Job, points: number): ProgressMeter {
  const examples = job.params.splits.reduce((sum, split) => sum + job.data.splits.get(split)!.count, 0);
  return new ProgressMeter(job.context, examples * points + alignmentCost(job));
}
