/** Networks of several fixed parts, and how well the identity matches their neurons: what sweeps over them share. */
import type { FigureRecipe } from '../../../src-shared/figures/index.ts';
import type { LayerMatching } from '../../../src-shared/jobs/pairs.ts';
import { placeBetween } from '../../../src-shared/verdicts/matching.ts';
import { spread } from '../demo/summary.ts';
import type { ExperimentWork } from './experiment.ts';

export interface MatchingSetting {
  /** Preset of W-asymmetric networks. */
  source: string;
  /** Inputs of each layer. */
  inputs: readonly number[];
  epochs: number;
  models: number;
  saveEvery: number;
  data: string;
}

/** sigma_F, and the fixed share of every neuron's weights; absent: as the preset has it. */
export interface FixedPart {
  sigma: number;
  share?: number;
}

/** Trains networks of one fixed part. Returns the run. */
export async function trainFixed(
  work: ExperimentWork,
  setting: MatchingSetting,
  { sigma, share }: FixedPart,
  part: number,
): Promise<string> {
  const { source, inputs, epochs, models, saveEvery, data } = setting;
  const name = share === undefined ? `sigma${sigma}` : `sigma${sigma}-fixed${share}`;
  const overrides = [
    `dataset=${data}`,
    `sigma_f=${sigma}`,
    ...(share === undefined
      ? []
      : [`num_fixed=[${inputs.map((count) => Math.round(share * count)).join()}]`]),
    ...[`num_models=${models}`, `training.num_epochs=${epochs}`, `training.save_every=${saveEvery}`],
    ...[`seed=${work.seed}`, `experiment_name=matching-${name}`],
  ];
  const trained = await work.train(source, overrides, `training networks, ${name}`, part);
  return trained.run_directory;
}

/** Of one run at one epoch: per layer, the objectives of every pair. */
export type Objectives = Map<string, LayerMatching['objectives'][]>;

export async function objectivesOf(
  work: ExperimentWork,
  question: { run: string; epoch: number; randomCount: number; pairs?: [number, number][] },
  share: number,
): Promise<Objectives> {
  const params = { ...question, matchingSeed: work.seed };
  const message = `matching activations at epoch ${question.epoch}`;
  const result = await work.run('match-activations', params, message, share);
  const pairs = 'pairs' in result ? result.pairs : [result];
  const byLayer: Objectives = new Map();
  for (const { layer, objectives } of pairs.flatMap((pair) => pair.matching_results)) {
    byLayer.set(layer, [...(byLayer.get(layer) ?? []), objectives]);
  }
  return byLayer;
}

/** One panel per layer; `found` one entry per place on the x axis. */
export function objectiveFigure(
  axis: 'epoch' | 'sigma_F' | 'sparsity',
  xs: readonly number[],
  found: readonly Objectives[],
): FigureRecipe<'matching-objective'> {
  const layers = [...found[0]!.keys()];
  return {
    kind: 'matching-objective',
    data: {
      axis,
      objectiveLabel: 'mean correlation of matched neurons',
      panels: layers.map((layer, l) => {
        const pairs = found[0]!.get(layer)!.length;
        const curves = (what: 'optimal' | 'identity') =>
          Array.from({ length: pairs }, (_, p) => found.map((at) => at.get(layer)![p]![what]));
        const random = found.map((at) => at.get(layer)!.flatMap((objectives) => objectives.random));
        return {
          title: `hidden layer ${l + 1}`,
          x: [...xs],
          optimal: curves('optimal'),
          identity: curves('identity'),
          random: {
            mean: random.map((values) => spread(values).mean),
            low: random.map((values) => Math.min(...values)),
            high: random.map((values) => Math.max(...values)),
          },
        };
      }),
    },
    options: { size: 'double' },
  };
}

/** Where the identity lies between chance (0) and the optimum (1), mean over layers and pairs. */
export function identityPlace(found: Objectives): number {
  return placeBetween([...found.values()].flat()) ?? NaN;
}

/** Mean over layers and pairs. */
export function meanObjectives(found: Objectives): { optimal: number; identity: number; random: number } {
  const all = [...found.values()].flat();
  const mean = (of: (objectives: LayerMatching['objectives']) => number): number =>
    all.reduce((sum, objectives) => sum + of(objectives), 0) / all.length;
  return {
    optimal: mean(({ optimal }) => optimal),
    identity: mean(({ identity }) => identity),
    random: mean(({ random_mean: random }) => random),
  };
}
