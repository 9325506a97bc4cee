/**
 * Points on a random subspace of known dimension (neuron-identifiability, src/data/synthetic.py:78-225): latents z of k
 * numbers, x = P z with P [D, k] orthonormal. No noise off the subspace, no normalisation. All of it in float64; only the
 * examples are rounded to float32.
 */
import type { GeometryPlan } from '../../../src-shared/config.ts';
import { multiplyTransposedRight } from '../linalg/multiply.ts';
import { qr } from '../linalg/solve.ts';
import { RandomStream } from '../random.ts';
import type { Examples } from './dataset.ts';

type GaussianPlan = Extract<GeometryPlan, { kind: 'gaussian-subspace' }>['values'];
type MultilabelPlan = Extract<GeometryPlan, { kind: 'multilabel-subspace' }>['values'];
type ParityPlan = Extract<GeometryPlan, { kind: 'parity-subspace' }>['values'];

/** What a mixture of Gaussians on a subspace looks like; training and test examples share it. */
export interface GaussianStructure {
  classes: number;
  /** k */
  intrinsic: number;
  /** [classes, k] */
  means: Float64Array;
  /** [classes, k, k], each orthogonal. */
  rotations: Float64Array;
  /** [k], signed, shared by all classes. */
  scale: Float64Array;
  /** [D, k], orthonormal columns. */
  projection: Float64Array;
}

const normals = (stream: RandomStream, count: number): Float64Array =>
  Float64Array.from({ length: count }, () => stream.normal());

/** [rows, cols] with orthonormal columns, from the QR decomposition of normal entries. */
function randomOrthonormal(stream: RandomStream, rows: number, cols: number): Float64Array {
  return qr(normals(stream, rows * cols), rows, cols).q;
}

/** What of a plan determines the classes. */
type StructurePlan = Pick<
  GaussianPlan,
  'num_classes' | 'd_intrinsic' | 'd_ambient' | 'structure_seed' | 'class_separation'
>;

export function gaussianStructure(plan: StructurePlan): GaussianStructure {
  const { num_classes: classes, d_intrinsic: k, d_ambient: ambient, structure_seed: seed } = plan;
  const stream = (what: string) => new RandomStream(seed, 'gaussian-subspace', what);
  const turns = stream('rotations');
  const rotations = new Float64Array(classes * k * k);
  for (let c = 0; c < classes; c++) rotations.set(randomOrthonormal(turns, k, k), c * k * k);
  return {
    classes,
    intrinsic: k,
    means: normals(stream('means'), classes * k).map((x) => x * plan.class_separation),
    rotations,
    scale: normals(stream('scale'), k),
    projection: randomOrthonormal(stream('projection'), ambient, k),
  };
}

/** z_n = mean of its class + Q of its class (scale * e_n): [N, k] from labels [N] and standard noise e [N, k]. */
export function gaussianLatents(
  structure: Omit<GaussianStructure, 'projection'>,
  labels: Int32Array,
  noise: Float64Array,
): Float64Array {
  const { intrinsic: k, means, rotations, scale } = structure;
  const latents = new Float64Array(labels.length * k);
  for (const [n, label] of labels.entries()) {
    for (let i = 0; i < k; i++) {
      let sum = means[label * k + i]!;
      for (let j = 0; j < k; j++) sum += rotations[(label * k + i) * k + j]! * scale[j]! * noise[n * k + j]!;
      latents[n * k + i] = sum;
    }
  }
  return latents;
}

/** Rows projected at once: keeps the float64 copy of the examples small. */
const rowsAtOnce = 4096;

/** x_n = P z_n, [N, D] in float32, from latents [N, k] and P [D, k]. */
export function embed(
  latents: Float64Array,
  projection: Float64Array,
  intrinsic: number,
): Float32Array<ArrayBuffer> {
  const ambient = projection.length / intrinsic;
  const count = latents.length / intrinsic;
  const x = new Float32Array(count * ambient);
  for (let start = 0; start < count; start += rowsAtOnce) {
    const rows = Math.min(rowsAtOnce, count - start);
    const part = latents.subarray(start * intrinsic, (start + rows) * intrinsic);
    x.set(multiplyTransposedRight(part, projection, rows, intrinsic, ambient), start * ambient);
  }
  return x;
}

