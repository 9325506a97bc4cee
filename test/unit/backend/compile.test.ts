/** Compiled computations: the same numbers as operation by operation, state that stays, gradients, doubles, refusals. */
import { afterAll, expect, test } from 'vitest';
import { loadBackend, numberTensor, tensorCount, types } from '../../../src-main/compute/backend/index.ts';
import type { CompileMode, Program, Spec, Tensor } from '../../../src-main/compute/backend/index.ts';
import { mathsOf } from '../../../src-main/compute/networks/maths.ts';

const backend = await loadBackend();
const { tf } = backend;
const compiler = backend.native?.compiler;
const before = tensorCount(backend);
afterAll(() => {
  expect(tensorCount(backend)).toEqual(before);
});

const single = (...shape: number[]): Spec => ({ dtype: types.float32, shape });
const double = (...shape: number[]): Spec => ({ dtype: types.float64, shape });
const modes: CompileMode[] = ['xla', 'graph'];

function using<T>(program: Program, use: (program: Program) => T): T {
  try {
    return use(program);
  } finally {
    program.dispose();
  }
}

const numbers = (tensors: readonly Tensor[]): number[][] =>
  tensors.map((tensor) => {
    const values = Array.from(tensor.dataSync());
    tensor.dispose();
    return values;
  });

test.skipIf(!compiler).each(modes)('%s works where this test runs', (mode) => {
  expect(compiler!.shortfall(mode)).toBeUndefined();
});

test.skipIf(!compiler).each(modes)('%s: the numbers of the operations, once for each call', (mode) => {
  const body = ([a, b]: Tensor[]): Tensor => tf.softmax(tf.add(tf.matMul(a!, b!), tf.erf(b!)), -1);
  const [a, b] = [tf.randomNormal([3, 3], 0, 1, 'float32', 1), tf.randomNormal([3, 3], 0, 1, 'float32', 2)];
  const program = compiler!.compile({ mode, args: [single(3, 3), single(3, 3)], state: [] }, (args) => ({
    outputs: [body(args)],
    state: [],
  }));
  using(program, () => {
    for (const pair of [
      [a, b],
      [b, a],
    ]) {
      const [found] = numbers(program.run(pair));
      const [expected] = numbers([tf.tidy(() => body(pair))]);
      found!.forEach((value, i) => expect(value).toBeCloseTo(expected![i]!, 6));
    }
  });
  tf.dispose([a, b]);
});

test.skipIf(!compiler).each([
  { a: [3, 4], b: [4, 5], turn: [false, false] },
  { a: [4, 3], b: [5, 4], turn: [true, true] },
  { a: [2, 3, 4], b: [2, 4, 5], turn: [false, false] },
  { a: [2, 4, 3], b: [1, 4, 5], turn: [true, false] },
  { a: [1, 3, 4], b: [6, 5, 4], turn: [false, true] },
  { a: [2, 1, 3, 4], b: [1, 6, 4, 5], turn: [false, false] },
])('the shape of a product, which is not learned by running it: $a times $b, turned $turn', (product) => {
  const { a, b, turn } = product;
  const body = ([x, y]: Tensor[]): Tensor => tf.matMul(x!, y!, turn[0], turn[1]);
  const args = [tf.randomNormal(a, 0, 1, 'float32', 1), tf.randomNormal(b, 0, 1, 'float32', 2)];
  const settings = { mode: 'graph' as const, args: [single(...a), single(...b)], state: [] };
  const program = compiler!.compile(settings, (given) => ({ outputs: [body(given)], state: [] }));
  using(program, () => {
    const expected = tf.tidy(() => body(args));
    const [found] = program.run(args);
    expect(program.outputSpec(0)).toEqual(single(...expected.shape));
    expect(found!.shape).toEqual(expected.shape);
    tf.dispose([expected, found!]);
  });
  tf.dispose(args);
});

