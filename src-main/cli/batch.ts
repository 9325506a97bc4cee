/** One command, many jobs: of every run of a group, of every epoch. What one of them ends with does not stop the others. */
import { CancelledError, messageOf, UserError } from '../../src-shared/errors.ts';
import type { AnyJobKind } from '../../src-shared/jobs/index.ts';
import { present } from '../../src-shared/presentations/index.ts';
import type { Progress } from '../../src-shared/progress.ts';
import type { Client } from '../../src-shared/rpc.ts';
import type { Globals } from './globals.ts';
import { runAnyKind } from './job.ts';
import type { JobListener } from './job.ts';
import type { Question } from './questions.ts';
import { formatTable } from './table.ts';
import type { Column } from './table.ts';
import type { Style } from './terminal.ts';

/** A question with complete params, or the reason why it cannot be asked. */
export type CheckedQuestion = Omit<Question, 'params'> & { params: unknown };

export interface Entry {
  question: CheckedQuestion;
  /** `cached`: the result was in the workspace. `cancelled`: also those whose turn never came. */
  state: 'done' | 'cached' | 'failed' | 'cancelled';
  resultId: string | null;
  result: unknown;
  error: string | null;
  hint: string | null;
}

/** What `--json` and `--out` give. */
export interface BatchDocument {
  kind: string;
  done: number;
  failed: number;
  cancelled: number;
  results: {
    group: string | null;
    run: string;
    epoch: number | null;
    state: Entry['state'];
    resultId: string | null;
    error: string | null;
    hint: string | null;
    result: unknown;
  }[];
}

export const labelOf = ({ group, run, epoch }: CheckedQuestion, withGroup: boolean): string =>
  `${withGroup && group !== undefined ? `${group}: ` : ''}${run}${epoch === undefined ? '' : `, epoch ${epoch}`}`;

/** Asks one question after another. A question that stands twice in the list is asked once. */
export async function askAll(
  client: Client,
  kind: AnyJobKind,
  questions: readonly CheckedQuestion[],
  { terminal, signal }: Globals,
): Promise<Entry[]> {
  const line = terminal.progress(kind.title);
  const pace = new Pace(questions.length);
  const known = new Map<string, Entry>();
  const entries: Entry[] = [];
  for (const [i, question] of questions.entries()) {
    const key = JSON.stringify(question.params);
    const before = question.params === undefined ? undefined : known.get(key);
    const label = `${i + 1} of ${questions.length} · ${labelOf(question, false)}`;
    const listener: JobListener = {
      progress: (progress) => {
        line.update(pace.overall(i, progress, label));
      },
      log: (text) => {
        terminal.note(`${labelOf(question, false)}: ${text}`);
      },
    };
    line.update(pace.overall(i, { fraction: 0, message: '' }, label));
    const entry = before ? { ...before, question } : await entryOf(client, kind, question, signal, listener);
    if (entry.state === 'failed') terminal.note(`${labelOf(question, true)}: ${failureText(entry)}`);
    if (entry.state === 'done') pace.measured();
    known.set(key, entry);
    entries.push(entry);
  }
  line.finish();
  return entries;
}

const failureText = ({ error, hint }: Entry): string =>
  `failed: ${error ?? ''}${hint === null ? '' : `\n  ${hint}`}`;

async function entryOf(
  client: Client,
  kind: AnyJobKind,
  question: CheckedQuestion,
  signal: AbortSignal,
  listener: JobListener,
): Promise<Entry> {
  const nothing = { question, resultId: null, result: null, error: null, hint: null };
  if (signal.aborted) return { ...nothing, state: 'cancelled' };
  const { params, problem } = question;
  if (problem) return { ...nothing, state: 'failed', error: problem.message, hint: problem.hint ?? null };
  try {
    const { job, result } = await runAnyKind(client, kind.kind, params, signal, listener);
    return { ...nothing, state: job.cached ? 'cached' : 'done', resultId: job.resultId, result };
  } catch (error) {
    if (error instanceof CancelledError) return { ...nothing, state: 'cancelled' };
    return { ...nothing, ...failureOf(error) };
  }
}

