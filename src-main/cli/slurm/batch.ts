/** `basin run KIND --groups ... --on slurm`: all questions at once. */
import { CancelledError } from '../../../src-shared/errors.ts';
import type { AnyJobKind } from '../../../src-shared/jobs/index.ts';
import type { Client } from '../../../src-shared/rpc.ts';
import { failureOf, labelOf, type CheckedQuestion, type Entry } from '../batch.ts';
import type { Globals } from '../globals.ts';
import type { OnSlurm } from './flags.ts';
import { finishedOf, runOnSlurm, type SlurmEnd } from './run.ts';

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
  const entries: Entry[] = [];
  for (const question of questions) {
    const nothing = { question, resultId: null, result: null, error: null, hint: null };
    const { problem } = question;
    entries.push(
      problem
        ? { ...nothing, state: 'failed', error: problem.message, hint: problem.hint ?? null }
        : { ...nothing, ...(await entryOf(client, ends[asked.indexOf(question)]!)) },
    );
  }
  return entries;
}

async function entryOf(client: Client, end: SlurmEnd): Promise<Pick<Entry, 'state'> & Partial<Entry>> {
  try {
    const { job, result } = await finishedOf(client, end);
    return { state: job.cached ? 'cached' : 'done', resultId: job.resultId, result };
  } catch (error) {
    return error instanceof CancelledError ? { state: 'cancelled' } : failureOf(error);
  }
}
