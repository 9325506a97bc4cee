/** Kind `match-weights`: permutations that bring the second model of a pair closest to the first in weight space. */
import type { ParamsOf, ResultOf } from '../../../src-shared/jobs/define.ts';
import type { matchWeightsJob, WeightMatchingRow } from '../../../src-shared/jobs/match-weights.ts';
import type { LoadedModel } from '../load-models.ts';
import { checkpointCancel, ProgressMeter } from '../context.ts';
import type { Compute } from '../context.ts';
import { loadUsablePairs, pairFields, requireSameShapes } from '../pairs.ts';
import { requireCheckedGroups } from '../networks/check-exported.ts';
import { namedPermutations } from './align-pairs.ts';
import { matchWeights } from './weight-matching.ts';

type Params = ParamsOf<typeof matchWeightsJob>;
type Result = ResultOf<typeof matchWeightsJob>;

/** Asymmetric models are compared in effective form, their fixed weights included; C is permuted on both axes. */
export const matchWeightsOfPairs: Compute<Params, Result> = async (params, context) => {
  const { models, pairs, warnings, leftOut } = loadUsablePairs(params);
  requireSameShapes(models);
  const [{ run, acting, name }] = models as [LoadedModel];
  const backend = await context.backend();
  requireCheckedGroups(backend, run.graph, acting, name);
  const meter = new ProgressMeter(context, params.restarts * pairs.length);
  const rows: WeightMatchingRow[] = [];
  for (const [i, j] of pairs) {
    const [a, b] = [models[i]!, models[j]!];
    const found = await matchWeights(run.graph, a.acting, b.acting, {
      restarts: params.restarts,
      seed: params.matchingSeed,
      doubles: backend.native?.doubles,
      ...(params.order && { order: params.order }),
      onVisit: () => checkpointCancel(context),
      onRestart: () => {
        meter.advance(1, `matching weights of models ${a.index} and ${b.index}`);
      },
    });
    rows.push({
      ...pairFields(a, b),
      permutations: namedPermutations(found.permutations),
      sum_of_l2_norms: found.sumOfNorms,
      sum_of_l2_norms_identity: found.sumOfNormsIdentity,
      l2_per_param: found.norms,
      l2_per_param_identity: found.normsIdentity,
      restarts: found.restarts.map(({ sumOfNorms, ...rest }) => ({ sum_of_l2_norms: sumOfNorms, ...rest })),
    });
  }
  const lacking = leftOut.length > 0 && { left_out: leftOut };
  const common = { warnings, ...lacking, matching_seed: params.matchingSeed };
  return rows.length === 1 && !lacking ? { ...rows[0]!, ...common } : { pairs: rows, ...common };
};
