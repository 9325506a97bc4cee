/** Which swaps and rescalings of neurons leave a trained network of a family as it is: counted, and compared with theory. */
import { rowsOf as checkpointRows } from '../../../src-shared/jobs/layer-measures.ts';
import type { Matrix } from '../../../src-shared/matrix.ts';
import { countAsExpected, movesAsExpected } from '../../../src-shared/verdicts/symmetry-studies.ts';
import type { AllOrNone } from '../../../src-shared/verdicts/symmetry-studies.ts';
import type { ExperimentRow, ExperimentSize, ExperimentWork, Limit } from './experiment.ts';

interface Family {
  name: string;
  /** Of the run. */
  key: string;
  presets: Record<ExperimentSize, string>;
  /** Which swaps of hidden neurons cost nothing; null: their costs see the weights alone, not the gate. */
  swaps: AllOrNone | null;
  /** Does the best permutation between two networks move the neurons? null: nothing is expected. */
  moves: AllOrNone | null;
  /** Which neurons can be rescaled, if the activation passes one on? */
  factors: AllOrNone;
  why: { swaps: string; factors: string };
}

const families: readonly Family[] = [
  {
    ...{ name: 'standard', key: 'standard', presets: { quick: 'standard-small', paper: 'mlp_symmetry0' } },
    ...{ swaps: 'all', moves: 'all', factors: 'all' },
    why: { swaps: 'permutations are symmetries', factors: 'ReLU' },
  },
  {
    ...{ name: 'W-asymmetric σ_F=0', key: 'w0' },
    presets: { quick: 'w-asymmetric-zero-small', paper: 'mlp_symmetry1_kappa0' },
    ...{ swaps: 'none', moves: null, factors: 'all' },
    why: { swaps: 'masks differ', factors: 'ReLU, and fixed weights of 0 stay 0' },
  },
  {
    ...{ name: 'W-asymmetric σ_F=1', key: 'w1' },
    presets: { quick: 'w-asymmetric-small', paper: 'mlp_symmetry1_kappa1' },
    ...{ swaps: 'none', moves: 'none', factors: 'none' },
    why: { swaps: 'fixed weights differ', factors: 'fixed weights cannot be rescaled' },
  },
  {
    ...{ name: 'SYRE σ_F=1', key: 'syre', presets: { quick: 'syre-small', paper: 'mlp_symmetry3_kappa1' } },
    ...{ swaps: 'none', moves: 'none', factors: 'all' },
    why: { swaps: 'fixed weights differ', factors: 'ReLU, and free weights absorb the fixed ones' },
  },
];

const gated: Family = {
  ...{ name: 'sigma-asymmetric', key: 'sigma' },
  presets: { quick: 'sigma-asymmetric-small', paper: 'mlp_symmetry2' },
  ...{ swaps: null, moves: 'none', factors: 'none' },
  why: { swaps: '-', factors: 'a gate passes no factor on' },
};

const settings: Record<ExperimentSize, { activations: readonly string[]; epochs: number; data: string }> = {
  quick: { activations: ['relu', 'gelu'], epochs: 3, data: 'mnist-10k' },
  paper: { activations: ['relu', 'gelu', 'tanh'], epochs: 100, data: 'mnist' },
};

const activationNames: Record<string, string> = { relu: 'ReLU', gelu: 'GELU' };

/** A family with an activation. */
export interface Place extends Family {
  /** Null: the family's own. */
  activation: string | null;
}

export function familyPlaces(size: ExperimentSize): Place[] {
  const { activations } = settings[size];
  return [
    ...families.flatMap((family) =>
      activations.map((activation): Place => ({
        ...family,
        activation,
        ...(activation !== 'relu' && {
          factors: 'none' as const,
          why: { ...family.why, factors: `${activationNames[activation] ?? activation} passes no factor on` },
        }),
      })),
    ),
    { ...gated, activation: null },
  ];
}

interface Count {
  free: number;
  all: number;
}

