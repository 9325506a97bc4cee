/** With a large fixed part the identity matches two networks' neurons about as well as the best permutation. */
import type { FigureRecipe } from '../../../src-shared/figures/index.ts';
import type { LayerMatching } from '../../../src-shared/jobs/pairs.ts';
import { spread } from '../demo/summary.ts';
import type { Experiment, ExperimentRow, ExperimentWork } from './experiment.ts';

const settings = {
  quick: {
    source: 'w-asymmetric-small',
    layers: 4,
    epochs: 8,
    models: 3,
    saveEvery: 2,
    sigmas: [0, 0.5, 1, 2],
    data: 'mnist-10k',
  },
  paper: {
    source: 'w-asymmetric',
    layers: 4,
    epochs: 100,
    models: 4,
    saveEvery: 10,
    sigmas: [0, 0.25, 0.5, 1, 2],
    data: 'mnist',
  },
} as const;

/** Of one run at one epoch: per layer, the objectives of every pair. */
type Objectives = Map<string, LayerMatching['objectives'][]>;

async function objectivesOf(
  work: ExperimentWork,
  run: string,
  epoch: number,
  share: number,
): Promise<Objectives> {
  const params = { run, epoch, matchingSeed: work.seed, randomCount: 20 };
  const result = await work.run('match-activations', params, `matching activations at epoch ${epoch}`, share);
  const pairs = 'pairs' in result ? result.pairs : [result];
  const byLayer: Objectives = new Map();
  for (const { layer, objectives } of pairs.flatMap((pair) => pair.matching_results)) {
    byLayer.set(layer, [...(byLayer.get(layer) ?? []), objectives]);
  }
  return byLayer;
}

/** One panel per layer; `found` one entry per place on the x axis. */
function figureOf(
  axis: 'epoch' | 'sigma_F',
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
function identityPlace(found: Objectives): number {
  const places = [...found.values()].flatMap((pairs) =>
    pairs.map((o) => (o.identity - o.random_mean) / (o.optimal - o.random_mean)),
  );
  return spread(places).mean;
}

export const experiment: Experiment = {
  title: 'Matching objective over the fixed weight scale',
  async run(work) {
    const { source, layers, epochs, models, saveEvery, sigmas, data } = settings[work.size];
    const overSigma: Objectives[] = [];
    const epochsSeen = Array.from({ length: epochs / saveEvery + 1 }, (_, i) => i * saveEvery);
    const overEpochs: Objectives[] = [];
    const share = 1 / sigmas.length;
    for (const sigma of sigmas) {
      const overrides = [
        `dataset=${data}`,
        ...Array.from(
          { length: layers },
          (_, i) => `model.mask_params.linear_mask_params_${i}.mask_constant=${sigma}`,
        ),
        ...[`num_models=${models}`, `training.num_epochs=${epochs}`, `training.save_every=${saveEvery}`],
        ...[`seed=${work.seed}`, `experiment_name=matching-sigma${sigma}`],
      ];
      const message = `training ${models} networks, σ_F = ${sigma}`;
      const { run_directory: run } = await work.train(source, overrides, message, 0.8 * share);
      const watched = sigma === 1 ? epochsSeen : [epochs];
      for (const epoch of watched) {
        const found = await objectivesOf(work, run, epoch, (0.2 * share) / watched.length);
        if (sigma === 1) overEpochs.push(found);
        if (epoch === epochs) overSigma.push(found);
      }
    }
    const places = overSigma.map(identityPlace);
    const rows: ExperimentRow[] = sigmas.map((sigma, i) => ({
      what: `identity between chance (0) and the optimum (1), σ_F = ${sigma}`,
      expected: sigma === 0 ? 'near chance' : '-',
      measured: places[i]!.toFixed(2),
      holds: sigma === 0 ? places[i]! < 0.3 : null,
    }));
    rows.push({
      what: 'the same over growing σ_F',
      expected: 'rises towards the optimum',
      measured: `${places[0]!.toFixed(2)} to ${places.at(-1)!.toFixed(2)}`,
      holds:
        places.every((place, i) => i === 0 || place > places[i - 1]! - 0.02) &&
        places.at(-1)! > places[0]! + 0.3,
    });
    return {
      rows,
      figures: {
        'matching-over-sigma': figureOf('sigma_F', sigmas, overSigma),
        'matching-over-epochs': figureOf('epoch', epochsSeen, overEpochs),
      },
    };
  },
};
