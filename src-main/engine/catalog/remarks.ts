/** What an import says about runs that look like others: one sentence for each kind of thing, however many runs. */
import type { Remark, RemarkKind } from './intake.ts';

interface Words {
  one: (remark: Remark) => string;
  many: (count: number, first: Remark) => string;
}

const words: Record<RemarkKind, Words> = {
  moved: {
    one: ({ id, path }) => `Run ${id} was moved to ${path}; its groups were kept.`,
    many: (count) => `${count} runs were moved; their groups were kept.`,
  },
  copy: {
    one: ({ path, other }) => `${path} is a copy of ${other} (same config, same weights); both are kept.`,
    many: (count, { path, other }) =>
      `${count} of these runs are copies of others (same config, same weights), such as ${path} of ${other}; all are kept.`,
  },
  replaced: {
    one: ({ id, path }) =>
      `${path} holds different weights than before; run ${id} now refers to the new ones, also in its groups.`,
    many: (count, { path }) =>
      `${count} folders hold different weights than before, such as ${path}; their runs now refer to the new ones, also in their groups.`,
  },
  several: {
    one: ({ path, other }) =>
      `${path} has the weights of run ${other}, whose folder is missing, but so do other folders; the groups stay with ${other}. To choose this folder: basin runs relocate ${other} ${path}`,
    many: (count, { path, other }) =>
      `${count} folders have the weights of runs whose folders are missing, but more than one folder matches each run; the groups stay with the missing runs. To choose a folder: basin runs relocate ${other} ${path}`,
  },
  untold: {
    one: ({ path, other }) =>
      `${path} may be run ${other}, whose folder is missing: config, file names and sizes are the same, but its weights were never hashed, so Basin cannot be sure. Its groups stay with ${other}. If it is that run: basin runs relocate ${other} ${path}`,
    many: (count, { path, other }) =>
      `${count} folders may be runs whose folders are missing; the weights of those were never hashed, so Basin cannot be sure. The groups stay with the missing runs. To confirm that a folder is one of them: basin runs relocate ${other} ${path}`,
  },
};

/** Sentences behind a note that are kept. */
const detailsKept = 200;

export function summarised(remarks: readonly Remark[]): { notes: string[]; details: string[] } {
  const notes: string[] = [];
  const details: string[] = [];
  for (const [kind, alike] of Map.groupBy(remarks, (remark) => remark.kind)) {
    const { one, many } = words[kind];
    if (alike.length === 1) notes.push(one(alike[0]!));
    else {
      notes.push(many(alike.length, alike[0]!));
      details.push(...alike.map(one));
    }
  }
  const more = details.length - detailsKept;
  return {
    notes,
    details: more > 0 ? [...details.slice(0, detailsKept), `... and ${more} more.`] : details,
  };
}
