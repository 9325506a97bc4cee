/**
 * Which symmetries do trained networks have? Group elements between minima of small networks, against what the theory
 * expects of them; and, family by family, which swaps and rescalings of neurons leave a trained network as it is.
 */
import { packMatrix, type FigureRecipe } from '../../../src-shared/figures/index.ts';
import type { JobParamsInput, JobResult } from '../../../src-shared/jobs/index.ts';
import { present } from '../../../src-shared/presentations/index.ts';
import { together } from '../../../src-shared/verdicts/rules.ts';
import { detectSymmetryFinding } from '../../../src-shared/verdicts/symmetry.ts';
import {
  orbitFound,
  pathsAsSigns,
  sameOrbit,
  shareAsTheory,
} from '../../../src-shared/verdicts/symmetry-studies.ts';
import { shown } from '../../../src-shared/shown.ts';
import type { Experiment, ExperimentRow, ExperimentSize, ExperimentWork } from './experiment.ts';
import { familyPlaces, measureFamily, rowsOfFamily, type FamilySymmetry } from './family-symmetries.ts';
import { figuresOf } from './figures.ts';
import { cutList } from './limit.ts';
import { seedsFrom } from './seeds.ts';

interface Setting {
  /** Depths of the small networks. */
  layers: readonly number[];
  width: number;
  /** Pairs of independent linear minima per depth, and of other small networks. */
  pairs: number;
  few: number;
}

const settings: Record<ExperimentSize, Setting> = {
  quick: { layers: [2, 3], width: 4, pairs: 16, few: 3 },
  paper: { layers: [2, 3, 4], width: 6, pairs: 200, few: 20 },
};

type Detected = JobResult<'detect-symmetry'>;
type Question = Pick<JobParamsInput<'detect-symmetry'>, 'activation' | 'second'>;

interface Found {
  layers: number;
  /** First moved along its orbit, then found again. */
  planted: Record<'linear' | 'relu', Detected[]>;
  independent: Record<'linear' | 'relu', Detected[]>;
}

async function detect(work: ExperimentWork, layers: number, share: number): Promise<Found> {
  const { width, pairs, few } = settings[work.size];
  const all = async (question: Question, count: number): Promise<Detected[]> => {
    const results: Detected[] = [];
    for (const seed of seedsFrom(work.seed, count)) {
      const message = `${layers} ${question.activation} layers: group elements between minima`;
      const part = share / (3 * few + pairs);
      results.push(await work.run('detect-symmetry', { ...question, layers, width, seed }, message, part));
    }
    return results;
  };
  return {
    layers,
    planted: {
      linear: await all({ activation: 'linear', second: 'orbit' }, few),
      relu: await all({ activation: 'relu', second: 'orbit' }, few),
    },
    independent: {
      linear: await all({ activation: 'linear', second: 'independent' }, pairs),
      relu: await all({ activation: 'relu', second: 'independent' }, few),
    },
  };
}

function foundText(results: readonly Detected[]): string {
  const residuals = results.map(({ relative_residual: r }) => r);
  const found = residuals.filter((r) => r <= sameOrbit).length;
  return `in ${found} of ${results.length}; what is left is at most ${shown(Math.max(...residuals))} of the norm`;
}

