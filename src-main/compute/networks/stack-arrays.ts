/** From arrays of models in ordinary memory to tensors. */
import type { Tensor, Tf } from '../backend/index.ts';
import type { NamedArrays } from './permute.ts';

/** The parameters of M models of one network, [M, ...shape] each; the caller's to dispose of. */
export function stackArrays(tf: Tf, models: readonly NamedArrays<Float32Array>[]): Map<string, Tensor> {
  return new Map(
    [...models[0]!].map(([name, { shape, data }]) => {
      const all = new Float32Array(models.length * data.length);
      models.forEach((model, m) => all.set(model.get(name)!.data, m * data.length));
      return [name, tf.tensor(all, [models.length, ...shape])];
    }),
  );
}
