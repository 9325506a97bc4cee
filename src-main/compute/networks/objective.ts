/** Whether examples have the labels that a network's loss is about. */
import type { Network } from '../../../src-shared/networks/network.ts';
import type { Examples } from '../data/index.ts';

/** Labels would be read as others otherwise. @throws Error if not: callers refuse such data by name before */
export function requireObjective({ objective }: Network, { binaryLabels }: Examples): void {
  if (objective?.labels === binaryLabels) return;
  const of = (labels: number | undefined): string =>
    labels === undefined ? 'one class each' : `${labels} binary labels each`;
  throw new Error(
    `the network is for examples with ${of(objective?.labels)}; these have ${of(binaryLabels)}`,
  );
}
