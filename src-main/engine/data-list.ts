/** Which data sets there are, for the command line and the app: embedded, fetched, added, made. */
import { join } from 'node:path';
import type { DataSetRow } from '../../src-shared/data-list.ts';
import { geometryKinds } from '../../src-shared/config.ts';
import { messageOf } from '../../src-shared/errors.ts';
import { addedNames, arxivFacts, cifarNamed, dataSetFacts, factsOfData } from '../formats/data-registry.ts';
import { findCifar } from '../formats/cifar.ts';
import { dataSets, publishedSets } from '../formats/data-sets.ts';
import { holdsIdx } from '../formats/idx-folder.ts';

/** Sets that come with Basin. */
export const embeddedNames: readonly string[] = ['mnist-10k', 'mnist-10k-32'];

/** @param home the workspace's folder of data sets */
export function listDataSets(home: string): DataSetRow[] {
  return [
    ...dataSets.map((set): DataSetRow => {
      const facts = dataSetFacts(set);
      if (embeddedNames.includes(set.name))
        return { ...facts, state: 'embedded', folder: null, problem: null };
      const folder = join(home, set.name);
      const missing = Object.hasOwn(publishedSets(), set.name) ? 'not fetched' : 'folder';
      const there = isThere(set.name, folder);
      return {
        ...{ ...facts, state: there ? 'fetched' : missing },
        ...{ folder: there ? folder : null, problem: null },
      };
    }),
    { ...arxivFacts, state: 'folder', folder: null, problem: null },
    ...addedNames(home).map((name) => added(name, home)),
    ...geometryKinds.map((name): DataSetRow => ({
      ...unknown,
      name,
      state: 'made',
      folder: null,
      problem: null,
    })),
  ];
}

const unknown = { features: null, shape: null, classes: null, train: null, test: null };

function isThere(name: string, folder: string): boolean {
  const variant = cifarNamed(name);
  return variant ? findCifar(variant, folder) !== undefined : holdsIdx(folder);
}

/** One that cannot be read is listed with the reason, and does not hide the others. */
function added(name: string, home: string): DataSetRow {
  const place = { name, state: 'added', folder: join(home, name) } as const;
  try {
    return { ...unknown, ...factsOfData(name, { home }), ...place, problem: null };
  } catch (error) {
    return { ...unknown, ...place, problem: messageOf(error) };
  }
}
