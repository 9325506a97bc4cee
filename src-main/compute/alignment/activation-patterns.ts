/** Kind `activation-patterns`: how often the activations of two models have the same sign. */
import { refuseExported } from '../load-models.ts';
import { basename } from 'node:path';
import { UserError } from '../../../src-shared/errors.ts';
import type {
  ActivationPattern,
  activationPatternsJob,
  EpochPatterns,
} from '../../../src-shared/jobs/activation-patterns.ts';
import type { ParamsOf } from '../../../src-shared/jobs/define.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import type { GroupValue } from '../../../src-shared/networks/symmetries.ts';
import { loadAnalysisData } from '../analysis-data.ts';
import type { AnalysisData } from '../analysis-data.ts';
import type { Backend, Tensor3D } from '../backend/index.ts';
import { backendInfo } from '../backend/info.ts';
import { uploadExamples } from '../data/index.ts';
import { stackArrays } from '../networks/stack-arrays.ts';
import { recordingPlaces } from '../networks/recording-places.ts';
import { loadPairs, requireSameShapes } from '../pairs.ts';
import type { SelectedPairs } from '../pairs.ts';
import type { PartedCompute } from '../parts.ts';
import { epochsOf } from '../similarity/similarity.ts';
import { SignCounter } from './activation-signs.ts';
import { allNodesNote } from './align-pairs.ts';
import { eachActivations } from './record-activations.ts';

type Params = ParamsOf<typeof activationPatternsJob>;
/** The same question about one epoch. */
type EpochPart = Params & { epochs: [epoch: number] };

export const activationPatterns: PartedCompute<Params, EpochPart, EpochPatterns> = {
  plan: (params) => epochsOf(params).map((epoch) => ({ ...params, epochs: [epoch] })),

  async *measure(parts, context) {
    const backend = await context.backend();
    let data: AnalysisData | undefined;
    for (const part of parts) {
      const { run, models, pairs, split } = part;
      const [epoch] = part.epochs;
      const selected = loadPairs({ run, epoch, models, pairs });
      requireSameShapes(selected.models);
      const { run: own } = selected.models[0]!;
      refuseExported(own, 'activations are compared');
      if (symmetriesOf(own.graph).groups.length === 0) {
        throw new UserError(
          `${own.configPath} describes a network without hidden neurons: there are no activations to compare.`,
        );
      }
      data ??= await loadAnalysisData(own, part.data, [split]);
      const between = (share: number) => context.between(share, `signs of activations, epoch ${epoch}`);
      const patterns = await patternsOf(part, selected, data, backend, between);
      const isGraph = data.splits.get(split)!.edges !== undefined;
      yield {
        epoch,
        pairs: selected.pairs.map(([a, b], p) => ({
          model1_index: selected.models[a]!.index,
          model2_index: selected.models[b]!.index,
          ...{ epoch, activation_pattern_results: patterns[p]! },
        })),
        run_key: basename(own.directory),
        ...{ split, data: data.description },
        notes: [...data.warnings, ...selected.warnings, ...(isGraph ? [allNodesNote] : [])],
        backend: backendInfo(backend),
      };
    }
  },
};

/** Per pair, every recording point and group. */
async function patternsOf(
  { recordingPoint, split }: Params,
  { models, pairs }: SelectedPairs,
  data: AnalysisData,
  backend: Backend,
  between: (share: number) => Promise<void>,
): Promise<ActivationPattern[][]> {
  const points = [...new Set([recordingPoint].flat())];
  const network = models[0]!.run.graph;
  const { groups } = symmetriesOf(network);
  const places = groups.map((group) => recordingPlaces(network, group));
  const wanted = groups.map((_, g) => [...new Set(points.flatMap((point) => places[g]![point]))]);
  // Where several values hold a group's activations, each gives inputs of its own.
  const counters = points.map((point) =>
    places.map((ofGroup) => ({ values: new Set(ofGroup[point]), counter: new SignCounter(backend, pairs) })),
  );
  const count = (value: GroupValue, activations: Tensor3D): void => {
    for (const { values, counter } of counters.flat()) if (values.has(value)) counter.add(activations);
  };
  const { edges } = data.splits.get(split)!;
  const x = uploadExamples(backend, data.splits.get(split)!);
  const parameters = stackArrays(
    backend.tf,
    models.map(({ acting }) => acting),
  );
  try {
    const recorded = { network, groups, wanted, parameters, count: models.length, edges };
    await eachActivations(backend, recorded, x, count, between);
  } finally {
    backend.tf.dispose([x, ...parameters.values()]);
  }
  return pairs.map((_, p) =>
    points.flatMap((point, i) =>
      groups.map(({ name }, g) => ({
        ...{ hook_location: point, layer: name },
        ...counters[i]![g]!.counter.patternsOf(p),
      })),
    ),
  );
}
