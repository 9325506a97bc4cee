/** What networks answer, and how often two of them agree (neuron-identifiability, src/utils/functional_similarity.py). */
import type { Backend } from '../backend/index.ts';
import { examplesTensor } from '../data/index.ts';
import type { Examples } from '../data/index.ts';
import { forwardStacked, rowsPerPass, stackNetworks } from '../models/index.ts';
import type { EffectiveNetwork } from '../models/index.ts';

/**
 * The most likely class per network and example; ties go to the lowest class, as in PyTorch's argmax.
 * @param between called between passes; throw there to stop
 * @returns per network [examples.count]
 */
export async function predictions(
  backend: Backend,
  networks: readonly EffectiveNetwork[],
  examples: Examples,
  between: () => Promise<void>,
): Promise<Int32Array[]> {
  const stacked = stackNetworks(backend, networks);
  const answers = networks.map(() => new Int32Array(examples.count));
  const x = examplesTensor(backend, examples);
  try {
    const rows = Math.min(examples.count, rowsPerPass(stacked));
    for (let start = 0; start < examples.count; start += rows) {
      const size = Math.min(rows, examples.count - start);
      const batch = backend.tf.slice(x, [start, 0], [size, -1]);
      const { logits } = forwardStacked(backend, stacked, batch);
      const values = logits.dataSync() as Float32Array;
      const classes = values.length / (networks.length * size);
      answers.forEach((answer, m) => {
        for (let row = 0; row < size; row++)
          answer[start + row] = largest(values, (m * size + row) * classes, classes);
      });
      backend.tf.dispose([batch, logits]);
      await between();
    }
  } finally {
    stacked.dispose();
  }
  return answers;
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
