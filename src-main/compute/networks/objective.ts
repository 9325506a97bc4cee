/** Whether a network gives, and examples have, what its loss is about. */
import { UserError } from '../../../src-shared/errors.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { objectiveMismatch, targetsOf, targetsText } from '../../../src-shared/objective.ts';
import type { Examples } from '../data/index.ts';

/**
 * Scores and losses are those of one row of logits per example, or of what the network's objective says.
 * @throws UserError if the network gives something else
 */
export function requireScored({ graph, shapes, objective }: Network): void {
  const mismatch = objectiveMismatch(shapes.get(graph.output)!, objective);
  if (mismatch === undefined) return;
  throw new UserError(mismatch, { hint: 'Its outputs can be written to a file: basin run evaluate.' });
}

/** Labels would be read as others otherwise. @throws Error if not: callers refuse such data by name before */
export function requireObjective({ objective }: Network, { targets }: Examples): void {
  const wanted = targetsOf(objective);
  if (wanted?.kind === targets?.kind && wanted?.each === targets?.each) return;
  throw new Error(
    `the network is for examples with ${targetsText(wanted)}; these have ${targetsText(targets)}`,
  );
}
