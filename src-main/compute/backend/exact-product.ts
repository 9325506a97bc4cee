/** A product that float32 arithmetic gets exactly right in any order of sums, and rounded factors (TF32) do not. */
import type { Tf } from './tensors.ts';

/** Large enough for the kernels that networks get. */
export const productSize = 64;

const count = productSize ** 2;

/** [64, 64], full mantissas. */
export const factor = Float32Array.from({ length: count }, (_, i) => Math.sin(i + 1));

/** [64, 64], a permutation: the product's entries are one entry of the factor each, and zeros. */
export const permutation = Float32Array.from({ length: count }, (_, i) =>
  Math.floor(i / productSize) + (i % productSize) === productSize - 1 ? 1 : 0,
);

/** factor x permutation: its columns in reverse. */
export const product = factor.map((_, i) => {
  const row = Math.floor(i / productSize);
  return factor[row * productSize + (productSize - 1 - (i % productSize))]!;
});

/** Products of float32 matrices, one operation at a time, round their factors. */
export function roundsProducts(tf: Tf): boolean {
  return tf.tidy(() => {
    const shape: [number, number] = [productSize, productSize];
    const found = tf.matMul(tf.tensor2d(factor, shape), tf.tensor2d(permutation, shape)).dataSync();
    return product.some((value, i) => found[i] !== value);
  });
}