// A trace of 20,000,000 rows of 4 kB would need 80 GB if it were learned on as many zeros.
test.skipIf(!compiler)('gathering is learned from one row, however long the table is', () => {
  const state: Spec[] = [single(2e7, 1000)];
  const program = compiler!.compile(
    { mode: 'graph', args: [{ dtype: types.int32, shape: [2, 3] }], state },
    ([rows], [table]) => ({
      outputs: [mathsOf(backend).gather(table!, rows!)],
      state: [table!],
    }),
  );
  using(program, () => {
    expect(program.outputSpec(0)).toEqual(single(2, 3, 1000));
  });
});

test.skipIf(!compiler).each(modes)(
  '%s: state stays in the session and is read without being changed later',
  (mode) => {
    const program = compiler!.compile(
      { mode, args: [single(2)], state: [single(2), { dtype: types.int32, shape: [] }] },
      ([x], [sum, count]) => ({
        outputs: [tf.sum(x!)],
        state: [tf.add(sum!, x!), tf.add(count!, tf.scalar(1, 'int32'))],
      }),
    );
    using(program, () => {
      const start = tf.tensor1d([1, 2]);
      const zero = tf.scalar(0, 'int32');
      const x = tf.tensor1d([10, 100]);
      program.set(0, start);
      program.set(1, zero);
      expect(numbers(program.run([x]))).toEqual([[110]]);
      const after = program.get(0);
      expect(numbers(program.run([x]))).toEqual([[110]]);
      expect(numbers([after, program.get(0), program.get(1)])).toEqual([[11, 102], [21, 202], [2]]);
      expect(Array.from(start.dataSync())).toEqual([1, 2]);
      tf.dispose([start, zero, x]);
    });
  },
);

test.skipIf(!compiler)('several passes in one call equal as many calls, to the last bit', () => {
  const step = ([x]: Tensor[], [w]: Tensor[]) => {
    const next = tf.add(tf.mul(w!, 0.9), tf.tanh(tf.mul(x!, w!)));
    return { outputs: [tf.sum(next), next], state: [next] };
  };
  const settings = { mode: 'xla' as const, args: [single(4)], state: [single(4)] };
  const one = compiler!.compile(settings, step);
  const five = compiler!.compile({ ...settings, steps: 5 }, step);
  const xs = tf.randomNormal([5, 4], 0, 1, 'float32', 3);
  const start = tf.tensor1d([0.1, -0.2, 0.3, 0.4]);
  one.set(0, start);
  five.set(0, start);
  const sums: number[] = [];
  const all: number[] = [];
  for (const x of tf.unstack(xs)) {
    const [sum, next] = numbers(one.run([x]));
    sums.push(...sum!);
    all.push(...next!);
    x.dispose();
  }
  expect(numbers(five.run([xs]))).toEqual([sums, all]);
  expect(numbers([five.get(0)])).toEqual(numbers([one.get(0)]));
  expect(five.outputSpec(1)).toEqual({ dtype: types.float32, shape: [5, 4] });
  one.dispose();
  five.dispose();
  tf.dispose([xs, start]);
});

test.skipIf(!compiler).each(modes)('%s: gradients in double precision are central differences', (mode) => {
  const doubles = backend.native!.doubles;
  const loss = ([w, x]: Tensor[]): Tensor => {
    const z = tf.matMul(x!, w!);
    const centred = tf.sub(z, tf.mean(z, -1, true));
    const scale = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), numberTensor(tf, 1e-5)));
    return tf.sum(tf.square(tf.tanh(tf.mul(centred, scale))));
  };
  const settings = { mode, precision: 'float64' as const, args: [double(3, 4), double(5, 3)], state: [] };
  const value = compiler!.compile(settings, (args) => ({ outputs: [loss(args)], state: [] }));
  const gradient = compiler!.compile(settings, ([w, x]) => ({
    outputs: [tf.grad((v) => loss([v, x!]))(w!)],
    state: [],
  }));
  const w = Float64Array.from({ length: 12 }, (_, i) => Math.sin(3 * i + 1));
  const x = Float64Array.from({ length: 15 }, (_, i) => Math.cos(2 * i));
  const call = (program: Program, at: Float64Array): Float64Array => {
    const [a, b] = [doubles.put(at, [3, 4]), doubles.put(x, [5, 3])];
    const [out] = program.runDoubles([a, b]);
    const values = doubles.read(out!);
    doubles.free(a, b, out!);
    return values;
  };
  const slope = call(gradient, w);
  const step = 1e-5;
  w.forEach((_, i) => {
    const moved = [step, -step].map((by) => call(value, w.with(i, w[i]! + by))[0]!);
    expect(slope[i]).toBeCloseTo((moved[0]! - moved[1]!) / (2 * step), 7);
  });
  value.dispose();
  gradient.dispose();
});

