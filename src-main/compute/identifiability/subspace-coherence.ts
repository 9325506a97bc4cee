/** Kind `subspace-coherence`: how evenly the inputs of each layer spread over the coordinates. */
import type { ParamsOf } from '../../../src-shared/jobs/define.ts';
import type { LayerCoherence, subspaceCoherenceJob } from '../../../src-shared/jobs/subspace-coherence.ts';
import type { PatchFields } from '../../../src-shared/jobs/layer-measures.ts';
import { violationProbabilities } from '../../../src-shared/jobs/subspace-coherence.ts';
import type { Doubles } from '../backend/doubles.ts';
import type { LoadedModel } from '../load-models.ts';
import { anisotropiesOf } from './anisotropy.ts';
import type { Anisotropies } from './anisotropy.ts';
import { anisotropyBound } from './gram-matrices.ts';
import { layerWeights } from './layer-weights.ts';
import { measureModels } from './measure.ts';
import { patchCount } from './patches.ts';
import type { Patches } from './patches.ts';
import { coherenceOf, modelOutput } from './subspace.ts';
import type { Subspace } from './subspace.ts';

type Params = ParamsOf<typeof subspaceCoherenceJob>;

export const subspaceCoherence = measureModels<Params, { coherence_results: LayerCoherence[] }>(
  { withOutput: true },
  async ({ model, subspaces, doubles, between }) => {
    const results: LayerCoherence[] = [];
    for (const finding of subspaces) {
      const space = await finding;
      const part = (share: number) => between(share / subspaces.length);
      results.push(await layerCoherence(model, space, doubles, part));
    }
    return { coherence_results: results };
  },
);

/** The fields that describe a subspace, in the reference's names. */
export function subspaceFieldsOf(space: Subspace) {
  const { layer, hookMode, patches } = space.place;
  return {
    layer,
    hook_mode: hookMode,
    ...(patches && { patches: patchFields(patches, space.count) }),
    subspace_coherence: coherenceOf(space),
    subspace_dimension: space.dimension,
    full_dimension: space.full,
    explained_variance_ratio: space.explained,
  };
}

const patchFields = (patches: Patches, count: number): PatchFields => ({
  ...{ count, images: count / patchCount(patches), positions: patchCount(patches) },
  kernel: [...patches.kernel],
  stride: [...patches.stride],
  padding: [...patches.padding],
});

async function layerCoherence(
  model: LoadedModel,
  space: Subspace,
  doubles: Doubles | undefined,
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
  const norms = mask
    ? await allAnisotropies(anisotropiesOf(space, mask, p, doubles), outputs, between)
    : new Array<number>(outputs).fill(0);
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

async function allAnisotropies(
  anisotropies: Anisotropies,
  neurons: number,
  between: (share: number) => Promise<void>,
): Promise<number[]> {
  const norms: number[] = [];
  for (let from = 0; from < neurons; from += anisotropies.atOnce) {
    const to = Math.min(neurons, from + anisotropies.atOnce);
    norms.push(...anisotropies.of(from, to));
    await between((to - from) / neurons);
  }
  return norms;
}
