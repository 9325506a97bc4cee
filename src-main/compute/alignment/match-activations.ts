/** Kind `match-activations`: how well the units of two models correspond, group by group. */
import { basename } from 'node:path';
import { UserError } from '../../../src-shared/errors.ts';
import type { ParamsOf } from '../../../src-shared/jobs/define.ts';
import type {
  ActivationMatchingRow,
  MatchedGroup,
  matchActivationsJob,
  MatchedModels,
} from '../../../src-shared/jobs/match-activations.ts';
import { isExportedSpec } from '../../../src-shared/model.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import type { PermutationGroup } from '../../../src-shared/networks/symmetries.ts';
import { noteOf } from '../../../src-shared/matching-modes.ts';
import { loadAnalysisData } from '../analysis-data.ts';
import type { AnalysisData } from '../analysis-data.ts';
import type { Backend } from '../backend/index.ts';
import { backendInfo } from '../backend/info.ts';
import type { LoadedModel } from '../load-models.ts';
import { uploadExamples } from '../data/index.ts';
import { loadPairs, pairFields, requireSameShapes } from '../pairs.ts';
import type { SelectedPairs } from '../pairs.ts';
import type { PartContext, PartedCompute } from '../parts.ts';
import { savedEpochs } from '../saved-epochs.ts';
import { sigmaOf } from '../networks/effective.ts';
import { RandomStream } from '../random.ts';
import { allNodesNote } from './align-pairs.ts';
import { exportedFixedPart } from './exported-fixed-part.ts';
import { measuredGroup } from './activation-matching.ts';
import { matchRecorded } from './match-recorded.ts';
import type { PairMatching } from './match-recorded.ts';
import { NonFiniteActivations } from './neuron-similarity.ts';
import { requireCheckedGroups } from '../networks/check-exported.ts';
import { isExported } from '../networks/parameters.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';

type Params = ParamsOf<typeof matchActivationsJob>;

/** Works on the models as they are: for asymmetric ones a permutation is a measure here, nothing is permuted. */
export const matchActivations: PartedCompute<Params, Params, MatchedModels> = {
  plan: planMatching,
  async *measure(parts, context) {
    const backend = await context.backend();
    let data: { of: string; found: AnalysisData } | undefined;
    for (const params of parts) {
      const selected = loadPairs(params);
      requireSameShapes(selected.models);
      const { run } = selected.models[0]!;
      if (data?.of !== run.directory) {
        const found = await loadAnalysisData(run, params.data, [params.alignSplit]);
        data = { of: run.directory, found };
      }
      yield await matchModels(params, selected, data.found, backend, context);
    }
  },
};

/** One part per run and epoch: its models go through the data together. */
function planMatching({ groups, epochs, epoch, ...params }: Params): Params[] {
  const single = (run: string, one: number, models = params.models): Params => ({
    ...params,
    ...{ run, epoch: one, models, epochs: undefined, groups: undefined },
  });
  if (!groups) {
    const { run, models } = params;
    if (run === undefined || epochs === undefined) return [{ ...params, epoch, groups, epochs }];
    return savedEpochs(run, epochs, models).map(({ at }) => single(run, at));
  }
  const members = new Map(groups.flatMap(({ runs }) => runs).map((member) => [member.run, member]));
  const parts = [...members.values()].flatMap(({ run }) =>
    savedEpochs(run, epochs ?? [epoch!]).flatMap(({ at, models }) => {
      const wanted = wantedIn(groups, run, at, models);
      return wanted.length < 2 ? [] : [single(run, at, wanted)];
    }),
  );
  if (parts.length > 0) return parts;
  throw new UserError(
    `groups: no run of ${groups.map(({ name }) => name).join(', ')} has two models at any requested epoch.`,
    { hint: 'Pairs are formed from models of one run at the same epoch.' },
  );
}

/** Models that some group asks for at this epoch of this run. */
function wantedIn(
  groups: readonly MatchedGroup[],
  run: string,
  epoch: number,
  models: readonly number[],
): number[] {
  const members = groups.flatMap(({ runs }) => runs).filter((member) => member.run === run);
  return models.filter((model) =>
    members.some(({ only }) => only === undefined || only.some(([e, m]) => e === epoch && m === model)),
  );
}

