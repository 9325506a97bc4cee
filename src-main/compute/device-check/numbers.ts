/** The fixed work whose numbers a GPU and a processor are compared by. A second or two without compiling. */
import { activations, norms } from '../../../src-shared/domain.ts';
import type { DeviceItem, DeviceNumbers } from '../../../src-shared/device-check.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { accounted } from '../accounted.ts';
import { attr, types } from '../backend/index.ts';
import type { Backend, CompileMode, ComputationBody, Spec, Tensor } from '../backend/index.ts';
import { deviceName } from '../backend/device-name.ts';
import { factor, permutation, productSize } from '../backend/exact-product.ts';
import { backendInfo } from '../backend/info.ts';
import { Evaluation } from '../networks/evaluation.ts';
import { mathsOf } from '../networks/maths.ts';
import { forward } from '../networks/run.ts';
import { stackArrays } from '../networks/stack-arrays.ts';
import { RandomStream } from '../random.ts';
import { examplesOf, features, forwardRoundings, models, networkOf, specOf, statesOf } from './networks.ts';
import type { Way } from '../networks/execution.ts';
import { trainingItems } from './training.ts';

/** Examples of the evaluation. */
export const evaluated = 100;

const compiledWays: readonly CompileMode[] = ['xla', 'graph'];

/** @throws UserError on a back end without TensorFlow */
export async function deviceNumbers(backend: Backend): Promise<DeviceNumbers> {
  const { native } = backend;
  if (!native) {
    throw new UserError(`the ${backend.name} back end computes on the processor only`, {
      hint: backend.reason ?? 'unset BASIN_BACKEND',
    });
  }
  const missing = compiledWays.flatMap((way) => {
    const reason = native.compiler.shortfall(way);
    return reason === undefined ? [] : [{ way, reason }];
  });
  const ways: Way[] = ['eager', ...compiledWays.filter((way) => !missing.some((each) => each.way === way))];
  const items = await accounted(backend, 'the device check', async () => {
    const found: DeviceItem[] = [];
    for (const way of ways) {
      found.push(...productItems(backend, way), ...logitItems(backend, way));
      found.push(...trainingItems(backend, way), ...(await evaluationItems(backend, way)));
    }
    return [...found, ...doubleItems(backend)];
  });
  const name = await deviceName(backend.device);
  return { backend: backendInfo(backend), label: backend.label, deviceName: name, items, missing };
}

/** One call of `body` on float32 arguments, that way. */
function call(
  backend: Backend,
  way: Way,
  args: readonly Tensor[],
  body: ComputationBody,
): Float64Array<ArrayBuffer>[] {
  const { tf } = backend;
  const outputs = tf.tidy(() => {
    if (way === 'eager') return [...body([...args], []).outputs];
    const specs = args.map(({ shape }): Spec => ({ dtype: types.float32, shape }));
    const program = backend.native!.compiler.compile({ mode: way, args: specs, state: [] }, body);
    try {
      return program.run(args);
    } finally {
      program.dispose();
    }
  });
  const values = outputs.map((output) => Float64Array.from(output.dataSync()));
  tf.dispose(outputs);
  return values;
}

/** Exact in float32, whatever the order of the sums; off in the fourth digit where factors are rounded to TF32. */
function productItems(backend: Backend, way: Way): DeviceItem[] {
  const { tf } = backend;
  const args = [factor, permutation].map((values) => tf.tensor(values, [productSize, productSize]));
  const [values] = call(backend, way, args, ([a, b]) => ({ outputs: [tf.matMul(a!, b!)], state: [] }));
  tf.dispose(args);
  const name = 'float32 products: all digits of the factors count';
  return [{ name, way, precision: 'exact', roundings: 0, values: values! }];
}

