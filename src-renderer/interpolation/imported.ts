/** Curves that an import brought: shown as groups of their own, one for each run that a file names. */
import { z } from 'zod';
import type { Group } from '../../src-shared/api.ts';
import { coloursOf } from '../../src-shared/series-colours.ts';
import type { Provenance } from '../../src-shared/provenance.ts';

/** Where imported curves come from. */
export interface ImportedFrom {
  /** The run, as the file names it. */
  key: string;
  /** `imported from FILE` */
  from: string;
}

const namedSchema = z.object({ runKey: z.string() });

export function importedFrom(
  params: unknown,
  title: string,
  provenance: Provenance | undefined,
): ImportedFrom {
  const backend = provenance?.backend;
  // Numbers that came in an analysis of Basin say what computed them, and their params name no key.
  const from = backend?.startsWith('imported from ')
    ? backend
    : `imported from an analysis${backend === undefined ? '' : ` (computed with ${backend})`}`;
  return { key: namedSchema.safeParse(params).data?.runKey ?? title.replace(/^Interpolate: /, ''), from };
}

export const importedGroupId = ({ key, from }: ImportedFrom): string => `imported-${key}-${from}`;

/** Each once, in the order in which they came. */
export function groupsOfImported(all: readonly ImportedFrom[]): Group[] {
  const distinct = [...new Map(all.map((imported) => [importedGroupId(imported), imported])).values()];
  const colours = coloursOf(distinct.map(({ key }) => ({ label: key })));
  return distinct.map((imported, i) => ({
    ...{ id: importedGroupId(imported), architecture: 'mlp', key: `${imported.key} (imported)` },
    ...{ colour: colours[i]!, notes: imported.from, members: [] },
  }));
}
