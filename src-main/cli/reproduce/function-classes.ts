/** How far the functions that one neuron can compute lie from those of another, in the four families. */
import { packMatrix } from '../../../src-shared/figures/index.ts';
import type { DemoFamily } from '../../../src-shared/demo.ts';
import { demoFamilies, demoSetting } from '../../../src-shared/demo.ts';
import type { FunctionClassLayer } from '../../../src-shared/jobs/function-classes.ts';
import { rowsOf as checkpointRows } from '../../../src-shared/jobs/layer-measures.ts';
import { functionClassesFinding } from '../../../src-shared/verdicts/identifiability.ts';
import { risesByFactor, type Outcome } from '../../../src-shared/verdicts/rules.ts';
import { trainingSeconds } from './estimate.ts';
import type {
  Experiment,
  ExperimentReport,
  ExperimentRow,
  ExperimentSize,
  ExperimentWork,
  Limit,
} from './experiment.ts';
import { cut, cutList } from './limit.ts';

interface Setting {
  epochs: number;
  models: number;
  neurons: number;
  /** Draws per pair. */
  draws: number;
  /** Of Adam per draw. */
  steps: number;
  /** Absent: all of the val split. */
  samples?: number;
}

const settings: Record<ExperimentSize, Setting> = {
  quick: { epochs: 5, models: 1, neurons: 8, draws: 4, steps: 1000, samples: 400 },
  paper: { epochs: 100, models: 1, neurons: 64, draws: 100, steps: 3000 },
};

/** Descents take most of the time by far: a limit to fewer epochs cuts their draws and steps in the same measure. */
export function limited(size: ExperimentSize, limit: Limit): Setting {
  const whole = settings[size];
  const some = cut(whole, limit);
  const part = (count: number): number => Math.ceil((count * some.epochs) / whole.epochs);
  return { ...some, draws: part(whole.draws), steps: part(whole.steps) };
}

/** Medians that the authors' figure shows, over 64 x 63 ordered pairs of one layer of 512 units. */
const authors: Record<string, number> = {
  standard: 0.274,
  'W-asymmetric σ_F=0': 0.957,
  'W-asymmetric σ_F=1': 3.89,
  'SYRE σ_F=1': 15.7,
};

/** Medians of single networks: a difference counts from this factor on. */
const clearly = 1.25;

interface Measured {
  family: DemoFamily;
  layers: FunctionClassLayer[];
}

async function measure(work: ExperimentWork, family: DemoFamily, share: number): Promise<Measured> {
  const { epochs, models, neurons, draws, steps, samples } = limited(work.size, work.limit);
  const demo = demoSetting(work.size === 'paper' ? 'paper' : 'demo', { seed: work.seed, epochs, models });
  const trained = await work.train(
    demo.preset(family),
    [...demo.overrides, `experiment_name=classes-${family.presets.small}`],
    `training a ${family.name} network`,
    0.1 * share,
  );
  const result = await work.run(
    'function-classes',
    {
      ...{ run: trained.run_directory, models: [1], epoch: epochs },
      ...{ numNeurons: neurons, outerSamples: draws, iterations: steps },
      ...{ drawSeed: work.seed, sampleSeed: work.seed, ...(samples !== undefined && { samples }) },
    },
    `${family.name}: function classes`,
    0.9 * share,
  );
  return { family, layers: checkpointRows(result)[0]!.function_class_results };
}

const inverse: Record<Outcome, Outcome> = {
  ...{ yes: 'no', no: 'yes', partly: 'partly', 'not clear': 'not clear' },
};

function rowsOf({ family: { name, sigmaF }, layers }: Measured): ExperimentRow[] {
  const medians = (of: 'others' | 'own'): string => layers.map((l) => l[of].median.toPrecision(3)).join(', ');
  const { outcome } = functionClassesFinding(layers);
  const apart = sigmaF !== null && sigmaF > 0;
  // Only the masks differ there: which weights are 0.
  const open = sigmaF === 0;
  return [
    {
      what: `${name}: median distance of different neurons, per hidden layer`,
      expected: `${authors[name]} (one layer of 512 units, MNIST)`,
      measured: medians('others'),
      holds: null,
      data: { family: name, layers: layers.map(({ layer, others, own }) => ({ layer, others, own })) },
    },
    {
      what: `${name}: the same of a neuron from itself`,
      expected: 'what the descents leave over',
      measured: medians('own'),
      holds: null,
    },
    {
      what: `${name}: neurons can compute functions that others cannot`,
      expected: open ? '-' : apart ? 'yes' : 'no: nothing is fixed',
      measured: outcome,
      holds: open ? null : apart ? outcome : inverse[outcome],
    },
  ];
}

