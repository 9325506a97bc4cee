/** How each kind of figure is read: what lies along its axes, and what good and bad values look like. */
import type { FigureKindName, FigureRecipe } from '../../src-shared/figures/index.ts';

export interface HowTo {
  axes: string;
  /** What a good and a bad value look like. */
  values: string;
  /** Words of the glossary. */
  terms: readonly string[];
}

const acrossCurve = 'The line is a mean, its band the spread that the caption names.';

const texts: Record<FigureKindName, HowTo> = {
  interpolation: {
    axes: 'From left to right one model turns into the other: λ = 0 is the first, λ = 1 the second, λ = 1/2 the mean of their weights. Up is the accuracy or the loss of the network at that point.',
    values:
      'A flat curve means that the two models can be merged. An accuracy that falls in the middle, or a loss that rises, is a barrier. If it disappears when the models are aligned, only the order of their neurons was different.',
    terms: ['interpolation', 'barrier', 'accuracy drop', 'aligned'],
  },
  'training-curves': {
    axes: 'Epochs of training from left to right; up is the measure that the axis names.',
    values: 'A curve that has become flat has settled: further epochs would change little.',
    terms: ['epoch', 'split', 'model'],
  },
  matrix: {
    axes: 'A row and a column for each neuron; the colour of a cell is the value for this pair, as the colour bar says.',
    values: '',
    terms: [],
  },
  'barrier-matrix': {
    axes: 'A row and a column for each model; a cell is the barrier between two of them.',
    values: 'Near zero: the two can be merged. Strong colours: a large barrier. A cross: it has no number.',
    terms: ['barrier', 'pair'],
  },
  'barrier-over-epochs': {
    axes: 'Epochs of training from left to right; up is the barrier between two models at that epoch.',
    values:
      'Zero means that the models can be merged. A barrier that grows over training means that they move into different basins.',
    terms: ['barrier', 'accuracy drop', 'epoch'],
  },
  'matching-objective': {
    axes: 'Layers or epochs from left to right; up is the mean similarity of the neurons that are matched.',
    values:
      'If the optimal permutation is no better than the identity, the neurons have kept their slots. If the identity is as low as random permutations, the slots mean nothing.',
    terms: ['matching objective', 'slot', 'neuron identifiability'],
  },
  histogram: {
    axes: 'Values from left to right; up is how many, or which share, fall into each bin.',
    values: 'Several peaks mean that the values are of several sorts.',
    terms: [],
  },
  scatter: {
    axes: 'Each point is one run or network, placed by the two measures that the axes name.',
    values:
      'Points along a rising or falling line: one measure predicts the other. A cloud without direction: it does not.',
    terms: ['barrier height', 'verdict'],
  },
  boxes: {
    axes: 'One box per layer or setting: the middle half of the values, a line at the median, a diamond at the mean, whiskers, and outliers as points.',
    values: 'Boxes that do not overlap differ clearly; a long box or many outliers mean a wide spread.',
    terms: [],
  },
  'paired-boxes': {
    axes: 'Boxes over the values of a setting: the middle half of the values, a line at the median, a diamond at the mean, whiskers, and outliers as points.',
    values: 'Boxes that move along with the setting: it makes a difference.',
    terms: [],
  },
  'bounded-curves': {
    axes: 'Epochs from left to right; up is the measure of each layer. Dashed lines are what bounds it.',
    values: 'A curve at its dashed line is as small or as large as it can be.',
    terms: ['subspace coherence', 'anisotropy'],
  },
  'measure-over-setting': {
    axes: 'A setting that was varied from left to right; up is the measure. A point is the mean over the seeds or pairs of a run, the band one standard deviation.',
    values: 'A line within the bands of another: the difference may be chance.',
    terms: ['run', 'pair'],
  },
  'gamma-out': {
    axes: 'Left: the dimension k of the input subspace; right: the number m of neurons. Both axes are logarithmic.',
    values:
      'Up is good: the centers lie far apart, and the neurons can be distinguished. Only the slope of the dashed line counts, not its height.',
    terms: ['center gap', 'center', 'input subspace'],
  },
  'coherence-barrier': {
    axes: 'Subspace coherence ν from left to right, from high to low; up is the barrier in the middle between two networks.',
    values: 'Zero means that the two can be merged.',
    terms: ['subspace coherence', 'barrier'],
  },
  'coherence-endpoints': {
    axes: 'From left to right one network turns into the other; up is the loss.',
    values: 'A flat curve: the two can be merged. A hump is a barrier.',
    terms: ['interpolation', 'subspace coherence'],
  },
  'fork-barrier': {
    axes: 'From left to right the last epoch that two children of one network share; up is the barrier between them at the end.',
    values: 'If the barrier is zero, the outcome of training no longer depends on the order of the data.',
    terms: ['barrier', 'epoch'],
  },
  'chord-deviation': {
    axes: 'Both axes are logarithmic: a power law is a straight line, and its exponent the slope.',
    values: 'Slopes near the one of the theory confirm it.',
    terms: ['chord', 'symmetry curve'],
  },
  'symmetry-curve': {
    axes: 'From left to right the way from one network to the other; up is the measure that the axis names.',
    values:
      'Along a symmetry curve the loss stays what it is at the ends: every network on it computes the same function. A straight line whose loss rises leaves the orbit.',
    terms: ['symmetry curve', 'orbit'],
  },
  'rescaling-barrier': {
    axes: 'Both axes are logarithmic: the factor of the rescaling, and the barrier that it makes.',
    values: 'The function is the same at both ends, so this barrier says nothing about what was learned.',
    terms: ['rescaling', 'barrier'],
  },
  'skip-plane': {
    axes: 'The two components that the axes name; one unit is as long on both.',
    values:
      'Points of one colour form one component: they can be joined without a loss. On the lines there are no solutions.',
    terms: [],
  },
  'plane-contour': {
    axes: 'A plane in the space of weights, through the networks that the axes name; the colour is the loss there.',
    values:
      'Dark valleys are solutions. What lies outside of the plane is projected onto it: its own loss may differ from the colour below it.',
    terms: ['symmetry curve', 'orbit'],
  },
};

