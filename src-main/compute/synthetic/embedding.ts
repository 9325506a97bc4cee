/** How two numbers are spread over 2 x copies inputs (neuron-identifiability, src/data/synthetic.py:10-78). */
import type { EmbeddingFamily } from '../../../src-shared/jobs/synthetic-coherence.ts';

/** A random frame: in which order pairs of inputs are used, and by which angle each turns the two numbers. */
export interface Frame {
  /** Permutation of the 2 x copies inputs. */
  order: ArrayLike<number>;
  /** [copies], 0 to pi. */
  angles: ArrayLike<number>;
}

/**
 * B [2 copies, 2] with orthonormal columns and `active` pairs of rows that are not 0, so its coherence is 1 / active.
 * @param anchored a single active pair is not turned
 */
export function embeddingBasis(
  family: EmbeddingFamily,
  copies: number,
  active: number,
  frame: Frame,
  anchored = false,
): Float64Array {
  const basis = new Float64Array(4 * copies);
  const length = 1 / Math.sqrt(active);
  for (let i = 0; i < active; i++) {
    const turned = family === 'random_tight_frame';
    const [p, q] = turned ? [frame.order[2 * i]!, frame.order[2 * i + 1]!] : [2 * i, 2 * i + 1];
    const angle = !turned || (anchored && active === 1) ? 0 : frame.angles[i]!;
    basis[2 * p] = Math.cos(angle) * length;
    basis[2 * p + 1] = Math.sin(angle) * length;
    basis[2 * q] = -Math.sin(angle) * length;
    basis[2 * q + 1] = Math.cos(angle) * length;
  }
  return basis;
}