/** Do the medians rise from family to family? One row per hidden layer; the authors show one of them. */
function orderRows(measured: readonly Measured[]): ExperimentRow[] {
  return measured[0]!.layers.map(({ layer }, l) => {
    const medians = measured.map(({ layers }) => layers[l]!.others.median);
    return {
      what: `${layer}: ${measured.map(({ family }) => family.name).join(', ')}`,
      expected: 'each further apart than the one before',
      measured: medians.map((median) => median.toPrecision(3)).join(', '),
      holds: risesByFactor(medians, clearly),
    };
  });
}

/** Entries off the diagonal. */
const betweenNeurons = ({ distance: { data, columns } }: FunctionClassLayer): number[] =>
  [...data].filter((_, p) => Math.floor(p / columns) !== p % columns);

function figuresOf(measured: readonly Measured[]): ExperimentReport['figures'] {
  const { layers } = measured[0]!;
  return {
    'function-classes': {
      kind: 'boxes',
      data: {
        label: 'distance of different neurons',
        log: true,
        panels: layers.map(({ layer }, l) => ({
          title: layer,
          groups: measured.map(({ family, layers: own }) => ({
            label: family.name,
            values: betweenNeurons(own[l]!),
          })),
        })),
      },
      options: { size: 'double' },
    },
    'function-class-matrices': {
      kind: 'matrix',
      data: {
        rows: layers.map((_, l) =>
          measured.map(({ family, layers: own }) => ({
            title: `${family.name}, ${own[l]!.layer}`,
            matrix: packMatrix(own[l]!.distance),
          })),
        ),
        valueLabel: 'distance of function classes',
        rowLabel: 'functions of neuron i',
        columnLabel: 'reached by neuron j',
        scale: 'log',
        colours: 'viridis',
      },
      options: { size: 'double' },
    },
  };
}

/** Of doubles on two cores. */
const multiplyAddsPerSecond = 2.8e10;

/** Seconds of the authors' descents: two products per step and layer. */
function descentSeconds(
  { neurons, draws, steps }: Setting,
  widths: readonly number[],
  samples: number,
): number {
  const inputs = widths.slice(0, -2).reduce((sum, width) => sum + width, 0);
  return (demoFamilies.length * 2 * inputs * neurons ** 2 * samples * draws * steps) / multiplyAddsPerSecond;
}

const widths = [784, 512, 512, 512, 10];
const paperTraining = { widths, examples: 54_000, batchSize: 64, epochs: 100, models: demoFamilies.length };

export const experiment: Experiment = {
  title: 'Distance of the function classes of neurons',
  paper: {
    says: 'The functions that two neurons of a layer can compute, whatever is trained, lie further apart from family to family: median distances over 4,032 ordered pairs (64 neurons of one layer) are 0.274 for standard networks, 0.957 for W-asymmetric ones of σ_F = 0, 3.89 of σ_F = 1, and 15.7 for SYRE ones of σ_F = 1.',
    source:
      'plots.ipynb and measure_distance_between_functional_classes.py in the history of the authors’ repository',
  },
  sizes: {
    quick: {
      setting:
        'four families of MLPs 784-64-64-64-10 on the embedded digits, one network of 5 epochs each; 64 ordered pairs of each hidden layer, 4 draws per pair, 1000 steps of Adam per draw, 400 examples of the val split',
      ...{ seconds: 95, memoryMiB: 2200, known: 'measured' },
      remark:
        'Widths, data, draws and steps are smaller than the authors’, so only the order of the families can be compared, not the distances.',
    },
    paper: {
      setting:
        'four families of MLPs 784-512-512-512-10 on MNIST, one network of 100 epochs each; 4,096 ordered pairs of each hidden layer, 100 draws per pair, 3000 steps of Adam per draw, the whole val split',
      seconds: trainingSeconds(paperTraining) + descentSeconds(settings.paper, widths, 6000),
      ...{ memoryMiB: 1500, known: 'estimated' },
      remark:
        'The authors’ layer, draws and steps are not on record: all hidden layers are measured, with the default draws and steps of their function. --limit epochs=1 cuts draws and steps to a hundredth too.',
    },
  },
  limits: ['epochs', 'settings'],
  async run(work) {
    const families = cutList(demoFamilies, work.limit);
    const measured: Measured[] = [];
    for (const family of families) measured.push(await measure(work, family, 1 / families.length));
    return {
      rows: measured.flatMap(rowsOf),
      ...(measured.length > 1 && { expectations: orderRows(measured) }),
      figures: figuresOf(measured),
    };
  },
};