export interface FamilySymmetry {
  place: Place;
  /** Family and activation. */
  label: string;
  /** Pairs of hidden neurons whose swap costs nothing, in the first network. */
  swaps: Count;
  /** Hidden neurons of the first network that can be rescaled. */
  factors: Count;
  /** Hidden neurons that the best permutation from the first network to the second moves. */
  moved: Count;
  /** What swapping two neurons of the first hidden layer costs. */
  costs: Matrix;
}

/** Trains two networks and looks for what leaves the first as it is, and for what leads from it to the second. */
export async function measureFamily(
  work: ExperimentWork,
  place: Place,
  share: number,
): Promise<FamilySymmetry> {
  const { activation, name, key } = place;
  const { data } = settings[work.size];
  const epochs = epochsOf(work.size, work.limit);
  const label = activation === null ? name : `${name}, ${activationNames[activation] ?? activation}`;
  const trained = await work.train(
    place.presets[work.size],
    [
      ...(activation === null ? [] : [`model.activation=${activation}`]),
      ...[`dataset=${data}`, 'optimizer=adamw', 'num_models=2', `seed=${work.seed}`],
      ...[`training.num_epochs=${epochs}`, `training.save_every=${epochs}`],
      `experiment_name=symmetries-${key}${activation === null ? '' : `-${activation}`}`,
    ],
    `training 2 networks, ${label}`,
    0.6 * share,
  );
  const at = { run: trained.run_directory, epoch: epochs };
  const one = { ...at, models: [1], randomCount: 0 };
  const costs = await work.run('permutation-sensitivity', one, `${label}: swaps`, 0.2 * share);
  const two = { ...at, models: [1, 2], steps: 4, seed: work.seed };
  const found = await work.run('detect-symmetry', two, `${label}: group elements`, 0.2 * share);
  const hidden = checkpointRows(costs)[0]!.sensitivity_results.slice(0, -1);
  const neurons = hidden.reduce((sum, layer) => sum + layer.neurons, 0);
  // Factors of neurons that may not move are exactly 1; without any neuron that may, there are no factors at all.
  const factors = found.group_elements.flat(2);
  const permutations = found.permutations ?? [];
  return {
    ...{ place, label, costs: hidden[0]!.transposition_cost_squared },
    swaps: {
      free: hidden.reduce((sum, { transpositions: t }) => sum + t.count - t.positive - t.negative, 0),
      all: hidden.reduce((sum, { transpositions: t }) => sum + t.count, 0),
    },
    factors: { free: factors.filter((factor) => factor !== 1).length, all: neurons },
    moved: {
      free: permutations.reduce((sum, p) => sum + p.filter((i, j) => i !== j).length, 0),
      all: neurons,
    },
  };
}

const epochsOf = (size: ExperimentSize, { epochs = Infinity }: Limit): number =>
  Math.min(settings[size].epochs, epochs);

const ofAll = ({ free, all }: Count): string =>
  `${free.toLocaleString('en-US')} of ${all.toLocaleString('en-US')}`;

/** What the theory says of a count. */
const expectedText = (expected: AllOrNone, all: number, why: string): string =>
  `${expected === 'all' ? all.toLocaleString('en-US') : '0'} (${why})`;

export function rowsOfFamily({ place, label, swaps, factors, moved }: FamilySymmetry): ExperimentRow[] {
  return [
    {
      what: `${label}: swaps of two hidden neurons that cost nothing`,
      expected: place.swaps === null ? '-' : expectedText(place.swaps, swaps.all, place.why.swaps),
      measured: place.swaps === null ? 'not measured: costs do not see the gate' : ofAll(swaps),
      holds: place.swaps === null ? null : countAsExpected(swaps, place.swaps),
      data: { family: place.key, activation: place.activation, swaps, factors, moved },
    },
    {
      what: `${label}: hidden neurons that can be rescaled`,
      expected: expectedText(place.factors, factors.all, place.why.factors),
      measured: ofAll(factors),
      holds: countAsExpected(factors, place.factors),
    },
    {
      what: `${label}: hidden neurons that the best permutation to another network moves`,
      expected:
        place.moves === null ? '-' : place.moves === 'all' ? 'most: their order is one of chance' : 'none',
      measured: ofAll(moved),
      holds: place.moves === null ? null : movesAsExpected(moved, place.moves),
    },
  ];
}
