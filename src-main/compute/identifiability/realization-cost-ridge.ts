/** Kind `realization-cost-ridge`: what it costs a slot to learn another neuron's function on the data. */
import type { Execution } from '../../../src-shared/domain.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { ParamsOf } from '../../../src-shared/jobs/define.ts';
import type {
  realizationCostRidgeJob,
  RidgeLayer,
  RidgeMatrices,
  RidgePair,
} from '../../../src-shared/jobs/realization-cost-ridge.ts';
import { ridgeMatrices } from '../../../src-shared/swap-costs.ts';
import type { Backend } from '../backend/index.ts';
import { refuseBeyondLinear } from '../load-models.ts';
import type { LoadedModel } from '../load-models.ts';
import type { Examples } from '../data/index.ts';
import { tensorOf } from '../models/index.ts';
import { executionOf } from '../networks/execution.ts';
import type { Way } from '../networks/execution.ts';
import { RandomStream } from '../random.ts';
import { activationBehind, hiddenLayers, inputsOf, refuseGates, sampled } from './hidden-layers.ts';
import { layerWeights, measuredLayer } from './layer-weights.ts';
import { measureCheckpoints, selectedLayers } from './measure.ts';
import { warnings } from './realization-cost.ts';
import { descendRidge } from './ridge-adam.ts';
import { solveRidge } from './ridge-closed-form.ts';
import { storedScale } from './ridge-problem.ts';
import type { RidgeLayerProblem, RidgePairIds, RidgeTerms } from './ridge-problem.ts';

type Params = ParamsOf<typeof realizationCostRidgeJob>;

/** Tensors of one step grow with samples x pairs: chunks of pairs keep each below 64 MiB. Pairs are independent. */
const mostEntries = 2 ** 24;

export const realizationCostRidge = measureCheckpoints(
  ({ params, model, examples }: { params: Params; model: LoadedModel; examples: Examples }) => {
    refuseBeyondLinear(model.run, 'ridge costs are fitted');
    const hidden = hiddenLayers(model.run.graph);
    return {
      layers: selectedLayers(params.layers, hidden),
      examples: sampled(examples, params, 'ridge-samples'),
    };
  },
  async ({ params, model, backend, keyOf, between }, { layers, examples }) => {
    refuseGates(model);
    const inputs = inputsOf(backend, model, examples, layers);
    const found: RidgeLayer[] = [];
    const matrices: RidgeMatrices[] = [];
    const asked = layers.map((layer) => {
      const problem = problemOf(params, model, layer, inputs.get(layer)!, examples.count);
      return { layer, problem, pairs: pairsOf(params, problem.layer.outputs, layer) };
    });
    const execution = params.method === 'adam' ? descentOf(params, backend, asked) : undefined;
    for (const { layer, problem, pairs } of asked) {
      const options = { ...params, way: execution?.way ?? 'eager' };
      const terms = await solve(options, backend, problem, pairs, (share) => between(share / layers.length));
      for (const [b, beta] of params.betas.entries()) {
        const costs = pairs.map((pair, p) => pairCosts(problem, pair, terms[b]!, p, beta));
        found.push({ layer, beta, neuron_realization_costs: costs });
        const whole = params.numPairs === undefined ? ridgeMatrices(layer, beta, costs) : undefined;
        if (whole) matrices.push(whole);
      }
    }
    return {
      num_inner_descent_iterations: params.method === 'adam' ? params.iterations : 0,
      results: { [keyOf(model)]: found },
      matrices,
      ...(execution && { execution }),
      ...{
        method: params.method,
        compare: params.compare,
        warm_start: params.warmStart,
        samples: examples.count,
      },
      warnings: warnings(model),
    };
  },
);

/** Numbers at inputs and outputs of the slots, over all steps, from which on compiling is made up for: 1.5 s. */
const fewestValues = 2e8;

/** How the descent is computed, by a rule over the work of a checkpoint alone: the bits differ. */
function descentOf(
  { iterations, betas }: Params,
  backend: Backend,
  asked: readonly { problem: RidgeLayerProblem; pairs: readonly RidgePairIds[] }[],
): Execution {
  const values = asked.reduce(
    (sum, { problem, pairs }) => sum + pairs.length * (problem.samples + problem.layer.inputs),
    0,
  );
  const whole = { values: values * iterations * betas.length, fewest: fewestValues };
  return executionOf(backend, 'xla', whole);
}

function problemOf(
  { compare, method }: Params,
  model: LoadedModel,
  layer: string,
  x: Float32Array,
  samples: number,
): RidgeLayerProblem {
  const activation = compare === 'linear' ? 'identity' : activationBehind(model.run.graph, layer);
  if (method === 'closed-form' && activation !== 'identity') {
    throw new UserError(
      `method: outputs after ${activation} are not linear in the weights, so there is no closed form`,
      {
        hint: 'Compare the linear outputs (compare: linear), or use method adam.',
      },
    );
  }
  const weights = layerWeights(model, layer);
  const { weight, bias } = measuredLayer(model.run.graph, layer);
  return {
    layer: weights,
    raw: tensorOf(model.state, weight.name).data,
    bias: bias ? model.acting.get(bias.name)!.data : new Float32Array(weights.outputs),
    ...{ x, samples, activation },
  };
}

/** All ordered pairs (target, slot) of the first neurons, a neuron with itself too; or a random choice of them. */
function pairsOf({ numNeurons, numPairs, pairSeed }: Params, outputs: number, layer: string): RidgePairIds[] {
  const n = Math.min(numNeurons, outputs);
  const all = Array.from({ length: n * n }, (_, p): RidgePairIds => [Math.floor(p / n), p % n]);
  if (numPairs === undefined) return all;
  const order = new RandomStream(pairSeed, 'ridge-pairs', layer).permutation(all.length);
  return Array.from(order.subarray(0, numPairs), (p) => all[p]!);
}

async function solve(
  params: Params & { way: Way },
  backend: Backend,
  problem: RidgeLayerProblem,
  pairs: readonly RidgePairIds[],
  between: (share: number) => Promise<void>,
): Promise<RidgeTerms[]> {
  if (params.method === 'closed-form') {
    return solveRidge(problem, pairs, params.betas, between, backend.native?.doubles);
  }
  const size = Math.max(1, Math.floor(mostEntries / Math.max(problem.samples, problem.layer.inputs)));
  const parts: RidgeTerms[][] = [];
  for (let start = 0; start < pairs.length; start += size) {
    const some = pairs.slice(start, start + size);
    const share = some.length / pairs.length;
    parts.push(await descendRidge(backend, problem, some, params, (part) => between(part * share)));
  }
  const join = (b: number, name: keyof RidgeTerms) =>
    Float64Array.from(parts.flatMap((part) => Array.from(part[b]![name])));
  return params.betas.map((_, b) => ({
    mse: join(b, 'mse'),
    regularization: join(b, 'regularization'),
    slotScale: join(b, 'slotScale'),
  }));
}

function pairCosts(
  problem: RidgeLayerProblem,
  [target, slot]: RidgePairIds,
  terms: RidgeTerms,
  p: number,
  beta: number,
): RidgePair {
  const mse = terms.mse[p]! / beta;
  const regularization = terms.regularization[p]!;
  return {
    ...{ id1: target, id2: slot, objective_full: mse + regularization, objective_mse: mse },
    objective_weight_regularization: regularization,
    weight_scale_1: storedScale(problem, target),
    weight_scale_2: terms.slotScale[p]!,
  };
}
