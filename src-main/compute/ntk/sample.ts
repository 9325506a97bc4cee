/** Which examples a kernel is of (neuron-identifiability, src/utils/ntk.py, get_class_balanced_samples). */
import { UserError } from '../../../src-shared/errors.ts';
import { permutationsOfTorch } from '../random.ts';

/** The published code's, for kernels that are tracked while a model trains. */
export const kernelSampleSeed = 42;

/**
 * Places of `count` examples: of each class, in rising order, count / classes (the first classes one more if that is no
 * whole number), drawn by one `torch.randperm` per class and shuffled by another, all from one generator.
 * @throws UserError if a class has too few examples
 */
export function balancedSample(labels: ArrayLike<number>, count: number, seed: number): Int32Array {
  const places = new Map<number, number[]>();
  for (let i = 0; i < labels.length; i++) {
    const of = places.get(labels[i]!);
    if (of) of.push(i);
    else places.set(labels[i]!, [i]);
  }
  const classes = [...places].sort(([a], [b]) => a - b);
  const [each, more] = [Math.floor(count / classes.length), count % classes.length];
  const draw = permutationsOfTorch(seed);
  const chosen = classes.flatMap(([label, own], c) => {
    const wanted = c < more ? each + 1 : each;
    if (own.length < wanted)
      throw new UserError(
        `samples: ${count} examples are ${wanted} of class ${label}, of which the split has ${own.length}.`,
        { hint: 'Take fewer samples, or the first of the split (classBalanced false).' },
      );
    return Array.from(draw(own.length).subarray(0, wanted), (i) => own[i]!);
  });
  return draw(chosen.length).map((i) => chosen[i]!);
}

/** The first `count` places. @throws UserError if there are fewer examples */
export function firstSample(available: number, count: number): Int32Array {
  if (count > available)
    throw new UserError(`samples: ${count} were requested, but the split has ${available} examples.`);
  return Int32Array.from({ length: count }, (_, i) => i);
}