type Labels = Int32Array<ArrayBuffer>;

function examplesOf(
  latents: Float64Array,
  labels: Labels,
  projection: Float64Array,
  intrinsic: number,
): Examples {
  const count = labels.length;
  return {
    count,
    features: projection.length / intrinsic,
    x: embed(latents, projection, intrinsic),
    labels,
  };
}

/** Labels [count] and latents [count, k] of one part of the data. */
export function gaussianSample(
  structure: Omit<GaussianStructure, 'projection'>,
  seed: number,
  part: 'train' | 'test',
  count: number,
): { labels: Labels; latents: Float64Array } {
  const choice = new RandomStream(seed, 'gaussian-subspace', part, 'labels');
  const labels = Int32Array.from({ length: count }, () => choice.integer(structure.classes));
  const noise = normals(
    new RandomStream(seed, 'gaussian-subspace', part, 'noise'),
    count * structure.intrinsic,
  );
  return { labels, latents: gaussianLatents(structure, labels, noise) };
}

/** Training and test examples of a mixture of Gaussians: same structure, other samples. */
export function gaussianSubspace(plan: GaussianPlan): { train: Examples; test: Examples } {
  const structure = gaussianStructure(plan);
  const draw = (seed: number, part: 'train' | 'test', count: number): Examples => {
    const { labels, latents } = gaussianSample(structure, seed, part, count);
    return examplesOf(latents, labels, structure.projection, structure.intrinsic);
  };
  return {
    train: draw(plan.sampling_seed_train, 'train', plan.num_samples_train),
    test: draw(plan.sampling_seed_test, 'test', plan.num_samples_test),
  };
}

/** (number of negative coordinates) mod base, per row of [N, k]. */
export function parityLabels(latents: Float64Array, intrinsic: number, base: number): Labels {
  return Int32Array.from({ length: latents.length / intrinsic }, (_, n) => {
    let negative = 0;
    for (let i = n * intrinsic; i < (n + 1) * intrinsic; i++) if (latents[i]! < 0) negative++;
    return negative % base;
  });
}

/** Uniform latents in (-1, 1)^k, labelled by the parity of their negative signs. */
export function paritySubspace(plan: ParityPlan): { train: Examples; test: Examples } {
  const { d_intrinsic: k, modulo_base: base } = plan;
  const projection = projectionOf('parity-subspace', plan.projection_seed, plan.d_ambient, k);
  const draw = (seed: number, part: string, count: number): Examples => {
    const stream = new RandomStream(seed, 'parity-subspace', part);
    const latents = Float64Array.from({ length: count * k }, () => 2 * stream.uniform() - 1);
    return examplesOf(latents, parityLabels(latents, k, base), projection, k);
  };
  return {
    train: draw(plan.data_seed_train, 'train', plan.num_samples_train),
    test: draw(plan.data_seed_test, 'test', plan.num_samples_test),
  };
}

/** [N, K], 1 if coordinate k of the latent is positive. */
export function multilabelLabels(latents: Float64Array): Labels {
  return Int32Array.from(latents, (z) => (z > 0 ? 1 : 0));
}

/** Normal latents, each coordinate of which is a binary label of its own. */
export function multilabelSubspace(plan: MultilabelPlan): { train: Examples; test: Examples } {
  const k = plan.num_binary_labels;
  const projection = projectionOf('multilabel-subspace', plan.projection_seed, plan.d_ambient, k);
  const draw = (seed: number, part: string, count: number): Examples => {
    const latents = normals(new RandomStream(seed, 'multilabel-subspace', part), count * k);
    const x = embed(latents, projection, k);
    const targets = { kind: 'binary', each: k } as const;
    return { count, features: plan.d_ambient, x, labels: multilabelLabels(latents), targets };
  };
  return {
    train: draw(plan.data_seed_train, 'train', plan.num_samples_train),
    test: draw(plan.data_seed_test, 'test', plan.num_samples_test),
  };
}

function projectionOf(kind: string, seed: number, ambient: number, intrinsic: number): Float64Array {
  return randomOrthonormal(new RandomStream(seed, kind, 'projection'), ambient, intrinsic);
}
