/** Whether models of one network compute the same function: their outputs for random inputs, in double precision. */
import type { Network } from '../../../src-shared/networks/network.ts';
import type { TorchCall } from '../../../src-shared/networks/operations/torch.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';
import type { Backend } from '../backend/index.ts';
import { RandomStream } from '../random.ts';
import { relativeChange } from './check-symmetries.ts';
import { valuesOfArrays } from './doubles.ts';
import type { NamedArrays } from './permute.ts';

/** Examples that functions are compared on. */
const rows = 2;

/** Numbers of any size; whole ones for tables of rows, as many as the smallest has. */
export function inputsOf({ graph, nodes, shapes }: Network, stream: RandomStream): Float64Array {
  const [input] = graph.inputs;
  const numbers = stream.normals(rows * sizeOf(input!.shape));
  const calls = nodes.filter(({ op }) => op === 'torch');
  const isWhole = calls.some(
    ({ takes, attributes }) =>
      takes.includes(input!.id) &&
      (attributes as TorchCall).call === 'cast' &&
      (attributes as { kind: string }).kind === 'int',
  );
  const tables = calls.flatMap(({ takes, attributes }) =>
    (attributes as TorchCall).call === 'embedding' ? [shapes.get(takes[0]!)![0]!] : [],
  );
  const most = Math.min(2 ** 10, ...tables);
  return Float64Array.from(numbers, (value) => (isWhole ? Math.floor(Math.abs(value) * 1000) % most : value));
}

/** The largest change of an output relative to the largest output, in double precision. */
export type ChangeOf = (arrays: NamedArrays<Float64Array>) => number;

/**
 * Compares models with one model on random inputs, in double precision.
 * @param use may call its argument any number of times
 * @param x [rows, ...shape of an input], flat; absent: `inputsOf` a fixed stream
 * @throws UserError without native TensorFlow
 */
export function withComparison<T>(
  backend: Backend,
  network: Network,
  arrays: NamedArrays<Float64Array>,
  use: (changeOf: ChangeOf) => T,
  x = inputsOf(network, new RandomStream(0, 'symmetries')),
): T {
  const values = valuesOfArrays(backend, { network, arrays }, [network.graph.output], { rows, count: rows });
  const outputOf = (own: NamedArrays<Float64Array>): Float64Array => {
    let found = new Float64Array();
    values.set(own);
    values.each(x, (value) => {
      found = Float64Array.from(value instanceof Float64Array ? value : backend.native!.doubles.read(value));
    });
    return found;
  };
  try {
    const before = outputOf(arrays);
    return use((own) => relativeChange(before, outputOf(own)));
  } finally {
    values.dispose();
  }
}
