/** What TF32 does to matrix products, on any machine. */
import type { Tensor, Tf } from '../../src-main/compute/backend/index.ts';

/** The 11 bits that TF32 keeps of each number, as close as may be. */
export function roundedToTf32(values: Float32Array): Float32Array<ArrayBuffer> {
  const words = new Uint32Array(Float32Array.from(values).buffer);
  return new Float32Array(words.map((word) => (word + 0x1000) & ~0x1fff).buffer);
}

/** tfjs whose products round their factors. */
export function roundingFactors(real: Tf): Tf {
  const rounded = real.customGrad((x) => {
    const at = x as Tensor;
    const value = real.tensor(roundedToTf32(at.dataSync() as Float32Array), at.shape);
    return { value, gradFunc: (dy: Tensor) => dy };
  });
  const matMul: Tf['matMul'] = (a, b, ...rest) =>
    real.tidy(() => real.matMul(rounded(a as Tensor), rounded(b as Tensor), ...rest));
  return Object.create(real, { matMul: { value: matMul } }) as Tf;
}
