/**
 * The formula that all of identifiability stands on, as it is written down; tests compare `realization.ts`, which does
 * the same fast, with it. Source: neuron-identifiability, measure_realization_cost.py:47, and docs/identifiability.md.
 */
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';

/**
 * M[i, j] = (a_j - v_i)^T S_i^+ (a_j - v_i): the least |free weights|^2 with which slot i computes what neuron j does on
 * the subspace spanned by the columns of U, with a_j = U^T w_j, v_i = U^T F_i, S_i = U^T Diag(mask_i) U.
 * @param w weights, @param f fixed parts (0 if nothing is fixed), @param mask 1 if an entry is free: [neurons, d] each
 * @param u [d, k], orthonormal columns
 * @param cutoff eigenvalues of S_i at or below this count as zero in its pseudo-inverse
 */
export function plainCosts(w: Matrix, f: Matrix, mask: Matrix, u: Matrix, cutoff: number): Matrix {
  const a = w.mmul(u);
  const v = f.mmul(u);
  const costs = Matrix.zeros(w.rows, w.rows);
  for (let i = 0; i < w.rows; i++) {
    const s = u
      .transpose()
      .mmul(Matrix.diag(mask.getRow(i)))
      .mmul(u);
    const inverse = pseudoInverse(s, cutoff);
    for (let j = 0; j < w.rows; j++) {
      const d = Matrix.sub(a.getRowVector(j), v.getRowVector(i));
      costs.set(i, j, d.mmul(inverse).mmul(d.transpose()).get(0, 0));
    }
  }
  return costs;
}

/** Of a symmetric matrix: sum of q q^T / value over its eigenvectors q with a value above the cutoff. */
function pseudoInverse(s: Matrix, cutoff: number): Matrix {
  const { realEigenvalues, eigenvectorMatrix: q } = new EigenvalueDecomposition(s, { assumeSymmetric: true });
  const inverses = realEigenvalues.map((value) => (value > cutoff ? 1 / value : 0));
  return q.mmul(Matrix.diag(inverses)).mmul(q.transpose());
}
