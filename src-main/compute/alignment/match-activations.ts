/** Kind `match-activations`: how well the neurons of two models correspond, layer by layer. */
import type { RecordingPoint } from '../../../src-shared/domain.ts';
import type { ParamsOf, ResultOf } from '../../../src-shared/jobs/define.ts';
import type {
  ActivationMatchingRow,
  matchActivationsJob,
} from '../../../src-shared/jobs/match-activations.ts';
import { loadAnalysisData } from '../analysis-data.ts';
import { backendInfo } from '../backend/info.ts';
import type { LoadedModel } from '../checkpoints.ts';
import { checkpointCancel, ProgressMeter } from '../context.ts';
import type { Compute, ComputeContext } from '../context.ts';
import { loadPairs, pairFields, requireSameShapes } from '../pairs.ts';
import { RandomStream } from '../random.ts';
import { measureLayer } from './activation-matching.ts';
import { recordMoments } from './record-moments.ts';
import type { PairMoments } from './record-moments.ts';
import { noteOf } from './similarity.ts';

type Params = ParamsOf<typeof matchActivationsJob>;
type Result = ResultOf<typeof matchActivationsJob>;

/** Works on the models as they are: for asymmetric ones a permutation is a measure here, nothing is permuted. */
export const matchActivations: Compute<Params, Result> = async (params, context) => {
  const { models, pairs, warnings } = loadPairs(params);
  requireSameShapes(models);
  const data = await loadAnalysisData(models[0]!.run, params.data, [params.alignSplit]);
  const { x: values, count, features } = data.splits.get(params.alignSplit)!;
  const backend = await context.backend();
  const meter = new ProgressMeter(context, 1);
  const points = listOf(params.recordingPoint);
  const x = backend.tf.tensor2d(values, [count, features]);
  let moments: PairMoments[];
  try {
    const networks = models.map(({ network }) => network);
    moments = await recordMoments(backend, networks, pairs, points, x, async (share) => {
      meter.advance(0.8 * share, 'comparing activations');
      await checkpointCancel(context);
    });
  } finally {
    x.dispose();
  }
  const rows: ActivationMatchingRow[] = [];
  for (const [p, [a, b]] of pairs.entries()) {
    rows.push(await rowOf(params, context, [models[a]!, models[b]!], points, moments[p]!));
    meter.advance(0.2 / pairs.length, 'matching');
  }
  const common = { warnings, backend: backendInfo(backend), matching_seed: params.matchingSeed };
  return rows.length === 1 ? { ...rows[0]!, ...common } : { pairs: rows, ...common };
};

async function rowOf(
  params: Params,
  context: ComputeContext,
  [a, b]: [LoadedModel, LoadedModel],
  points: readonly RecordingPoint[],
  moments: PairMoments,
): Promise<ActivationMatchingRow> {
  const names = { a: a.name, b: b.name };
  const modes = listOf(params.mode);
  const results: ActivationMatchingRow['matching_results'] = [];
  for (const point of points) {
    for (const mode of modes) {
      for (const [layer, ofLayer] of moments[point]!.entries()) {
        // A stream of its own for every number in the result: asking for more never changes the rest.
        const stream = new RandomStream(
          params.matchingSeed,
          'random-permutations',
          a.index,
          b.index,
          point,
          layer,
        );
        const { randomCount, withMatrices: withMatrix } = params;
        results.push(
          measureLayer(ofLayer, mode, { point, layer, names }, { randomCount, stream, withMatrix }),
        );
        await checkpointCancel(context);
      }
    }
  }
  const note = modes.map(noteOf).find((text) => text !== undefined);
  return { ...pairFields(a, b), matching_results: results, ...(note !== undefined && { note }) };
}

const listOf = <T>(value: T | T[]): T[] => (Array.isArray(value) ? [...new Set(value)] : [value]);