test.skipIf(!compiler)('numbers that float32 would round are refused in double precision', () => {
  const settings = { mode: 'graph' as const, precision: 'float64' as const, args: [double(2)], state: [] };
  const body = (by: number) => () =>
    compiler!.compile(settings, ([x]) => ({ outputs: [tf.mul(x!, by)], state: [] })).dispose();
  expect(body(0.1)).toThrow('the constant 0.10000000149011612 was rounded to float32');
  expect(body(0.375)).not.toThrow();
});

test.skipIf(!compiler)('what cannot be compiled is refused by name', () => {
  const settings = { mode: 'graph' as const, args: [single(300)], state: [] };
  const compile = (body: (x: Tensor) => Tensor) => () =>
    compiler!.compile(settings, ([x]) => ({ outputs: [body(x!)], state: [] }));
  expect(compile((x) => tf.scalar(x.dataSync()[0]!))).toThrow('a value was requested while tracing');
  expect(compile((x) => tf.add(x, tf.randomNormal([300])))).toThrow(
    'a constant of shape [300] would be frozen into the graph',
  );
  expect(compile((x) => backend.kernel('Where', [tf.greater(x, 0)], {}))).toThrow(
    'Where cannot be part of a compiled graph',
  );
  // The back end works as before after each of these.
  expect(numbers([tf.tidy(() => tf.add(tf.scalar(1), tf.scalar(2)))])).toEqual([[3]]);
});

test.skipIf(!compiler)('another shape or type of argument is refused, and use after disposal', () => {
  const program = compiler!.compile({ mode: 'graph', args: [single(2)], state: [] }, ([x]) => ({
    outputs: [tf.neg(x!)],
    state: [],
  }));
  const three = tf.tensor1d([1, 2, 3]);
  const whole = tf.tensor1d([1, 2], 'int32');
  expect(() => program.run([three])).toThrow(
    'argument 0 of a compiled computation is float32 [3]; float32 [2]',
  );
  expect(() => program.run([whole])).toThrow('is int32 [2]; float32 [2] was expected');
  expect(() => program.run([])).toThrow('of 1 arguments was given 0');
  program.dispose();
  program.dispose();
  expect(() => program.run([three])).toThrow();
  tf.dispose([three, whole]);
});

test.skipIf(!compiler)('a program that nobody uses any more is taken over, without its state', () => {
  const make = (factor: number): Program =>
    compiler!.compile({ mode: 'graph', args: [single(1)], state: [single(1)] }, ([x], [sum]) => {
      const next = tf.add(sum!, tf.mul(x!, factor));
      return { outputs: [next], state: [next] };
    });
  const one = tf.tensor1d([1]);
  const ten = tf.tensor1d([10]);
  const first = make(3);
  const beside = make(3);
  expect(beside).not.toBe(first);
  first.set(0, ten);
  expect(numbers(first.run([one]))).toEqual([[13]]);
  first.dispose();
  const again = make(3);
  expect(again).toBe(first);
  expect(make(4)).not.toBe(first);
  expect(() => again.run([one])).toThrow('state 0 of a compiled computation was not set');
  again.set(0, one);
  expect(numbers(again.run([one]))).toEqual([[4]]);
  again.dispose();
  beside.dispose();
  tf.dispose([one, ten]);
});
