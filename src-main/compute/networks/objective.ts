/** Whether examples have the labels that a network's loss is about. */
import { UserError } from '../../../src-shared/errors.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import type { Examples } from '../data/index.ts';

/** Scores, predictions and kernels are those of one row of logits per example. @throws UserError if there is more */
export function requireLogits({ graph, shapes }: Network): void {
  const shape = shapes.get(graph.output)!;
  if (shape.length === 1) return;
  throw new UserError(
    `the network gives [${shape.join(', ')}] for an example; losses, accuracies and kernels are those of networks that give one row of logits so far.`,
    { hint: 'Its outputs can be written to a file: basin run evaluate.' },
  );
}

/** Labels would be read as others otherwise. @throws Error if not: callers refuse such data by name before */
export function requireObjective({ objective }: Network, { binaryLabels }: Examples): void {
  if (objective?.labels === binaryLabels) return;
  const of = (labels: number | undefined): string =>
    labels === undefined ? 'one class each' : `${labels} binary labels each`;
  throw new Error(
    `the network is for examples with ${of(objective?.labels)}; these have ${of(binaryLabels)}`,
  );
}
