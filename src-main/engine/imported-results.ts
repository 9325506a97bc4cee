/** Results and figures that an import brought: kept like our own, marked as imported, each once. */
import { z } from 'zod';
import { figureRecipeSchema } from '../../src-shared/api.ts';
import { messageOf } from '../../src-shared/errors.ts';
import type { FoundFigure, FoundResult } from '../../src-shared/interop.ts';
import type { AnyJobKind } from '../../src-shared/jobs/index.ts';
import { provenanceSchema } from '../../src-shared/provenance.ts';
import type { RunStore } from './catalog/runs.ts';
import type { FigureStore } from './figure-store.ts';
import type { ResultStore } from './results.ts';

interface Parts {
  results: ResultStore;
  figures: FigureStore;
  kindNamed: (name: string) => AnyJobKind;
  runs: Pick<RunStore, 'idAt' | 'stored'>;
  version: string;
  jobId: string;
}

/** @returns what could not be taken, each a line for the job's log */
export function takeResults(
  found: { results: readonly FoundResult[]; figures: readonly FoundFigure[] },
  parts: Parts,
): string[] {
  const problems: string[] = [];
  const ids = new Map<string, string>();
  let isNew = false;
  for (const result of found.results) {
    try {
      const taken = takeOne(result, parts);
      isNew ||= taken.isNew;
      if (result.originalId !== undefined) ids.set(result.originalId, taken.id);
    } catch (error) {
      problems.push(`warning: ${result.path}: "${result.title}" was not imported: ${messageOf(error)}`);
    }
  }
  // An analysis that was imported before has its figures already.
  if (!isNew && found.results.length > 0) return problems;
  for (const { title, resultIds, recipe } of found.figures) {
    const parsed = figureRecipeSchema.safeParse(recipe);
    if (parsed.success)
      parts.figures.save({ title, resultIds: resultIds.map((id) => ids.get(id) ?? id), recipe: parsed.data });
    else problems.push(`warning: the figure "${title}" was not imported: its recipe is not valid.`);
  }
  return problems;
}

function takeOne(found: FoundResult, parts: Parts): { id: string; isNew: boolean } {
  const { results, kindNamed, runs, version } = parts;
  const cacheKey = `imported:${found.sha256}:${found.part}`;
  const known = results.withKey(cacheKey);
  if (known !== undefined) return { id: known, isNew: false };
  const kind = kindNamed(found.kind);
  const own = provenanceSchema.safeParse(found.provenance);
  const measured = runsOf(found).flatMap((path) => {
    const id = runs.idAt(path);
    return id === undefined ? [] : [{ id, path, configHash: runs.stored(id).configHash }];
  });
  const file = results.write({
    kind: found.kind,
    version: kind.version,
    title: found.title,
    jobId: parts.jobId,
    origin: 'imported',
    cacheKey,
    runIds: (own.success ? own.data.runs : measured).map((run) => run.id),
    params: found.params,
    provenance: own.success
      ? own.data
      : { basinVersion: version, kind: found.kind, backend: `imported from ${found.path}`, runs: measured },
    data: kind.result.parse(found.data),
  });
  results.register(file);
  return { id: file.id, isNew: true };
}

const runField = z.object({ run: z.string().min(1) });

/** The run folder that the file names; in the catalog or not. */
function runsOf({ params }: FoundResult): string[] {
  const named = runField.safeParse(params);
  return named.success ? [named.data.run] : [];
}
