/**
 * How the parameters of an exported network begin when Basin trains it anew. The graph does not say how PyTorch drew them, but
 * the weights in the file do, if it was exported before training: constants, uniform draws around 0, or normal ones.
 */
import type { Initial, Parameter } from '../../../src-shared/networks/graph.ts';
import { packNumbers } from '../../../src-shared/networks/packed.ts';
import type { LazyTensor } from '../../formats/tensor.ts';

/** Largest entry of uniform draws in deviations is sqrt(3); that of as many normal ones is beyond 2. */
const mostOfUniform = 1.85;
const fewestToTell = 32;

/**
 * Undefined if the values do not look like a draw around 0: then the network cannot be trained from the beginning.
 * @param word of statistics: what they are to their norm, such as `running_var`, whatever their name
 */
export function initialOf({ name, role }: Parameter, tensor: LazyTensor, word?: string): Initial | undefined {
  if (role === 'statistics') return { kind: 'constant', value: word === 'running_var' ? 1 : 0 };
  if (role === 'fixed') return { kind: 'packed', numbers: packNumbers(tensor.readFloat32()) };
  const values = tensor.readFloat32();
  const [first = 0] = values;
  if (values.every((value) => value === first)) return { kind: 'constant', value: first };
  let [sum, squares, largest] = [0, 0, 0];
  for (const value of values) {
    sum += value;
    squares += value * value;
    largest = Math.max(largest, Math.abs(value));
  }
  const mean = sum / values.length;
  const deviation = Math.sqrt(squares / values.length);
  // Of few numbers the mean is far from 0 by chance; of many it is not.
  if (!Number.isFinite(deviation) || Math.abs(mean) > (4 * deviation) / Math.sqrt(values.length))
    return undefined;
  const isUniform = values.length < fewestToTell || largest <= mostOfUniform * deviation;
  return isUniform
    ? { kind: 'uniform', bound: Math.max(largest, Math.sqrt(3) * deviation), stream: name }
    : { kind: 'normal', deviation, stream: name };
}
