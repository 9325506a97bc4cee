/** `basin run KIND --groups ... --on slurm`: all questions at once. */
import { CancelledError } from '../../../src-shared/errors.ts';
import type { AnyJobKind } from '../../../src-shared/jobs/index.ts';
import type { Client } from '../../../src-shared/rpc.ts';
import { failureOf, labelOf, type CheckedQuestion, type Entry } from '../batch.ts';
import type { Globals } from '../globals.ts';
import type { OnSlurm } from './flags.ts';
import { runOnSlurm, type SlurmEnd } from './run.ts';

/** Entries in the order of the questions; undefined with --detach. @throws UserError with what Slurm says */
export async function askAllOnSlurm(
  client: Client,
  kind: AnyJobKind,
  questions: readonly CheckedQuestion[],
  slurm: OnSlurm,
  globals: Globals,
): Promise<Entry[] | undefined> {
  const asked = questions.filter(({ problem }) => problem === undefined);
  const requests = asked.map((question) => ({
    ...{ label: labelOf(question, true), ask: { kind: kind.kind, params: question.params } },
  }));
  const ends = asked.length === 0 ? [] : await runOnSlurm(client, requests, slurm, globals, kind.title);
  if (!ends) return undefined;
  return questions.map((question) => {
    const nothing = { question, resultId: null, result: null, error: null, hint: null };
    const { problem } = question;
    if (problem) return { ...nothing, state: 'failed', error: problem.message, hint: problem.hint ?? null };
    return { ...nothing, ...entryOf(ends[asked.indexOf(question)]!) };
  });
}

function entryOf(end: SlurmEnd): Pick<Entry, 'state'> & Partial<Entry> {
  if ('finished' in end) {
    const { job, result } = end.finished;
    return { state: job.cached ? 'cached' : 'done', resultId: job.resultId, result };
  }
  return end.error instanceof CancelledError ? { state: 'cancelled' } : failureOf(end.error);
}
