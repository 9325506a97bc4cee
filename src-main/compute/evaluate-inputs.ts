/** Kind `evaluate`: what comes out of a model for given inputs. */
import { UserError } from '../../src-shared/errors.ts';
import type { Execution } from '../../src-shared/domain.ts';
import type { ParamsOf, ResultOf } from '../../src-shared/jobs/define.ts';
import type { evaluateJob } from '../../src-shared/jobs/evaluate.ts';
import type { Network } from '../../src-shared/networks/network.ts';
import { takesWholes } from '../../src-shared/networks/tokens.ts';
import { sizeOf } from '../../src-shared/shapes.ts';
import { isCounter } from '../formats/tensor-names.ts';
import { readNpy, writeNpy } from '../formats/npy.ts';
import { accounted } from './accounted.ts';
import { EagerComputation, types } from './backend/index.ts';
import type { Backend, Computation } from './backend/index.ts';
import { checkpointCancel, ProgressMeter } from './context.ts';
import type { Compute, ComputeContext } from './context.ts';
import { loadModels, refuseGraphNetworks } from './load-models.ts';
import type { LoadedModel } from './load-models.ts';
import { valuesOf } from './networks/doubles.ts';
import { rowsPerCall } from './networks/evaluation.ts';
import { evaluationWay } from './networks/execution.ts';
import { mathsOf } from './networks/maths.ts';
import { forward } from './networks/run.ts';
import { stackArrays } from './networks/stack-arrays.ts';

type Params = ParamsOf<typeof evaluateJob>;
type Result = ResultOf<typeof evaluateJob>;

interface Given {
  /** [count, ...shape of one] */
  x: Float32Array | Float64Array;
  count: number;
  notes: string[];
}

export const evaluateInputs: Compute<Params, Result> = async (params, context) => {
  const [model] = loadModels(params.run, [params.model], params.epoch) as [LoadedModel];
  refuseGraphNetworks(model.run, 'inputs from a file are evaluated');
  const network = model.run.graph;
  const given = readInputs(params, network);
  const backend = await context.backend();
  const began = performance.now();
  const { y, execution } = await accounted(backend, 'evaluate', () =>
    params.precision === 'float64'
      ? inDoubles(backend, model, given, context)
      : inSingles(backend, model, given, context),
  );
  const shape = [given.count, ...network.shapes.get(network.graph.output)!];
  writeNpy(
    params.out,
    y instanceof Float64Array ? { dtype: 'float64', shape, data: y } : { dtype: 'float32', shape, data: y },
  );
  let unbounded = 0;
  for (const value of y) if (!Number.isFinite(value)) unbounded++;
  const notFinite =
    unbounded > 0 ? [`${unbounded} of ${y.length} numbers are not finite (NaN or infinite).`] : [];
  return {
    ...{ file: params.out, shape, precision: params.precision, execution },
    largest: unbounded > 0 ? null : largestOf(y),
    seconds: (performance.now() - began) / 1000,
    notes: [...given.notes, ...notFinite],
  };
};

function largestOf(values: Iterable<number>): number {
  let largest = 0;
  for (const value of values) largest = Math.max(largest, Math.abs(value));
  return largest;
}

/** Beyond it float32 does not have every whole number. */
const largestWhole = 2 ** 24;
const isWhole = (value: number): boolean => Number.isInteger(value) && Math.abs(value) <= largestWhole;

/** @throws UserError naming the file if its shape is not that of examples of this network */
function readInputs({ inputs, precision }: Params, network: Network): Given {
  const { dtype, shape, data } = readNpy(inputs);
  const wanted = network.graph.inputs[0]!.shape;
  const [count = 0, ...own] = shape;
  const fits = own.join() === wanted.join() || (own.length === 1 && own[0] === sizeOf(wanted));
  if (!fits || count < 1)
    throw new UserError(
      `${inputs}: the shape is [${shape.join(', ')}]; [examples, ${wanted.join(', ')}] was expected, at least one example.`,
    );
  const numbers = data instanceof BigInt64Array ? Float64Array.from(data, Number) : Float64Array.from(data);
  const bad = numbers.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0)
    throw new UserError(`${inputs}: entry ${bad} is ${numbers[bad]}; finite numbers were expected.`);
  const cut = takesWholes(network) ? numbers.findIndex((value) => !isWhole(value)) : -1;
  if (cut >= 0)
    throw new UserError(
      `${inputs}: entry ${cut} is ${numbers[cut]}; the network takes whole numbers of at most ${largestWhole}.`,
    );
  if (precision === 'float64') return { x: numbers, count, notes: [] };
  const x = Float32Array.from(numbers);
  const isRounded = x.some((value, i) => value !== numbers[i]);
  return { x, count, notes: isRounded ? [`The inputs (${dtype}) were rounded to float32.`] : [] };
}

