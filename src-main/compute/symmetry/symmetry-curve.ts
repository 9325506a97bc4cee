/**
 * The loss along a symmetry curve gamma(t) = exp(t log g) . w (arXiv 2505.23681, Eq. 5), where it is constant, against
 * the straight line between the same two ends.
 */
import { UserError } from '../../../src-shared/errors.ts';
import { checkpointCancel } from '../context.ts';
import type { Compute } from '../context.ts';
import { expm } from '../linalg/expm.ts';
import { toMatrix } from '../linalg/library.ts';
import { determinant } from '../linalg/solve.ts';
import { identity } from '../linalg/multiply.ts';
import { RandomStream } from '../random.ts';
import { checkpointCurve } from './checkpoint-curve.ts';
import { measureCurve } from './curve-measures.ts';
import type { CurveParams, CurveResult } from './curve-measures.ts';
import { blended, denseLoss, weightDistance } from './dense.ts';
import type { DenseWeights } from './dense.ts';
import { linearCurve, moved, rescalingCurve } from './orbit.ts';
import type { Element } from './orbit.ts';
import { trainedNetworks } from './trained-networks.ts';

export const symmetryCurve: Compute<CurveParams, CurveResult> = async (params, context) => {
  if (params.run !== undefined) return checkpointCurve(params, context);
  const { activation, seed } = params;
  // The group element first: bad input is refused before anything is trained.
  const orbit = activation === 'linear' ? linearOrbit(params) : reluOrbit(params);
  const { task, networks } = await trainedNetworks(params, 1, context);
  const curve = {
    at: (t: number): DenseWeights => moved(networks[0]!, orbit.at(t), task.dims),
    loss: (weights: DenseWeights) => denseLoss(task, weights),
    ...{ distance: weightDistance, blended },
  };
  const measured = await measureCurve(curve, params.steps, () => checkpointCancel(context));
  return { ...measured, path: orbit.path, group_elements: orbit.elements, notes: orbit.notes, seed };
};

interface Orbit {
  at(t: number): Element[];
  readonly path: CurveResult['path'];
  readonly elements: number[][][];
  readonly notes: string[];
}

function linearOrbit(params: CurveParams): Orbit {
  const { layers, width: h } = params;
  const given = givenElement(params);
  const elements = Array.from({ length: layers - 1 }, (_, i) =>
    given === undefined ? randomElement(params, i) : i === params.position - 1 ? given : identity(h),
  );
  const only = params.path === 'exponential' ? params.path : undefined;
  const curves = elements.map((g, i) =>
    linearCurve(g, h, `g${elements.length > 1 ? ` of hidden layer ${i + 1}` : ''}`, only),
  );
  const reasons = curves.flatMap(({ path }) => path.reason ?? []);
  const product = reasons.length > 0;
  return {
    at: (t) => curves.map((curve) => curve.at(t)),
    path: product ? 'polar' : 'exponential',
    elements: elements.map((g) => toMatrix(g, h, h).to2DArray()),
    notes: product
      ? [...reasons, 'the path is exp(t log U) exp(t log P), with g = U P the polar decomposition']
      : [],
  };
}

function randomElement({ group, scale, width: h, seed }: CurveParams, i: number): Float64Array {
  const stream = new RandomStream(seed, 'group', i);
  const draw = () => Float64Array.from({ length: h * h }, () => (scale * stream.normal()) / Math.sqrt(h));
  if (group === 'exponential') return expm(draw(), h);
  for (;;) {
    const g = draw();
    if (determinant(g, h).sign > 0) return g;
  }
}

/** The matrix that was given, checked for its shape and place. */
function givenElement({ g, width: h, layers, position }: CurveParams): Float64Array | undefined {
  if (g === undefined) return undefined;
  if (position > layers - 1) {
    throw new UserError(
      `position: ${position} was given, but ${layers} layers have ${layers - 1} hidden ones`,
    );
  }
  if (g.length !== h || g.some((row) => row.length !== h)) {
    const shape = `${g.length} x ${[...new Set(g.map((row) => row.length))].join('/')}`;
    throw new UserError(`g: a ${h} x ${h} matrix was expected for width ${h}, ${shape} was given`);
  }
  return Float64Array.from(g.flat());
}

function reluOrbit(params: CurveParams): Orbit {
  const { layers, width: h, scale, seed, position } = params;
  const given = givenElement(params);
  const factors = Array.from({ length: layers - 1 }, (_, i) => {
    if (given !== undefined) return i === position - 1 ? diagonalOf(given, h) : new Float64Array(h).fill(1);
    const stream = new RandomStream(seed, 'group', i);
    return Float64Array.from({ length: h }, () => Math.exp(scale * stream.normal()));
  });
  const curves = factors.map((c, i) => rescalingCurve(c, 1, `g of hidden layer ${i + 1}`));
  return {
    at: (t) => curves.map((curve) => curve.at(t)),
    path: 'rescaling',
    elements: factors.map((c) => [Array.from(c)]),
    notes: [],
  };
}

function diagonalOf(g: Float64Array, h: number): Float64Array {
  const off = g.findIndex((x, k) => k % (h + 1) !== 0 && x !== 0);
  if (off >= 0) {
    throw new UserError(
      `g: entry (${Math.floor(off / h)}, ${off % h}) is ${g[off]}, but ReLU layers allow a positive diagonal matrix only`,
    );
  }
  return Float64Array.from({ length: h }, (_, i) => g[i * h + i]!);
}
