/** How long the trainings of a size take, where nobody has waited for them. */

interface Trainings {
  /** Numbers of a layer's inputs, outputs, ..., as 784, 512, 512, 512, 10. */
  widths: readonly number[];
  /** Examples per epoch. */
  examples: number;
  batchSize: number;
  epochs: number;
  /** Networks in all. */
  models: number;
}

/** Multiply-adds a second that training reaches on two cores at the published width (`npm run bench -- published`). */
const rate = 3e10;
/** Seconds that a step takes however small the network is. */
const perStep = 4e-4;

/** Seconds on two idle cores: a step forth and back is three products for each weight and example. */
export function trainingSeconds({ widths, examples, batchSize, epochs, models }: Trainings): number {
  const weights = widths.slice(1).reduce((sum, out, i) => sum + out * widths[i]!, 0);
  const products = (3 * weights * examples * epochs * models) / rate;
  return products + (perStep * models * epochs * examples) / batchSize;
}

/** Of the published MLP on MNIST. */
export const publishedTrainingSeconds = (trained: Pick<Trainings, 'epochs' | 'models'>): number =>
  trainingSeconds({ widths: [784, 512, 512, 512, 10], examples: 54_000, batchSize: 64, ...trained });