/** Of an entry that failed. */
export const failureOf = (error: unknown): Pick<Entry, 'state' | 'error' | 'hint'> => ({
  ...{ state: 'failed', error: messageOf(error) },
  hint: error instanceof UserError ? (error.hint ?? null) : null,
});

/** Progress over all jobs; the time left counts jobs that are still to come with the mean of those that were measured. */
class Pace {
  readonly #count: number;
  readonly #began = performance.now();
  #measured = 0;

  constructor(count: number) {
    this.#count = count;
  }

  measured(): void {
    this.#measured++;
  }

  overall(index: number, { fraction, message, secondsLeft }: Progress, label: string): Progress {
    const later = this.#count - index - 1;
    const mean = (performance.now() - this.#began) / 1000 / Math.max(1, this.#measured);
    const known = later === 0 || this.#measured > 0;
    const left = secondsLeft === undefined || !known ? undefined : secondsLeft + later * mean;
    return {
      fraction: (index + fraction) / this.#count,
      message: message === '' ? label : `${label} · ${message}`,
      ...(left !== undefined && { secondsLeft: left }),
    };
  }
}

export function documentOf(kind: AnyJobKind, entries: readonly Entry[]): BatchDocument {
  const count = (...states: Entry['state'][]): number =>
    entries.filter(({ state }) => states.includes(state)).length;
  return {
    kind: kind.kind,
    ...{ done: count('done', 'cached'), failed: count('failed'), cancelled: count('cancelled') },
    results: entries.map(({ question: { group, run, epoch }, ...entry }) => ({
      ...{ group: group ?? null, run, epoch: epoch ?? null, state: entry.state },
      ...{ resultId: entry.resultId, error: entry.error, hint: entry.hint, result: entry.result },
    })),
  };
}

/** One line per run and epoch, with the numbers that the kind has for such tables. */
export function tableOf(kind: AnyJobKind, entries: readonly Entry[], style: Style): string {
  const rows = entries.flatMap((entry) => linesOf(kind, entry));
  const names = [...new Set(rows.flatMap(({ cells }) => Object.keys(cells)))];
  type Row = (typeof rows)[number];
  const leading: Column<Row>[] = [
    { title: 'group', text: ({ entry }) => entry.question.group ?? '' },
    { title: 'run', text: ({ entry }) => entry.question.run },
    { title: 'epoch', align: 'right', text: ({ epoch }) => (epoch === null ? '' : String(epoch)) },
  ];
  const columns: Column<Row>[] = [
    ...leading.filter(({ text }) => rows.some((row) => text(row) !== '')),
    ...names.map((name) => ({
      title: name,
      align: name === found ? ('left' as const) : ('right' as const),
      text: ({ cells }: Row) => String(cells[name] ?? ''),
    })),
    { title: 'result', text: ({ entry }) => entry.resultId ?? '' },
    { title: 'state', text: ({ entry }) => entry.state },
  ];
  return formatTable(rows, columns, style);
}

/** The column of kinds that have no numbers for such tables. */
const found = 'found';

interface Line {
  entry: Entry;
  epoch: number | null;
  cells: Record<string, string | number>;
}

function linesOf(kind: AnyJobKind, entry: Entry): Line[] {
  const epoch = entry.question.epoch ?? null;
  if (entry.state === 'failed' || entry.state === 'cancelled') return [{ entry, epoch, cells: {} }];
  const presentation = present(kind.kind, entry.result);
  const lines = presentation?.lines ?? [];
  if (lines.length > 0)
    return lines.map((line) => ({ entry, epoch: line.epoch ?? epoch, cells: line.cells }));
  const cells: Line['cells'] = presentation ? { [found]: presentation.verdict } : {};
  return [{ entry, epoch, cells }];
}

/** @throws CancelledError; UserError that names the runs that failed */
export function requireAllDone(entries: readonly Entry[]): void {
  if (entries.some(({ state }) => state === 'cancelled')) throw new CancelledError();
  const failed = entries.filter(({ state }) => state === 'failed');
  if (failed.length === 0) return;
  const names = failed.map(({ question }) => labelOf(question, true)).join('; ');
  throw new UserError(`${failed.length} of ${entries.length} could not be measured: ${names}`, {
    hint: 'The reasons are above. What was measured is kept: the same command measures only what is missing.',
  });
}