/** Of matrices, by the label of their colour bar. */
const ofMatrices: readonly [RegExp, HowTo['values'], readonly string[]][] = [
  [
    /swap cost/,
    'Dark red: swapping the two neurons would cost much, they can be distinguished. White: it costs nothing, they are twins. Blue: swapping them would even save.',
    ['swap cost', 'realization cost', 'neuron identifiability'],
  ],
  [
    /ridge|cost/,
    'Bright: slot i would have to move far to compute what neuron j does. The diagonal is what each neuron costs in its own slot; a row whose lowest cost is not on the diagonal has a better slot elsewhere.',
    ['realization cost', 'ridge cost', 'slot'],
  ],
  [
    /similarity/,
    'Dark red: the two neurons behave alike on the data; white: unrelated; blue: opposite. The marks show which neuron of the second model is matched to each of the first; on the diagonal, all have kept their slots.',
    ['matching objective', 'aligned', 'slot'],
  ],
  [/distance/, 'Dark: the centers of the two neurons nearly coincide.', ['center', 'center gap']],
  [/kernel/, 'Two examples with a large value change together when the network learns one of them.', []],
];

/** Of costs of swaps, whatever the figure. */
const costs =
  'Costs far above zero: the neurons can be distinguished. At or below zero: swapping them costs nothing.';

export function howToRead({ kind, data }: Pick<FigureRecipe, 'kind' | 'data'>): HowTo {
  const text = texts[kind];
  const label = String((data as { label?: unknown }).label ?? '');
  if (kind === 'boxes' && label.includes('swap'))
    return { ...text, values: costs, terms: ['swap cost', 'neuron identifiability'] };
  if (kind !== 'matrix') {
    const withMean = ['barrier-over-epochs', 'training-curves', 'symmetry-curve'].includes(kind);
    return withMean ? { ...text, axes: `${text.axes} ${acrossCurve}` } : text;
  }
  return howToReadMatrix(String((data as { valueLabel?: unknown }).valueLabel ?? ''));
}

export function howToReadMatrix(valueLabel: string): HowTo {
  const found = ofMatrices.find(([pattern]) => pattern.test(valueLabel));
  return { axes: texts.matrix.axes, values: found?.[1] ?? '', terms: found?.[2] ?? [] };
}