function rowsOfSmall({ layers, planted, independent }: Found): ExperimentRow[] {
  const { linear, relu } = independent;
  const same = linear.filter(({ path_found }) => path_found).length;
  const theory = 0.5 ** (layers - 1);
  const left = relu.map(({ barrier_before, barrier_after }) => barrier_after / barrier_before);
  return [
    ...(['linear', 'relu'] as const).map((activation) => ({
      what: `${layers} ${activation === 'relu' ? 'ReLU' : 'linear'} layers: a network moved along its orbit, found again`,
      expected: 'always: the second network is the image of the first',
      measured: foundText(planted[activation]),
      holds: orbitFound(planted[activation]),
    })),
    {
      what: `${layers} linear layers: independent minima lie on one orbit of GL`,
      expected: 'always (Proposition 4.1)',
      measured: foundText(linear),
      holds: orbitFound(linear),
    },
    {
      what: '  the straight line between them loses its barrier',
      expected: 'a tenth is left at most',
      measured: `${linear.filter((r) => detectSymmetryFinding(r).outcome === 'yes').length} of ${linear.length}`,
      holds: together(linear.map((r) => detectSymmetryFinding(r).outcome)),
    },
    {
      what: '  a path inside the orbit joins them',
      expected: 'exactly if all det g are positive',
      measured: `${same} of ${linear.length}; ${linear.filter((r) => r.predicted_same_component).length} predicted`,
      holds: pathsAsSigns(linear),
    },
    {
      what: '  share of pairs in one component',
      expected: `${theory} = 2^-(l-1): components are as large`,
      measured: `${(same / linear.length).toFixed(2)} of ${linear.length}`,
      holds: shareAsTheory(same, linear.length, theory),
    },
    {
      what: `${layers} ReLU layers: independent minima, share of the barrier left after permutation and factors`,
      expected: '- (other minima than those of one orbit)',
      measured: `${shown(Math.min(...left))} to ${shown(Math.max(...left))}`,
      holds: null,
    },
  ];
}

/** Swap costs of the families with ReLU: nothing but zeros if permutations are symmetries. */
function familyFigure(all: readonly FamilySymmetry[]): FigureRecipe<'matrix'> {
  return {
    kind: 'matrix',
    data: {
      rows: [
        all
          .filter(({ place }) => place.activation === 'relu')
          .map(({ label, costs }) => ({ title: label, matrix: packMatrix(costs) })),
      ],
      ...{ valueLabel: 'swap cost, first layer', scale: 'signed-sqrt', share: 'all', across: 2 },
    },
    options: { size: 'double' },
    caption:
      'What swapping two neurons of the first hidden layer of a trained network costs: nothing if permutations are symmetries of its family.',
  };
}

export const experiment: Experiment = {
  title: 'Symmetries found in trained networks',
  paper: {
    says: 'Minima of linear networks lie on one orbit of GL, in components told by the signs of det g. ReLU networks keep permutations and positive factors. Fixed weights are to leave no exact symmetry: standard networks have all permutations, W-asymmetric and SYRE ones of σ_F > 0 none.',
    source:
      'Zhao, Dehmami, Walters, Yu (arXiv 2505.23681), Sections 4 and 5; the families of neuron-identifiability. Counts follow from docs/symmetry.md.',
  },
  sizes: {
    quick: {
      setting:
        'linear and ReLU networks of 2 and 3 layers of width 4, 16 pairs of linear minima and 3 of the others; five families of MLPs 784-64-64-64-10 with ReLU and GELU on the embedded digits, 3 epochs, 2 networks each',
      ...{ seconds: 40, memoryMiB: 1050, known: 'measured' },
    },
    paper: {
      setting:
        'linear and ReLU networks of 2 to 4 layers of width 6, 200 pairs of linear minima and 20 of the others; five families of MLPs 784-512-512-512-10 with ReLU, GELU and tanh on MNIST, 100 epochs, 2 networks each',
      ...{ seconds: 90_000, memoryMiB: 3072, known: 'estimated' },
      remark: 'The grid is ours: the papers have theorems here.',
    },
  },
  limits: ['epochs', 'settings'],
  async run(work) {
    const layers = cutList(settings[work.size].layers, work.limit);
    const places = cutList(familyPlaces(work.size), work.limit);
    const small: Found[] = [];
    for (const depth of layers) small.push(await detect(work, depth, 0.3 / layers.length));
    const families: FamilySymmetry[] = [];
    for (const place of places) families.push(await measureFamily(work, place, 0.7 / places.length));
    return {
      rows: [...small.flatMap(rowsOfSmall), ...families.flatMap(rowsOfFamily)],
      figures: {
        ...figuresOf(present('detect-symmetry', small[0]!.independent.linear[0]!)),
        'family-symmetries': familyFigure(families),
      },
    };
  },
};
