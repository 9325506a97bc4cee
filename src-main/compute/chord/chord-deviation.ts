/**
 * Kind `chord-deviation`: sup over lambda of the L2 distance between relu(((1 - lambda) A + lambda B) x) and the chord
 * (1 - lambda) relu(A x) + lambda relu(B x), A and B = fixed + trained part, over beta = |trained Sigma^(1/2)|_F /
 * |fixed Sigma^(1/2)|_F of the larger one.
 */
import { UserError } from '../../../src-shared/errors.ts';
import type { chordDeviationJob } from '../../../src-shared/jobs/chord-deviation.ts';
import type { ParamsOf, ResultOf } from '../../../src-shared/jobs/define.ts';
import { checkpointCancel, ProgressMeter } from '../context.ts';
import type { Compute } from '../context.ts';
import { RandomStream } from '../random.ts';
import { drawLayers, layerPair, subspaceRoot } from './layers.ts';
import { ChordSums, exactDeviation, logSlope } from './measure.ts';

type Params = ParamsOf<typeof chordDeviationJob>;
type Result = ResultOf<typeof chordDeviationJob>;
type Curve = Result['curves'][number];

const examplesAtOnce = 2048;

export const chordDeviation: Compute<Params, Result> = async (params, context) => {
  const began = performance.now();
  const betas = [...new Set(params.betas)].sort((a, b) => a - b);
  if (betas.length < 2) throw new UserError('betas: at least two different values are needed for a slope.');
  const root = subspaceRoot(params.ambient, params.intrinsic, params.seed);
  const meter = new ProgressMeter(context, params.pairs * params.samples);
  const curves: Curve[] = [];
  for (let pair = 0; pair < params.pairs; pair++) {
    curves.push(
      await measureCurve(params, betas, root, pair, async (examples) => {
        meter.advance(examples, `pair ${pair + 1} of ${params.pairs}`);
        await checkpointCancel(context);
      }),
    );
  }
  const mean = (of: (curve: Curve) => number[]): number[] =>
    betas.map((_, i) => curves.reduce((sum, curve) => sum + of(curve)[i]!, 0) / curves.length);
  return {
    betas,
    curves,
    slope: logSlope(
      betas,
      mean((curve) => curve.deviations),
    ),
    exact_slope: logSlope(
      betas,
      mean((curve) => curve.exact_deviations),
    ),
    expected_slope: 1.5,
    samples: params.samples,
    seed: params.seed,
    seconds: (performance.now() - began) / 1000,
  };
};

async function measureCurve(
  params: Params,
  betas: number[],
  root: Float64Array,
  index: number,
  tick: (examples: number) => Promise<void>,
): Promise<Curve> {
  const { intrinsic, samples, seed, width } = params;
  const lambdas = Array.from({ length: params.lambdaSteps }, (_, i) => i / (params.lambdaSteps - 1));
  const pair = layerPair(drawLayers(params, seed, index), root, params);
  const sums = new ChordSums(betas, lambdas);
  const stream = new RandomStream(seed, 'chord-deviation', index, 'examples');
  for (let done = 0; done < samples;) {
    const count = Math.min(examplesAtOnce, samples - done);
    const latents = Float64Array.from({ length: count * intrinsic }, () => stream.normal());
    sums.add(pair, latents, count, intrinsic);
    done += count;
    await tick(count);
  }
  const found = betas.map((_, i) => sums.largest(i, width));
  const none = betas.find((_, i) => found[i]!.deviation === 0);
  if (none !== undefined) {
    throw new UserError(
      `betas: at ${none}, no sign changes on any of ${samples} examples, so there is no deviation to measure.`,
      {
        hint: 'Use more samples, more neurons (width), or a larger beta.',
      },
    );
  }
  const deviations = found.map(({ deviation }) => deviation);
  const exact = betas.map((beta) => exactDeviation(pair, beta, intrinsic, lambdas));
  return {
    deviations,
    exact_deviations: exact,
    relative_deviations: deviations.map((deviation) => deviation / sums.outputNorm()),
    lambdas: found.map(({ lambda }) => lambda),
    crossings: found.map(({ crossings }) => crossings),
    slope: logSlope(betas, deviations),
    exact_slope: logSlope(betas, exact),
  };
}