interface Evaluated {
  y: Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;
  execution: Execution;
}

/** Calls `visit` for one stretch of examples after the other. */
async function eachStretch(
  { count }: Given,
  rows: number,
  context: ComputeContext,
  visit: (start: number, size: number) => void,
): Promise<void> {
  const meter = new ProgressMeter(context, count);
  for (let start = 0; start < count; start += rows) {
    await checkpointCancel(context);
    const size = Math.min(rows, count - start);
    visit(start, size);
    meter.advance(size, `${start + size} of ${count} examples`);
  }
}

/** Examples per call in float64: values take twice the room. */
const doubleRows = (network: Network, count: number): number =>
  Math.min(count, Math.max(1, Math.floor(rowsPerCall(network, 1, 'graph') / 2)));

async function inDoubles(
  backend: Backend,
  { run, state }: LoadedModel,
  given: Given,
  context: ComputeContext,
): Promise<Evaluated> {
  const network = run.graph;
  const { x, count } = given;
  const rows = doubleRows(network, count);
  const [features, outputs] = sizesOf(network);
  const values = valuesOf(backend, { network, state }, [network.graph.output], { rows, count });
  const y = new Float64Array(count * outputs);
  try {
    await eachStretch(given, rows, context, (start, size) => {
      values.each(x.slice(start * features, (start + size) * features), (found) => {
        y.set(found instanceof Float64Array ? found : backend.native!.doubles.read(found), start * outputs);
      });
    });
  } finally {
    values.dispose();
  }
  return {
    y,
    execution: backend.native ? { way: 'graph' } : { way: 'eager', reason: 'plain double precision' },
  };
}

const sizesOf = (network: Network): [features: number, outputs: number] => [
  sizeOf(network.graph.inputs[0]!.shape),
  sizeOf(network.shapes.get(network.graph.output)!),
];

async function inSingles(
  backend: Backend,
  { run, acting }: LoadedModel,
  given: Given,
  context: ComputeContext,
): Promise<Evaluated> {
  const network = run.graph;
  const { tf } = backend;
  const { x, count } = given;
  const execution = evaluationWay(backend, network, count);
  const rows = Math.min(count, rowsPerCall(network, 1, execution.way));
  const [features, outputs] = sizesOf(network);
  const arrays = new Map([...acting].filter(([name]) => !isCounter(name)));
  const stacked = stackArrays(tf, [arrays]);
  const places = [...stacked].map(([name, { shape }]) => ({ name, shape }));
  const computation = outputsOf(backend, network, places, { rows, way: execution.way });
  const y = new Float32Array(count * outputs);
  try {
    computation.setAll([...stacked.values()].map((value, i) => [i, value] as const));
    await eachStretch(given, rows, context, (start, size) => {
      // A compiled call takes as many rows as it was made for.
      const length = execution.way === 'eager' ? size : rows;
      const own = new Float32Array(length * features);
      own.set(x.subarray(start * features, (start + size) * features));
      const input = tf.tensor(own, [length, features]);
      const [output] = computation.run([input]);
      y.set((output!.dataSync() as Float32Array).subarray(0, size * outputs), start * outputs);
      tf.dispose([input, output!]);
    });
  } finally {
    computation.dispose();
    tf.dispose([...stacked.values()]);
  }
  return { y, execution };
}

/**
 * Of `rows` examples [rows, features] what comes out, [1, rows, ...shape of one].
 * @param places the state: acting parameters [1, ...shape]
 */
export function outputsOf(
  backend: Backend,
  network: Network,
  places: readonly { name: string; shape: number[] }[],
  { rows, way }: { rows: number; way: Execution['way'] },
): Computation {
  const { tf } = backend;
  const [input] = network.graph.inputs;
  const body: ConstructorParameters<typeof EagerComputation>[1] = ([x], state) => {
    const batch = tf.reshape(x!, [1, x!.shape[0]!, ...input!.shape]);
    const parameters = new Map(places.map(({ name }, i) => [name, state[i]!]));
    return { outputs: [forward(mathsOf(backend), network, parameters, batch).output], state };
  };
  if (way === 'eager') return new EagerComputation(tf, body);
  return backend.native!.compiler.compile(
    {
      mode: way,
      args: [{ dtype: types.float32, shape: [rows, sizeOf(input!.shape)] }],
      state: places.map(({ shape }) => ({ dtype: types.float32, shape })),
    },
    body,
    JSON.stringify(['evaluate', network.graph, rows]),
  );
}
