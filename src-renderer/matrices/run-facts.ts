/** What tells runs apart where their matrices stand beside each other. */
import type { RunRow } from '../../src-shared/api.ts';
import type { RunFacts } from './sources.ts';

/** The dimension of the subspace that a run's data were made on; null for data that are read from files. */
function intrinsicOf(properties: RunRow['properties']): number | null {
  const kind = String(properties['dataset.name'] ?? '').replace(/-dataset$/, '');
  const section = `dataset.${kind.replaceAll('-', '_')}_dataset`;
  const value = properties[`${section}.d_intrinsic`] ?? properties[`${section}.num_binary_labels`];
  return typeof value === 'number' ? value : null;
}

export function factsOf({
  name,
  sigmaF,
  properties,
}: Pick<RunRow, 'name' | 'sigmaF' | 'properties'>): RunFacts {
  return { name, sigmaF, k: intrinsicOf(properties) };
}
