/** Splits a matrix, through its real Schur form, into one block per negative eigenvalue and one for all the rest. */
import { identity, multiply } from './multiply.ts';
import { qr } from './qr.ts';
import { schurBlocks, schurEigenvalues } from './schur.ts';
import type { Schur } from './schur.ts';
import { blockOf, sylvester } from './sqrtm.ts';
import type { Range } from './sqrtm.ts';

export interface Separated {
  /** The distinct negative eigenvalues, each the mean of a cluster. */
  readonly clusters: readonly number[];
  /** Diagonal blocks, clusters first; `negative` is the cluster's eigenvalue, undefined for the rest. */
  readonly blocks: readonly { matrix: Float64Array; size: number; negative: number | undefined }[];
  /** a = basis diag(blocks) basis^-1. */
  readonly basis: Float64Array;
}

/** `tolerance`: negative eigenvalues nearer than this to each other count as one that rounding has split. */
export function separate(schur: Schur, tolerance: number): Separated {
  const { n } = schur;
  const t = schur.t.slice();
  const q = schur.q.slice();
  const { labelled, clusters } = labelBlocks(t, n, tolerance);
  sortBlocks(t, q, n, labelled);
  const sizes = [...clusters.keys(), rest].map((label) =>
    labelled.reduce((sum, block) => sum + (block.label === label ? block.size : 0), 0),
  );
  if (sizes.at(-1) === 0) sizes.pop();
  const basis = decouple(t, q, n, sizes);
  let start = 0;
  const blocks = sizes.map((size, k) => {
    const part = { start, size };
    start += size;
    return { matrix: blockOf(t, n, part, part), size, negative: clusters[k] };
  });
  return { clusters, blocks, basis };
}

/** A diagonal block of t and the cluster it belongs to. */
interface Labelled {
  size: number;
  label: number;
}

/** The label of blocks that belong to no negative eigenvalue: they go last. */
const rest = Infinity;

function labelBlocks(t: Float64Array, n: number, tolerance: number) {
  const values = schurEigenvalues(t, n);
  const blocks = schurBlocks(t, n).map(({ start, size }) => ({ size, label: rest, ...values[start]! }));
  const near = blocks.filter(({ re, im }) => re < 0 && Math.abs(im) <= tolerance).sort((x, y) => x.re - y.re);
  const clusters: number[] = [];
  for (let first = 0; first < near.length;) {
    let end = first + 1;
    while (end < near.length && near[end]!.re - near[end - 1]!.re <= tolerance) end++;
    const members = near.slice(first, end);
    // A conjugate pair beside the axis with nothing near it is taken as it stands: it has a logarithm.
    if (members.length > 1 || members[0]!.im === 0) {
      for (const member of members) member.label = clusters.length;
      const weight = members.reduce((sum, { size }) => sum + size, 0);
      clusters.push(members.reduce((sum, { re, size }) => sum + re * size, 0) / weight);
    }
    first = end;
  }
  return { labelled: blocks as Labelled[], clusters };
}

/** Stable insertion sort of the blocks by label, each exchange an orthogonal similarity. */
function sortBlocks(t: Float64Array, q: Float64Array, n: number, blocks: Labelled[]): void {
  for (let k = 1; k < blocks.length; k++) {
    for (let at = k; at > 0 && blocks[at - 1]!.label > blocks[at]!.label; at--) {
      const [upper, lower] = [blocks[at - 1]!, blocks[at]!];
      const start = blocks.slice(0, at - 1).reduce((sum, { size }) => sum + size, 0);
      swap(t, q, n, { start, size: upper.size }, { start: start + upper.size, size: lower.size });
      [blocks[at - 1], blocks[at]] = [lower, upper];
    }
  }
}

/** Exchanges two adjacent diagonal blocks by an orthogonal similarity (Z. Bai and J. Demmel, 1993). */
function swap(t: Float64Array, q: Float64Array, n: number, upper: Range, lower: Range): void {
  const [p, r] = [upper.size, lower.size];
  const size = p + r;
  const x = sylvester(
    blockOf(t, n, upper, upper),
    blockOf(t, n, lower, lower),
    blockOf(t, n, upper, lower),
    p,
    r,
    -1,
  );
  // Columns of [-x; 1] span the invariant subspace of the lower block; the unit columns complete the basis.
  const columns = new Float64Array(size * size);
  for (let i = 0; i < p; i++) {
    for (let j = 0; j < r; j++) columns[i * size + j] = -x[i * r + j]!;
    columns[i * size + r + i] = 1;
  }
  for (let j = 0; j < r; j++) columns[(p + j) * size + j] = 1;
  const rotation = qr(columns, size, size).q;
  rotateRowsAndColumns(t, q, n, upper.start, rotation, size);
  for (let i = r; i < size; i++) for (let j = 0; j < r; j++) t[(upper.start + i) * n + upper.start + j] = 0;
}

function rotateRowsAndColumns(
  t: Float64Array,
  q: Float64Array,
  n: number,
  at: number,
  rotation: Float64Array,
  size: number,
): void {
  const held = new Float64Array(size);
  for (let j = 0; j < n; j++) {
    for (let i = 0; i < size; i++) held[i] = t[(at + i) * n + j]!;
    for (let i = 0; i < size; i++) {
      let sum = 0;
      for (let k = 0; k < size; k++) sum += rotation[k * size + i]! * held[k]!;
      t[(at + i) * n + j] = sum;
    }
  }
  for (const rows of [t, q]) {
    for (let i = 0; i < n; i++) {
      for (let k = 0; k < size; k++) held[k] = rows[i * n + at + k]!;
      for (let j = 0; j < size; j++) {
        let sum = 0;
        for (let k = 0; k < size; k++) sum += held[k]! * rotation[k * size + j]!;
        rows[i * n + at + j] = sum;
      }
    }
  }
}

/** Clears what couples the diagonal blocks, from the top; returns q times the similarity that does it. */
function decouple(t: Float64Array, q: Float64Array, n: number, sizes: readonly number[]): Float64Array {
  let basis = q;
  let start = 0;
  for (const size of sizes.slice(0, -1)) {
    const rest = n - start - size;
    const upper = { start, size };
    const lower = { start: start + size, size: rest };
    const coupling = blockOf(t, n, upper, lower);
    // [A C; 0 B] [1 -X; 0 1] = [1 -X; 0 1] [A 0; 0 B] where A X - X B = C.
    const x = sylvester(blockOf(t, n, upper, upper), blockOf(t, n, lower, lower), coupling, size, rest, -1);
    const similarity = identity(n);
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < rest; j++) {
        similarity[(start + i) * n + start + size + j] = -x[i * rest + j]!;
        t[(start + i) * n + start + size + j] = 0;
      }
    }
    basis = multiply(basis, similarity, n, n, n);
    start += size;
  }
  return basis;
}
