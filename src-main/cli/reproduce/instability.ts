/**
 * Instability analysis (Frankle et al. 2020, "Linear Mode Connectivity and the Lottery Ticket Hypothesis"): two children of
 * one network see the data in different orders from an epoch on; the barrier between them tells whether the network was
 * stable to that noise by then.
 */
import type { Interpolation } from '../../../src-shared/jobs/interpolate.ts';
import { barriersOf, pairsOf } from '../../../src-shared/jobs/interpolate.ts';
import { publishedTrainingSeconds } from './estimate.ts';
import { cut, cutList } from './limit.ts';
import { barrierFades, barrierFalls, stableBelow } from '../../../src-shared/verdicts/instability.ts';
import { sampleOf } from '../../../src-shared/verdicts/rules.ts';
import type { Sample } from '../../../src-shared/verdicts/rules.ts';
import type { Experiment, ExperimentRow, ExperimentSize, ExperimentWork } from './experiment.ts';

interface Setting {
  source: string;
  data: string;
  /** Parents; each gives one pair of children. */
  parents: number;
  epochs: number;
  /** Of the forks, rising. */
  forks: readonly number[];
}

/** Ten times that of the presets, at which these networks are stable from the start. */
const learningRate = 0.01;

const settings: Record<ExperimentSize, Setting> = {
  quick: {
    ...{ source: 'standard-small', data: 'mnist-10k', parents: 4, epochs: 12 },
    forks: [0, 1, 2, 4, 8],
  },
  paper: {
    ...{ source: 'standard', data: 'mnist', parents: 4, epochs: 24 },
    forks: [0, 1, 2, 4, 8, 16],
  },
};

interface Measured {
  epoch: number;
  /** Per pair of children: percentage points and nats, against the mean of the ends as the paper has it. */
  drops: number[];
  losses: number[];
}

function finite(value: number | null | undefined, what: string): number {
  if (typeof value === 'number') return value;
  throw new Error(`the interpolation did not give ${what}`);
}

const measuredOf = (epoch: number, curves: readonly Interpolation[]): Measured => ({
  epoch,
  drops: curves.map((curve) => finite(barriersOf(curve, 'test').accuracy?.mean_ends, 'an accuracy drop')),
  losses: curves.map((curve) => finite(barriersOf(curve, 'test').loss?.mean_ends, 'a loss barrier')),
});

/** `models` of a limit are the parents, `settings` the forks; forks past the last epoch are left out. */
function settingOf(work: ExperimentWork): Setting {
  const whole = settings[work.size];
  const { epochs, models } = cut({ epochs: whole.epochs, models: whole.parents }, work.limit);
  const forks = cutList(whole.forks, work.limit).filter((epoch) => epoch < epochs);
  return { ...whole, epochs, parents: models, forks };
}

/** Forks all parents at one epoch, twice, and measures what every pair of children loses between them. */
async function measure(
  work: ExperimentWork,
  parent: string,
  epoch: number,
  share: number,
): Promise<Measured> {
  const { epochs, parents } = settingOf(work);
  const children: string[] = [];
  for (const child of [1, 2]) {
    const message = `child ${child} of ${parents} networks, forked from epoch ${epoch}`;
    const fork = { parent, epoch, child, settings: [`seed=${work.seed}`, `training.save_every=${epochs}`] };
    children.push((await work.fork(fork, message, 0.4 * share)).run_directory);
  }
  const file = (run: string, model: number): string =>
    `${run}/checkpoint_epoch_${epochs}_model_${model}.safetensors`;
  const models = Array.from({ length: parents }, (_, m) => m + 1);
  const result = await work.run(
    'interpolate',
    {
      checkpoints: models.flatMap((model) => children.map((run) => file(run, model))),
      pairs: models.map((model): [number, number] => [2 * model - 1, 2 * model]),
      splits: ['test'],
      steps: 20,
    },
    `interpolating between children, epoch ${epoch}`,
    0.2 * share,
  );
  return measuredOf(epoch, pairsOf(result));
}

const text = ({ mean, std }: Sample, digits: number): string =>
  `${mean.toFixed(digits)} ± ${std.toFixed(digits)}`;