/** All norms and activations; one program for all of them. */
function logitItems(backend: Backend, way: Way): DeviceItem[] {
  const { tf } = backend;
  const maths = mathsOf(backend);
  const kinds = norms.flatMap((norm) => activations.map((activation) => ({ norm, activation })));
  const networks = kinds.map(({ norm, activation }) => networkOf(specOf(norm, activation)));
  const names = networks.map(({ graph }) => graph.parameters.map(({ name }) => name));
  // Networks of one norm have the same parameters.
  const owners = norms.map((norm) => kinds.findIndex((kind) => kind.norm === norm));
  const stored = owners.map((owner) => stackArrays(tf, statesOf(networks[owner]!)));
  const x = tf.tensor(new RandomStream(3, 'device check', 'x').normals(32 * features), [1, 32, features]);
  const args = [x, ...stored.flatMap((tensors) => [...tensors.values()])];
  const values = call(backend, way, args, ([input, ...parameters]) => {
    const outputs = networks.map((network, i) => {
      const owner = norms.indexOf(kinds[i]!.norm);
      const before = owners.slice(0, owner).reduce((sum, k) => sum + names[k]!.length, 0);
      const own = new Map(names[i]!.map((name, k) => [name, parameters[before + k]!]));
      return forward(maths, network, own, input!).output;
    });
    return { outputs, state: [] };
  });
  tf.dispose(args);
  return kinds.map(({ norm, activation }, i) => ({
    ...{ name: `logits, norm ${norm}, ${activation}`, way, precision: 'float32' as const },
    ...{ roundings: forwardRoundings, values: values[i]! },
  }));
}

/** As jobs evaluate. In none of the examples are the two largest logits close: accuracy is exact. */
async function evaluationItems(backend: Backend, way: Way): Promise<DeviceItem[]> {
  const network = networkOf(specOf('layer', 'gelu'));
  const stored = stackArrays(backend.tf, statesOf(network));
  const evaluation = new Evaluation(backend, { network, count: models, rows: 64, way });
  try {
    for (const name of evaluation.parameters) evaluation.setParameter(name, stored.get(name)!);
    const scores = await evaluation.scores(examplesOf(evaluated), () => Promise.resolve());
    const [loss, accuracy] = [scores.loss, scores.accuracy!].map((values) => Float64Array.from(values));
    const item = { way, roundings: forwardRoundings };
    return [
      { ...item, name: 'evaluation: loss', precision: 'float32', values: loss! },
      { ...item, name: 'evaluation: accuracy', precision: 'exact', values: accuracy! },
    ];
  } finally {
    evaluation.dispose();
    backend.tf.dispose([...stored.values()]);
  }
}

/** A product, and a system of equations by Cholesky factors, in double precision. */
function doubleItems(backend: Backend): DeviceItem[] {
  const { doubles } = backend.native!;
  const [rows, size] = [96, 32];
  const values = Float64Array.from(new RandomStream(9, 'device check', 'doubles').normals(rows * size));
  const a = doubles.put(values, [rows, size]);
  const one = doubles.put(
    Float64Array.from({ length: size ** 2 }, (_, i) => (i % (size + 1) === 0 ? rows : 0)),
    [size, size],
  );
  const gram = doubles.matMul(a, a, true, false);
  // Its condition number is 6 or so.
  const regular = doubles.op('AddV2', [gram, one]);
  const lower = doubles.op('Cholesky', [regular]);
  const right = doubles.matMul(gram, a, false, true);
  const solved = doubles.op('MatrixTriangularSolve', [lower, right], {
    lower: attr.bool(true),
    adjoint: attr.bool(false),
  });
  const found = { product: doubles.read(gram), solution: doubles.read(solved) };
  doubles.free(a, one, gram, regular, lower, right, solved);
  const item = { way: 'eager' as const, precision: 'float64' as const };
  return [
    { ...item, name: 'float64 product', roundings: rows, values: found.product },
    { ...item, name: 'float64 triangular system', roundings: rows + 2 * size, values: found.solution },
  ];
}
