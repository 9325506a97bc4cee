/** Exact loss and accuracy of M stacked models on a whole split. */
import type { Network } from '../../../src-shared/networks/network.ts';
import type { Backend, Tensor } from '../backend/index.ts';
import { examplesTensor } from '../data/index.ts';
import type { Examples } from '../data/index.ts';
import { ScoreSum } from '../models/evaluate.ts';
import type { Scores } from '../models/evaluate.ts';
import { acting } from './effective.ts';
import type { FixedTensors } from './effective.ts';
import { mathsOf } from './maths.ts';
import { forward } from './run.ts';
import type { Parameters } from './run.ts';

/** Entries of the widest intermediate of all models together: larger passes are no faster. */
const widestPass = 2 ** 23;

/** Rows per pass of this many models. */
export function rowsPerPass(network: Network, models: number): number {
  const widest = Math.max(...network.nodes.map(({ shape }) => shape.reduce((a, b) => a * b, 1)));
  return Math.max(64, Math.floor(widestPass / (widest * models)));
}

/**
 * @param between called between passes; throw there to stop
 * @returns exact means over the split, per model
 */
export async function evaluateNetwork(
  backend: Backend,
  network: Network,
  { stored, fixed }: { stored: Parameters; fixed: FixedTensors },
  examples: Examples,
  between: () => Promise<void>,
): Promise<Scores> {
  const { tf } = backend;
  const maths = mathsOf(backend);
  const models = Math.max(...[...stored.values()].map(({ shape }) => shape[0]!));
  const parameters = acted(backend, stored, fixed);
  const x = examplesTensor(backend, examples);
  const rows = Math.min(examples.count, rowsPerPass(network, models));
  const sum = new ScoreSum(models);
  try {
    for (let start = 0; start < examples.count; start += rows) {
      const size = Math.min(rows, examples.count - start);
      const logits = tf.tidy(() => {
        const batch = tf.expandDims(tf.slice(x, [start, 0], [size, -1]), 0);
        return forward(maths, network, parameters, batch).output;
      });
      sum.add(logits.dataSync() as Float32Array, examples.labels.subarray(start, start + size));
      logits.dispose();
      await between();
    }
    return sum.scores();
  } finally {
    tf.dispose([...parameters.values()]);
  }
}

/** Acting parameters that live until they are disposed of. */
function acted(backend: Backend, stored: Parameters, fixed: FixedTensors): Map<string, Tensor> {
  const { tf } = backend;
  const kept = new Map<string, Tensor>();
  tf.tidy(() => {
    for (const [name, tensor] of acting(mathsOf(backend), stored, fixed))
      kept.set(name, tf.keep(tensor.clone()));
  });
  return kept;
}
