/**
 * Running statistics of batch norms as PyTorch finds them in train mode with momentum None: every batch is normalised by
 * its own statistics, and the running ones are the plain means of those of the batches, whatever their sizes; variances
 * unbiased.
 */
import { sizeOf } from '../../../src-shared/shapes.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import type { Examples } from '../data/index.ts';
import type { Evaluation } from './evaluation.ts';

/**
 * @param evaluation one by batch that returns statistics; its `rows` are the batch
 * @param between called after every batch with the number of its examples; throw there to stop
 * @returns by the names of the running statistics, [P, ...shape] each
 */
export async function estimateStatistics(
  evaluation: Evaluation,
  examples: Examples,
  between: (examples: number) => Promise<void>,
): Promise<Map<string, Float32Array>> {
  const { rows, network, count } = evaluation.plan;
  const sums = new Map<string, Float64Array>();
  let batches = 0;
  for (let start = 0; start < examples.count; start += rows) {
    const size = Math.min(rows, examples.count - start);
    for (const [name, values] of evaluation.batchStatistics(examples, start, size)) {
      const sum = sums.get(name) ?? new Float64Array(count * sizeOf(network.parameters.get(name)!.shape));
      // Norms of the input itself see the same for all networks.
      for (let k = 0; k < sum.length; k++) sum[k]! += values[k % values.length]!;
      sums.set(name, sum);
    }
    batches++;
    await between(size);
  }
  return new Map(
    [...sums].map(([name, sum]) => [name, Float32Array.from(sum, (total) => total / batches)] as const),
  );
}

/** Numbers that a batch norm has of one example, at the least; infinite without one. */
export function fewestPerExample({ nodes }: Network): number {
  const own = nodes.flatMap(({ op, attributes, shape }) =>
    op === 'norm' && (attributes as { kind: string }).kind === 'batch' ? [sizeOf(shape.slice(0, -1))] : [],
  );
  return Math.min(...own, Infinity);
}
