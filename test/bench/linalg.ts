/**
 * Linear algebra in float64: what we have ourselves beside TensorFlow's kernels (what goes in and comes out included) and
 * ml-matrix, at the sizes that jobs use; where we have nothing, the two libraries. In turns in one run; medians, wall time and, in brackets, processor time of all
 * threads. docs/decisions/linear-algebra.md says what was decided from it.
 *
 *   node test/bench/linalg.ts [TURNS]
 */
import { setTimeout as rest } from 'node:timers/promises';
import {
  CholeskyDecomposition,
  EigenvalueDecomposition,
  LuDecomposition,
  Matrix,
  QrDecomposition,
  SingularValueDecomposition,
} from 'ml-matrix';
import type { Double, Doubles } from '../../src-main/compute/backend/doubles.ts';
import { loadBackend } from '../../src-main/compute/backend/index.ts';
import { attr } from '../../src-main/compute/backend/tensors.ts';
import type { Attributes } from '../../src-main/compute/backend/tensors.ts';
import { LowerSolver, panelsOf } from '../../src-main/compute/linalg/lower-solver.ts';
import {
  multiply,
  multiplyTransposedLeft,
  squaredDistances,
} from '../../src-main/compute/linalg/multiply.ts';
import { median } from './support/torch-turns.ts';
import { RandomStream } from '../../src-main/compute/random.ts';

interface Case {
  what: string;
  /** How often in one turn: small problems are too short for the clock. */
  times?: number;
  ours?: () => unknown;
  tensorflow?: (doubles: Doubles) => unknown;
  library?: () => unknown;
}

const stream = new RandomStream(1, 'linalg bench');
const draw = (count: number) => Float64Array.from({ length: count }, () => stream.normal());
const matrixOf = (a: Float64Array, rows: number, cols: number) => Matrix.from1DArray(rows, cols, a);
const bool = attr.bool;

/** One kernel on what is given, read back. */
function kernel(
  d: Doubles,
  name: string,
  given: readonly [Float64Array, readonly number[]][],
  attributes: Attributes = {},
  outputs = 1,
): void {
  const inputs = given.map(([values, shape]) => d.put(values, shape));
  const found = d.ops(name, inputs, attributes, outputs);
  for (const one of found) if (one.shape.every((size) => size > 0)) d.read(one);
  d.free(...inputs, ...found);
}

function products(n: number): Case {
  const [a, b] = [draw(n * n), draw(n * n)];
  return {
    what: `product, ${n} x ${n}`,
    ours: () => multiply(a, b, n, n, n),
    tensorflow: (d) =>
      kernel(d, 'MatMul', [
        [a, [n, n]],
        [b, [n, n]],
      ]),
    library: () => matrixOf(a, n, n).mmul(matrixOf(b, n, n)),
  };
}

function distances(n: number, k: number): Case {
  const [x, y] = [draw(n * k), draw(n * k)];
  return { what: `squared distances, ${n} x ${n} rows of ${k}`, ours: () => squaredDistances(x, y, k) };
}

const gramOf = (n: number): Float64Array => {
  const x = draw(2 * n * n);
  return multiplyTransposedLeft(x, x, n, 2 * n, n);
};

function eigen(n: number): Case[] {
  const a = gramOf(n);
  const oracle = () => new EigenvalueDecomposition(matrixOf(a, n, n), { assumeSymmetric: true });
  const native = (vectors: boolean) => (d: Doubles) =>
    kernel(d, 'SelfAdjointEigV2', [[a, [n, n]]], { compute_v: bool(vectors) }, 2);
  return [
    {
      what: `symmetric eigenpairs, ${n}`,
      tensorflow: native(true),
      library: oracle,
    },
    { what: `symmetric eigenvalues, ${n}`, tensorflow: native(false) },
  ];
}

function singular(n: number, times: number): Case {
  const a = draw(n * n);
  return {
    what: `SVD, ${n} x ${n}`,
    times,
    tensorflow: (d) =>
      kernel(d, 'Svd', [[a, [n, n]]], { compute_uv: bool(true), full_matrices: bool(false) }, 3),
    library: () => new SingularValueDecomposition(matrixOf(a, n, n)),
  };
}

function orthogonal(rows: number, cols: number): Case {
  const a = draw(rows * cols);
  return {
    what: `QR, ${rows} x ${cols}`,
    tensorflow: (d) => kernel(d, 'Qr', [[a, [rows, cols]]], { full_matrices: bool(false) }, 2),
    library: () => new QrDecomposition(matrixOf(a, rows, cols)).orthogonalMatrix,
  };
}

function inverses(n: number, times: number): Case {
  const a = draw(n * n);
  return {
    what: `determinant and inverse, ${n}`,
    times,
    tensorflow: (d) => {
      kernel(d, 'LogMatrixDeterminant', [[a, [n, n]]], {}, 2);
      kernel(d, 'MatrixInverse', [[a, [n, n]]], { adjoint: bool(false) });
    },
    library: () => {
      const lu = new LuDecomposition(matrixOf(a, n, n));
      return [lu.determinant, lu.solve(Matrix.eye(n))];
    },
  };
}

