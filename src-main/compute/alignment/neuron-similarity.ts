/** How alike neuron i of model a and neuron j of model b are, from their activations on the same inputs. */
import type { CorrelationMode } from '../../../src-shared/domain.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { isUncorrelatedness } from '../../../src-shared/matching-modes.ts';
import type { CrossMoments } from './moments.ts';

/** Activations that are NaN or infinite: the network overflows, and its neurons cannot be compared. */
export class NonFiniteActivations extends UserError {}

/** Names for messages: whose activations, recorded where. */
export interface Where {
  a: string;
  b: string;
  /** E.g. "post_activation_function of hidden layer 0 (P_0)". */
  point: string;
}

/**
 * The similarity matrix [columnsA, columnsB], row-major, in float64. With rho the Pearson correlation:
 * `dot_product` is a_i . b_j / rows without centring; `pearson_correlation` rho; `pearson_uncorrelatedness` 1 - |rho|.
 * A neuron that is constant over all inputs has no correlation: the plain modes refuse it, the others take rho = 0.
 * (neuron-identifiability, src/utils/rebasin/activation_matching.py:56)
 *
 * @throws UserError naming layer and neuron: NonFiniteActivations, or in the plain modes for a constant neuron.
 */
export function similarityMatrix(moments: CrossMoments, mode: CorrelationMode, where: Where): Float64Array {
  refuseNonFinite(moments, where);
  return mode === 'dot_product' ? meanProduct(moments) : fromCorrelation(moments, mode, where);
}

function meanProduct({ rows, columnsA, columnsB, cross, meanA, meanB }: CrossMoments): Float64Array {
  const out = new Float64Array(columnsA * columnsB);
  for (let i = 0; i < columnsA; i++) {
    for (let j = 0; j < columnsB; j++) {
      const k = i * columnsB + j;
      out[k] = cross[k]! / rows + meanA[i]! * meanB[j]!;
    }
  }
  return out;
}

function fromCorrelation(moments: CrossMoments, mode: CorrelationMode, where: Where): Float64Array {
  const { columnsA, columnsB, cross } = moments;
  const replaceConstants =
    mode === 'pearson_correlation_with_zero_for_constant' ||
    mode === 'pearson_uncorrelatedness_with_one_for_constant';
  if (!replaceConstants) refuseConstant(moments, mode, where);
  const [scaleA, scaleB] = [
    inverseNorms(moments.squaresA, moments.constantA),
    inverseNorms(moments.squaresB, moments.constantB),
  ];
  const uncorrelatedness = isUncorrelatedness(mode);
  const out = new Float64Array(columnsA * columnsB);
  for (let i = 0; i < columnsA; i++) {
    for (let j = 0; j < columnsB; j++) {
      const k = i * columnsB + j;
      const rho = cross[k]! * scaleA[i]! * scaleB[j]! + 0; // -0 becomes 0
      out[k] = uncorrelatedness ? 1 - Math.abs(rho) : rho;
    }
  }
  return out;
}

/** 1 / |centred column|, and 0 for a constant column, which makes its correlations 0. */
function inverseNorms(squares: Float64Array, constant: Uint8Array): Float64Array {
  return squares.map((square, j) => (constant[j] === 1 || square === 0 ? 0 : 1 / Math.sqrt(square)));
}

/** Constant neurons of one model: the first one, and how many there are. */
interface Constants {
  model: string;
  neuron: number;
  count: number;
}

/** " (as are 3 others of it, and 2 of model 2)": each model's own, never a sum over both. */
function othersText(first: Constants, other: Constants): string {
  const more = first.count - 1;
  const parts = [
    ...(more > 0 ? [`${more} ${more === 1 ? 'other' : 'others'} of it`] : []),
    ...(other.count > 0 ? [`${other.count} of ${other.model}`] : []),
  ];
  if (parts.length === 0) return '';
  return ` (as ${more + other.count === 1 ? 'is' : 'are'} ${parts.join(' and ')})`;
}

function refuseConstant(moments: CrossMoments, mode: CorrelationMode, where: Where): void {
  const [a, b] = [
    { model: where.a, constant: moments.constantA },
    { model: where.b, constant: moments.constantB },
  ].map(({ model, constant }) => ({
    model,
    neuron: constant.indexOf(1),
    count: constant.filter(Boolean).length,
  })) as [Constants, Constants];
  if (a.count === 0 && b.count === 0) return;
  const [first, other] = a.count > 0 ? [a, b] : [b, a];
  const suffix = isUncorrelatedness(mode) ? 'one' : 'zero';
  throw new UserError(
    `${first.model}, ${where.point}: neuron ${first.neuron} is constant over all inputs${othersText(first, other)}; ` +
      `${mode} is not defined for it`,
    { hint: `Use ${mode}_with_${suffix}_for_constant, which matches such neurons last.` },
  );
}

function refuseNonFinite({ squaresA, squaresB, meanA, meanB }: CrossMoments, where: Where): void {
  const bad = (means: Float64Array, squares: Float64Array): number =>
    means.findIndex((mean, j) => !Number.isFinite(mean) || !Number.isFinite(squares[j]!));
  const [a, b] = [bad(meanA, squaresA), bad(meanB, squaresB)];
  if (a < 0 && b < 0) return;
  const [model, neuron] = a >= 0 ? [where.a, a] : [where.b, b];
  throw new NonFiniteActivations(
    `${model}, ${where.point}: neuron ${neuron} has activations that are not finite numbers, or too large to be squared in float32`,
    {
      hint: 'The checkpoint is broken, or training diverged before it was saved.',
    },
  );
}
