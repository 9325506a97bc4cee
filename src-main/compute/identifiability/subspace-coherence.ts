/** Kind `subspace-coherence`: how evenly the inputs of each layer spread over the coordinates. */
import type { ParamsOf } from '../../../src-shared/jobs/define.ts';
import type { LayerCoherence, subspaceCoherenceJob } from '../../../src-shared/jobs/subspace-coherence.ts';
import { violationProbabilities } from '../../../src-shared/jobs/subspace-coherence.ts';
import type { LoadedModel } from '../checkpoints.ts';
import { anisotropy, anisotropyBound, GramMatrices } from './gram-matrices.ts';
import { layerWeights } from './layer-weights.ts';
import { measureModels } from './measure.ts';
import { coherenceOf, modelOutput } from './subspace.ts';
import type { Subspace } from './subspace.ts';

type Params = ParamsOf<typeof subspaceCoherenceJob>;

export const subspaceCoherence = measureModels<Params, { coherence_results: LayerCoherence[] }>(
  { withOutput: true },
  async ({ model, subspaces, between }) => {
    const results: LayerCoherence[] = [];
    for (const finding of subspaces) {
      const space = await finding;
      results.push(await layerCoherence(model, space, (share) => between(share / subspaces.length)));
    }
    return { coherence_results: results };
  },
);

/** The fields that describe a subspace, in the reference's names. */
export function subspaceFieldsOf(space: Subspace) {
  return {
    layer: space.place.layer,
    hook_mode: space.place.hookMode,
    subspace_coherence: coherenceOf(space),
    subspace_dimension: space.dimension,
    full_dimension: space.full,
    explained_variance_ratio: space.explained,
  };
}

async function layerCoherence(
  model: LoadedModel,
  space: Subspace,
  between: (share: number) => Promise<void>,
): Promise<LayerCoherence> {
  const fields = subspaceFieldsOf(space);
  if (space.place.layer === modelOutput) {
    const none = {
      anisotropy_operator_norms: null,
      mean_anisotropy_operator_norm: null,
      anisotropy_bounds: null,
    };
    return { ...fields, ...none };
  }
  const { outputs, mask } = layerWeights(model, space.place.layer);
  const p = mask ? mask.reduce((sum, entry) => sum + entry, 0) / mask.length : 1;
  const norms = await anisotropies(space, mask, p, outputs, between);
  // Where nothing is masked the reference puts both constants to 0: S_i = I, and there is nothing to bound.
  const [b, sigma] = mask ? [p, Math.sqrt(p * (1 - p))] : [0, 0];
  const bound = (delta: string) =>
    anisotropyBound(fields.subspace_coherence, space.dimension, Number(delta), b, sigma);
  return {
    ...fields,
    anisotropy_operator_norms: norms,
    mean_anisotropy_operator_norm: norms.reduce((sum, norm) => sum + norm, 0) / norms.length,
    anisotropy_bounds: Object.fromEntries(violationProbabilities.map((delta) => [delta, bound(delta)])),
  };
}

async function anisotropies(
  space: Subspace,
  mask: Float32Array | undefined,
  p: number,
  neurons: number,
  between: (share: number) => Promise<void>,
): Promise<number[]> {
  if (!mask) return new Array<number>(neurons).fill(0);
  const grams = new GramMatrices(space, mask);
  const norms: number[] = [];
  for (let i = 0; i < neurons; i++) {
    norms.push(anisotropy(grams.of(i), space.dimension, p));
    await between(1 / neurons);
  }
  return norms;
}