const triangular = (d: Doubles, l: Double, right: Double, adjoint: boolean) =>
  d.op('MatrixTriangularSolve', [l, right], { lower: bool(true), adjoint: bool(adjoint) });

/** As the ridge problem of one slot in closed form. */
function positive(n: number, columns: number): Case {
  const a = gramOf(n);
  const b = draw(n * columns);
  return {
    what: `Cholesky and solution, ${n}, ${columns} columns`,
    tensorflow: (d) => {
      const [system, right] = [d.put(a, [n, n]), d.put(b, [n, columns])];
      const l = d.op('Cholesky', [system]);
      const half = triangular(d, l, right, false);
      const x = triangular(d, l, half, true);
      d.read(x);
      d.free(system, right, l, half, x);
    },
    library: () => {
      const whole = matrixOf(a, n, n);
      for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) whole.set(j, i, whole.get(i, j));
      return new CholeskyDecomposition(whole).solve(matrixOf(b, n, columns));
    },
  };
}

/** As the slots of a layer: each with a factor of its own, all with the same columns. */
function manySystems(systems: number, size: number, columns: number): Case {
  const s = gramOf(size);
  const b = draw(size * columns);
  const places = Int32Array.from({ length: size }, (_, i) => i);
  const shift = new Float64Array(size);
  const panels = panelsOf(b, size, columns);
  let solver: LowerSolver | undefined;
  return {
    what: `${systems} Cholesky factors of ${size}, ${columns} columns forward`,
    ours: () => {
      solver ??= new LowerSolver(panels, size, size);
      for (let i = 0; i < systems; i++) {
        solver.add(s, size, places, shift);
        if (solver.held === solver.capacity || i === systems - 1) solver.solve();
      }
    },
    tensorflow: (d) => {
      // In batches of 2 MiB, which stay in the cache.
      const batch = Math.min(systems, Math.max(1, Math.floor(2 ** 18 / size / Math.max(size, columns))));
      const many = new Float64Array(batch * size * size);
      for (let i = 0; i < batch; i++) many.set(s, i * size * size);
      const right = d.put(b, [1, size, columns]);
      for (let from = 0; from < systems; from += batch) {
        const system = d.put(many, [batch, size, size]);
        const l = d.op('Cholesky', [system]);
        const x = triangular(d, l, right, false);
        const squares = d.op('Square', [x]);
        const sums = d.reduce('Sum', squares, 1, true);
        d.read(sums);
        d.free(system, l, x, squares, sums);
      }
      d.free(right);
    },
    library: () => {
      const whole = matrixOf(s, size, size);
      for (let i = 0; i < size; i++) for (let j = 0; j < i; j++) whole.set(j, i, whole.get(i, j));
      const right = matrixOf(b, size, columns);
      for (let i = 0; i < systems; i++) new CholeskyDecomposition(whole).solve(right); // both ways: it has no other
    },
  };
}

const cases = (): Case[] => [
  ...[64, 512, 784].map(products),
  distances(512, 165),
  ...[64, 165, 512, 784].flatMap(eigen),
  singular(4, 100),
  singular(64, 1),
  orthogonal(784, 64),
  inverses(4, 100),
  inverses(64, 1),
  positive(448, 512),
  manySystems(512, 64, 512),
  manySystems(64, 165, 512),
  manySystems(16, 400, 512),
];

type Contestant = 'ours' | 'tensorflow' | 'library';
const contestants: readonly Contestant[] = ['ours', 'tensorflow', 'library'];

function timed(run: () => unknown, times: number): { wall: number; cpu: number } {
  const before = process.cpuUsage();
  const started = performance.now();
  for (let k = 0; k < times; k++) run();
  const wall = (performance.now() - started) / times;
  const { user, system } = process.cpuUsage(before);
  return { wall, cpu: (user + system) / 1000 / times };
}

const digits = (ms: number): string => (ms < 10 ? ms.toPrecision(2) : ms.toFixed(0));

const backend = await loadBackend();
const doubles = backend.native?.doubles;
console.log(`${backend.label}; milliseconds: wall (processor)`);
const turns = Number(process.argv[2] ?? 7);
const rows = [];
for (const one of cases()) {
  const found = new Map<Contestant, { wall: number; cpu: number }[]>();
  const run = (who: Contestant): (() => unknown) | undefined => {
    if (who !== 'tensorflow') return one[who];
    const native = one.tensorflow;
    return native && doubles && (() => native(doubles));
  };
  // The first turn compiles and fills caches; it does not count.
  for (let turn = 0; turn <= turns; turn++) {
    for (const who of contestants) {
      const work = run(who);
      if (!work) continue;
      const took = timed(work, one.times ?? 1);
      if (turn > 0) found.set(who, [...(found.get(who) ?? []), took]);
    }
    await rest(1);
  }
  const cell = (who: Contestant): string => {
    const all = found.get(who);
    if (!all) return '';
    return `${digits(median(all.map(({ wall }) => wall)))} (${digits(median(all.map(({ cpu }) => cpu)))})`;
  };
  rows.push({
    what: one.what,
    ours: cell('ours'),
    TensorFlow: cell('tensorflow'),
    'ml-matrix': cell('library'),
  });
}
console.table(rows);
