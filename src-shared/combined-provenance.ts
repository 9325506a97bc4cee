import type { Provenance } from './provenance.ts';

/**
 * Where a figure made from several results comes from: all their runs and checkpoints, each once. What differs between
 * them (a seed, the data, the back end, the version) is named with every value that it had.
 *
 * @returns undefined for no results
 */
export function combinedProvenance(results: readonly Provenance[]): Provenance | undefined {
  const first = results[0];
  if (!first || results.length === 1) return first;
  const { parts: _parts, created: _created, ...rest } = first;
  const data = several(results.map((result) => result.data));
  const backend = several(results.map((result) => result.backend));
  return {
    ...rest,
    basinVersion: several(results.map((result) => result.basinVersion)) ?? first.basinVersion,
    runs: unique(
      results.flatMap((result) => result.runs),
      ({ path, configHash }) => `${path} ${configHash}`,
    ),
    checkpoints: unique(
      results.flatMap((result) => result.checkpoints),
      ({ path, sha256 }) => `${path} ${sha256}`,
    ),
    seeds: combinedSeeds(results),
    ...(data === undefined ? {} : { data }),
    ...(backend === undefined ? {} : { backend }),
  };
}

function combinedSeeds(results: readonly Provenance[]): Provenance['seeds'] {
  const names = new Set(results.flatMap(({ seeds }) => Object.keys(seeds)));
  return Object.fromEntries(
    [...names].map((name) => {
      const values = unique(
        results.flatMap(({ seeds }) => seeds[name] ?? []),
        String,
      );
      return [name, values.length === 1 ? values[0]! : values];
    }),
  );
}

/** `a`, or `a / b` where results differ. */
function several(values: readonly (string | undefined)[]): string | undefined {
  const known = unique(
    values.filter((value) => value !== undefined),
    String,
  );
  return known.length === 0 ? undefined : known.join(' / ');
}

function unique<T>(items: readonly T[], keyOf: (item: T) => string): T[] {
  return [...new Map(items.map((item) => [keyOf(item), item])).values()];
}
