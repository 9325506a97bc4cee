/** What the networks of a config are trained for. */
import type { Network } from '../networks/network.ts';
import { takesWholes } from '../networks/tokens.ts';
import type { Objective, Task } from '../objective.ts';
import { hasBinaryLabels, objectiveOf } from './geometry.ts';
import type { GeometryPlan } from './geometry.ts';

/**
 * By its data, and by what the network gives; undefined: one class per example. What takes tokens and gives rows of
 * logits can only be for the next token, so that a config need not say it.
 */
export function objectiveFor(
  { geometry, task }: { geometry?: GeometryPlan | undefined; task?: Task | undefined },
  network: Network,
): Objective | undefined {
  if (geometry) return objectiveOf(geometry);
  const shape = network.shapes.get(network.graph.output)!;
  const labels = shape[0] ?? 1;
  if (task === 'regression') return { loss: 'mean-squared-error', labels };
  if (task === 'next-token' || (task === undefined && shape.length === 2 && takesWholes(network)))
    return { loss: 'next-token', labels };
  return undefined;
}

/** " of labels", " of tokens": what the accuracy of a run of the catalog is the share of; empty of examples. */
export function shareOf({
  dataset,
  properties,
}: {
  dataset: string | null;
  properties: Readonly<Record<string, unknown>>;
}): string {
  if (hasBinaryLabels(dataset)) return ' of labels';
  return properties['dataset.task'] === 'next-token' ? ' of tokens' : '';
}