async function matchModels(
  params: Params,
  { models, pairs, warnings }: SelectedPairs,
  data: AnalysisData,
  backend: Backend,
  context: PartContext,
): Promise<MatchedModels> {
  const points = listOf(params.recordingPoint);
  const at = `${basename(models[0]!.run.directory)}, epoch ${models[0]!.epoch ?? '?'}`;
  const examples = data.splits.get(params.alignSplit)!;
  const x = uploadExamples(backend, examples);
  const comparisons = points.flatMap((point) => listOf(params.mode).map((mode) => ({ point, mode })));
  let matchings: PairMatching[];
  try {
    const network = models[0]!.run.graph;
    if (isExported(network)) requireCheckedGroups(backend, network, models[0]!.acting, models[0]!.name);
    const { edges } = examples;
    const recording = { network, models: models.map(({ acting }) => acting), pairs, edges };
    const names = pairs.map(([a, b]) => ({ a: models[a]!.name, b: models[b]!.name }));
    matchings = await matchRecorded(backend, recording, x, { names, comparisons }, (share) =>
      context.between(0.8 * share, `comparing activations: ${at}`),
    );
  } finally {
    x.dispose();
  }
  const rows: ActivationMatchingRow[] = [];
  for (const [p, [a, b]] of pairs.entries()) {
    const between = (share: number) => context.between((0.2 * share) / pairs.length, `matching: ${at}`);
    const own = matchings.filter(({ pair }) => pair === p);
    rows.push(await rowOf(params, [models[a]!, models[b]!], own, between));
  }
  const told = examples.edges ? [...warnings, allNodesNote] : warnings;
  return { run: params.run, rows, warnings: told, backend: backendInfo(backend) };
}

async function rowOf(
  params: Params,
  [a, b]: [LoadedModel, LoadedModel],
  matchings: readonly PairMatching[],
  between: (share: number) => Promise<void>,
): Promise<ActivationMatchingRow> {
  const modes = listOf(params.mode);
  const { groups } = symmetriesOf(a.run.graph);
  const fixedParts = groups.map((group) => fixedPartOf(a, group));
  const results: ActivationMatchingRow['matching_results'] = [];
  for (const { point, mode, found } of matchings) {
    if (found instanceof NonFiniteActivations) throw found;
    for (const [g, group] of groups.entries()) {
      // A stream of its own for every number in the result: asking for more never changes the rest.
      const stream = new RandomStream(params.matchingSeed, 'random-permutations', a.index, b.index, point, g);
      const { randomCount, withMatrices: withMatrix } = params;
      const similarity = found.similarities.get(g)!;
      const optimal = found.permutations.get(g)!;
      const measured = measuredGroup(
        { similarity, optimal },
        mode,
        { point, group: group.name },
        { randomCount, stream, withMatrix },
      );
      results.push({ ...measured, ...fixedParts[g] });
      await between(1 / (matchings.length * groups.length));
    }
  }
  const note = modes.map(noteOf).find((text) => text !== undefined);
  const { directory } = a.run;
  return {
    ...pairFields(a, b),
    ...(b.run.directory === directory && { run_key: basename(directory), run_directory: directory }),
    // A declared network that was not exported fixes nothing.
    family: a.spec.architecture !== 'declared' || isExportedSpec(a.spec) ? a.spec.family : 'standard',
    matching_results: results,
    ...(note !== undefined && { note }),
  };
}

/**
 * What is fixed in the layers that make the units: sigma_F of their weights, or of their biases if only those have an F;
 * the share of their weights at zeros of D. A SYRE layer fixes a part of every weight, no share of them; what a gate
 * fixes is no weight; alpha I and given tensors are no draw and have no sigma_F.
 */
function fixedPartOf(
  { run: { graph }, state }: LoadedModel,
  group: PermutationGroup,
): { sigma_f?: number; fixed_share?: number } {
  if (isExported(graph)) return exportedFixedPart(graph, group);
  const { openedBy, values } = group;
  const opening = graph.nodes.filter(({ id }) => openedBy.includes(id));
  const weights = opening.flatMap(({ parameters }) => parameters['weight'] ?? []);
  const parts = weights.flatMap(({ family }) => family ?? []);
  const carriers = new Set(values.map(({ node }) => node));
  if (parts.length === 0 && graph.nodes.some(({ id, op }) => op === 'gate' && carriers.has(id))) return {};
  const biases = opening.flatMap(({ parameters }) => parameters['bias'] ?? []);
  const onBiases = parts.length === 0 && biases.some(({ family }) => family);
  const scales = new Set((onBiases ? biases : weights).map((parameter) => sigmaOf(graph, parameter)));
  // Several layers with fixed parts of their own have no number in common.
  if (scales.size > 1) return {};
  const only = [...scales][0] ?? 0;
  const isFixed = parts.length === 0 || parts.some(({ fixed }) => fixed);
  const sigma = scales.has(null) || !isFixed ? {} : { sigma_f: only };
  const masked = parts.some(({ mask }) => mask !== undefined);
  if (onBiases || (parts.length > 0 && !masked)) return sigma;
  const masks = parts.flatMap(({ mask }) => (mask === undefined ? [] : [state.get(mask)!.data]));
  const fixed = masks.reduce((sum, mask) => sum + mask.filter((value) => value === 0).length, 0);
  const all = weights.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  return { ...sigma, fixed_share: fixed / all };
}

const listOf = <T>(value: T | T[]): T[] => (Array.isArray(value) ? [...new Set(value)] : [value]);
