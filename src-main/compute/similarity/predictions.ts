/** What networks predict, and how often two of them agree (neuron-identifiability, src/utils/functional_similarity.py). */
import type { Network } from '../../../src-shared/networks/network.ts';
import type { Backend } from '../backend/index.ts';
import type { Examples } from '../data/index.ts';
import { eachLogits, evaluationOf } from '../networks/evaluate.ts';
import type { NamedArrays } from '../networks/permute.ts';

/**
 * The most likely class per model and example; ties go to the lowest class, as in PyTorch's argmax.
 * @param models parameters as they act
 * @param between called between passes; throw there to stop
 * @returns per model, of the examples that are scored
 */
export async function predictions(
  backend: Backend,
  network: Network,
  models: readonly NamedArrays<Float32Array>[],
  examples: Examples,
  between: () => Promise<void>,
): Promise<Int32Array[]> {
  const evaluation = evaluationOf(backend, network, models, 'eager', examples);
  const predicted = models.map(() => new Int32Array(examples.count));
  try {
    await eachLogits(evaluation, examples, async (logits, start, size) => {
      const classes = logits.length / (models.length * size);
      predicted.forEach((ofModel, m) => {
        for (let row = 0; row < size; row++)
          ofModel[start + row] = largest(logits, (m * size + row) * classes, classes);
      });
      await between();
    });
  } finally {
    evaluation.dispose();
  }
  const { labels } = examples;
  return examples.scored === undefined
    ? predicted
    : predicted.map((ofModel) => ofModel.filter((_, i) => labels[i]! >= 0));
}

function largest(values: Float32Array, start: number, count: number): number {
  let best = 0;
  for (let c = 1; c < count; c++) if (values[start + c]! > values[start + best]!) best = c;
  return best;
}

/** How many places hold the same number. The lists must be equally long. */
export function agreements(a: Int32Array, b: Int32Array): number {
  let count = 0;
  for (let i = 0; i < a.length; i++) if (a[i] === b[i]) count++;
  return count;
}
