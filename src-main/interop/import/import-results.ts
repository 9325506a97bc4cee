/** The part of an import that looks at files besides runs: results, analyses, weights without a config. */
import { CancelledError, messageOf, UserError } from '../../../src-shared/errors.ts';
import type { JobResult } from '../../../src-shared/jobs/index.ts';
import { checkpointCancel, type ComputeContext } from '../../compute/context.ts';
import { UnknownContent } from '../../formats/results/fit.ts';
import { readResultFile } from '../../formats/results/result-files.ts';
import { sniff } from '../../formats/sniff.ts';
import { describeStateDict, isStateDictFile } from '../adopt/state-dict-files.ts';

type Result = JobResult<'import'>;

/** What is listed of the files that are nothing Basin knows; a home folder has thousands. */
export const mostPassedOver = 200;
const sayEvery = 150;

export interface FilesToLookAt {
  /** By a person: what is no result of any kind is an error then. */
  named: readonly string[];
  /** Below the folders: what is no result is passed over. */
  found: readonly string[];
  /** Folders that hold a workspace. */
  workspaces: readonly string[];
}

/** Sends every result as it is read; adds to `result` what was recognised, passed over, broken. */
export async function importResults(
  { named, found, workspaces }: FilesToLookAt,
  result: Result,
  context: ComputeContext,
): Promise<void> {
  const passOver = (path: string, reason: string): void => {
    result.passedOverCount += 1;
    if (result.passedOver.length < mostPassedOver) result.passedOver.push({ path, reason });
  };
  for (const path of workspaces)
    passOver(
      path,
      'a Basin workspace: its runs are imported; to import its results, export them as an analysis archive (`basin export --workspace DIR --out x.zip`).',
    );
  const asked = new Set(named);
  const paths = [...new Set([...named, ...found])];
  let said = performance.now();
  for (const [index, path] of paths.entries()) {
    await checkpointCancel(context);
    if (context.signal.aborted) throw new CancelledError();
    try {
      const unlike = asked.has(path) ? undefined : sniff(path);
      if (unlike === undefined) await importOne(path, result, context);
      else passOver(path, unlike);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      if (error instanceof UnknownContent && !asked.has(path)) passOver(path, withoutPath(error, path));
      else result.broken.push({ path, reason: reasonOf(error) });
    }
    if (performance.now() - said > sayEvery) {
      said = performance.now();
      const message = `${index + 1} of ${paths.length} other files`;
      context.emit({ type: 'progress', progress: { fraction: (index + 1) / paths.length, message } });
    }
  }
}

async function importOne(path: string, result: Result, context: ComputeContext): Promise<void> {
  if (isStateDictFile(path)) {
    result.recognised.push({ path, what: describeStateDict(path), results: 0 });
    return;
  }
  const { what, results, figures } = await readResultFile(path);
  context.emit({ type: 'found-results', results, figures });
  result.recognised.push({ path, what, results: results.length });
}

/** Why a file cannot be used, and what to do about it. */
export function reasonOf(error: unknown): string {
  const hint = error instanceof UserError ? error.hint : undefined;
  return hint === undefined ? messageOf(error) : `${messageOf(error)} ${hint}`;
}

const withoutPath = (error: unknown, path: string): string => messageOf(error).replace(`${path}: `, '');