function rowsOf(all: readonly Measured[]): ExperimentRow[] {
  return all.map(({ epoch, drops, losses }) => {
    const [drop, loss] = [sampleOf(drops), sampleOf(losses)];
    return {
      what:
        epoch === 0
          ? 'children of the initial weights'
          : `children that share ${epoch} epoch${epoch === 1 ? '' : 's'}`,
      expected: '-',
      measured: `accuracy drop ${text(drop, 2)} points, loss barrier ${text(loss, 3)}`,
      holds: null,
      data: { fork_epoch: epoch, accuracy_drop: drop.mean, loss_barrier: loss.mean },
    };
  });
}

function expectationsOf(all: readonly Measured[]): ExperimentRow[] {
  const drops = all.map((each) => sampleOf(each.drops));
  const losses = all.map((each) => sampleOf(each.losses));
  const ends = (samples: readonly Sample[], digits: number): string =>
    `${samples[0]!.mean.toFixed(digits)} to ${samples.at(-1)!.mean.toFixed(digits)}`;
  const last = all.at(-1)!.epoch;
  return [
    {
      what: `accuracy drop, forks from epoch 0 to ${last}`,
      expected: `falls from ${stableBelow} points or more to below (stable, Frankle et al. 2020)`,
      measured: ends(drops, 2),
      holds: barrierFades(drops),
    },
    {
      what: `loss barrier, forks from epoch 0 to ${last}`,
      expected: 'falls',
      measured: ends(losses, 3),
      holds: barrierFalls(losses),
    },
  ];
}

export const experiment: Experiment = {
  title: 'Instability: the barrier between children over the epoch of the fork',
  paper: {
    says: 'Two children of one network that see the data in different orders from an epoch on are linearly connected if that epoch is late enough: the network has become stable.',
    source: 'Frankle et al. 2020, "Linear Mode Connectivity and the Lottery Ticket Hypothesis"',
  },
  sizes: {
    quick: {
      setting:
        '4 parents, MLP 784-64-64-64-10 on the embedded digits, learning rate 0.01, 12 epochs, two children each of epoch 0, 1, 2, 4 and 8; test accuracy and loss at 21 points',
      ...{ seconds: 30, memoryMiB: 1500, known: 'measured' },
      remark:
        'At the learning rate of the presets, 0.001, there is nothing to fall: these networks are stable from the start, as the paper found of its small network on MNIST.',
    },
    paper: {
      setting:
        '4 parents, MLP 784-512-512-512-10 on MNIST, learning rate 0.01, 24 epochs, two children each of epoch 0, 1, 2, 4, 8 and 16; test accuracy and loss at 21 points',
      seconds: publishedTrainingSeconds({ epochs: 24, models: 40 }),
      ...{ memoryMiB: 2048, known: 'estimated' },
      remark: 'The paper trained a LeNet; the networks here are those of the other experiments.',
    },
  },
  limits: ['epochs', 'models', 'settings'],
  async run(work) {
    const { source, data, parents, epochs, forks } = settingOf(work);
    const parent = await work.train(
      source,
      [
        ...[`dataset=${data}`, `num_models=${parents}`, `training.num_epochs=${epochs}`],
        ...[
          'training.save_every=1',
          `seed=${work.seed}`,
          'experiment_name=instability',
          `optimizer.lr=${learningRate}`,
        ],
      ],
      `training ${parents} parents`,
      0.1,
    );
    const all: Measured[] = [];
    for (const epoch of forks) all.push(await measure(work, parent.run_directory, epoch, 0.9 / forks.length));
    const pairs = (of: (each: Measured) => number[]): number[][] =>
      Array.from({ length: parents }, (_, m) => all.map((each) => of(each)[m]!));
    return {
      rows: rowsOf(all),
      expectations: expectationsOf(all),
      figures: {
        instability: {
          kind: 'fork-barrier',
          data: {
            epochs: [...forks],
            panels: [
              { label: 'test accuracy drop (points)', pairs: pairs((each) => each.drops) },
              { label: 'test loss barrier', pairs: pairs((each) => each.losses) },
            ],
          },
          options: { size: 'double' },
          caption: `Barriers against the mean of the ends between two children of each of ${parents} networks that share all epochs up to the fork, after ${epochs} epochs.`,
        },
      },
    };
  },
};
