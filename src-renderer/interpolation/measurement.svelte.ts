/**
 * The interpolations behind the view: which are wanted, which are there, which are being computed. One job per run and
 * alignment. Only the engine knows which result a question has now: it compares the contents of the files.
 */
import { SvelteMap } from 'svelte/reactivity';
import { isActive } from '../../src-shared/api.ts';
import type { Group, Job } from '../../src-shared/api.ts';
import { splits, type Alignment, type Split } from '../../src-shared/domain.ts';
import { executionText } from '../../src-shared/execution.ts';
import {
  epochsOfPairs,
  interpolateJob,
  midpointsOf,
  pairsOf,
  type Interpolation,
} from '../../src-shared/jobs/interpolate.ts';
import { storedEndsNote } from '../../src-shared/presentations/interpolation-figure.ts';
import { provenanceSchema, type Provenance } from '../../src-shared/provenance.ts';
import { failedBy, type Failed } from '../state/causes.ts';
import { engine } from '../state/engine.svelte.ts';
import { notices } from '../state/notices.svelte.ts';
import { fetchResult } from '../state/results.ts';
import { standings } from '../state/standings.svelte.ts';
import { groupsOfImported, importedFrom, importedGroupId, type ImportedFrom } from './imported.ts';
import { groupOfResult, resultOfGroup } from './own-result.ts';
import { questionsOf, type Question, type Settings } from './questions.ts';

/** Pairs of one group under one alignment. */
export interface Measured {
  group: Group;
  align: Alignment;
  pairs: Interpolation[];
  /** The plain mean of all models of each run. */
  midpoints: {
    models: number;
    testAccuracy?: number | null;
    testLoss?: number | null;
    valAccuracy?: number | null;
    trainAccuracy?: number | null;
  }[];
  notes: string[];
  /** Those that belong into the caption of every figure. */
  captionNotes: string[];
  provenance: Provenance[];
  resultIds: string[];
}

interface MeasuredResult {
  resultId: string;
  title: string;
  params: Record<string, unknown>;
  align: Alignment;
  /** Of results that an import brought: the run they name, and where they come from. */
  imported: ImportedFrom | undefined;
  pairs: Interpolation[];
  /** That it was asked for, if it was asked for several; else empty. */
  epochs: number[];
  midpoints: (Measured['midpoints'][number] & { epoch: number | null })[];
  notes: string[];
  captionNotes: string[];
  provenance: Provenance | undefined;
}

/** A result to be shown as a group of its own. */
export interface OwnResult {
  group: Group;
  title: string;
  align: Alignment;
  /** Those it was evaluated on. */
  splits: Split[];
  /** More than one: each is shown by itself. */
  epochs: number[];
}

/** What the engine said about a question last. */
interface Known {
  resultId: string | null;
  /** There is a result, of files that have changed since. */
  outdated: boolean;
}

const asksSeveral = (params: unknown): boolean => Object(params).epochs !== undefined;

const hasSplit = (pairs: readonly Interpolation[], split: Split): boolean =>
  pairs.every((pair) => (pair[`${split}_loss`] ?? pair[`${split}_accuracy`]) !== undefined);

/** Of a result over several epochs what belongs to the one that is shown. */
function atEpoch<T extends { epoch: number | null }>(
  { epochs }: MeasuredResult,
  all: readonly T[],
  { epoch }: Settings,
): T[] {
  const shown = epoch === 'last' ? epochs.at(-1) : epoch;
  return all.filter((one) => epochs.length === 0 || one.epoch === shown);
}

class Measurement {
  /** By the key of a question. */
  readonly #known = new SvelteMap<string, Known>();
  /** By id, whatever question they belong to. */
  readonly #results = new SvelteMap<string, MeasuredResult>();
  /** Each result is read once. */
  readonly #reading = new Map<string, Promise<void>>();
  readonly #imported = $derived([...this.#results.values()].filter(({ imported }) => imported));
  /** Question -> job, of the questions asked last. */
  readonly #jobs = new SvelteMap<string, string>();
  failures = $state.raw<Failed[]>([]);
  /** The result that was to be shown and is not among the engine's. */
  missingResult = $state<string>();
  /** Counts the jobs that have ended. */
  #turn = 0;
  #looking = false;
  #wanted: Question[] = [];

  /** Of all these settings, each once: of several epochs, say. */
  questions(groups: Group[], asked: readonly Settings[]): Question[] {
    const all = asked.flatMap((settings) =>
      groups.flatMap((group) => [
        ...questionsOf(group, 'none', settings),
        ...questionsOf(group, settings.align, settings),
      ]),
    );
    return [...new Map(all.map((question) => [`${question.group.id} ${question.key}`, question])).values()];
  }

  /** Questions that have no result for the files as they are now. */
  missing(groups: Group[], asked: readonly Settings[]): Question[] {
    return this.questions(groups, asked).filter(({ key }) => this.#known.get(key)?.resultId === null);
  }

  /** The engine has not said yet what it knows of all of these. */
  isLooking(groups: Group[], asked: readonly Settings[]): boolean {
    return this.questions(groups, asked).some(({ key }) => !this.#known.has(key));
  }

  /** Groups that were measured before their files changed. */
  outdated(groups: Group[], asked: readonly Settings[]): Group[] {
    const found = this.questions(groups, asked).filter(({ key }) => this.#known.get(key)?.outdated);
    return [...new Set(found.map(({ group }) => group))];
  }

  /** Asks the engine what it has for the files as they are now, and reads it. One look at a time; the newest counts. */
  async look(groups: Group[], asked: readonly Settings[]): Promise<void> {
    this.#wanted = [
      ...this.questions(groups, asked),
      ...asked.flatMap((settings) => groups.flatMap((group) => this.#besideOwn(group, settings))),
    ];
    if (this.#looking) return;
    this.#looking = true;
    try {
      while (this.#wanted.length > 0) await this.#lookAt(this.#wanted.splice(0));
    } catch (error) {
      this.#failed('The results on record', error);
    } finally {
      this.#looking = false;
    }
  }

  async #lookAt(questions: Question[]): Promise<void> {
    const turn = this.#turn;
    const asked = questions.map(({ params }) => ({ kind: 'interpolate', params }));
    const found = await engine.call('results.current', { questions: asked });
    await Promise.all(found.map(({ resultId }) => resultId !== null && this.#take(resultId)));
    if (turn === this.#turn) for (const [i, { key }] of questions.entries()) this.#learn(key, found[i]!);
    // A job has ended meanwhile, and is known better.
    else if (this.#wanted.length === 0) this.#wanted = questions;
  }

  #learn(key: string, found: Known): void {
    const before = this.#known.get(key);
    if (before?.resultId !== found.resultId || before.outdated !== found.outdated)
      this.#known.set(key, found);
  }

  #resultOf({ key }: Question, split: Split): MeasuredResult | undefined {
    const result = this.#results.get(this.#known.get(key)?.resultId ?? '');
    return result && hasSplit(result.pairs, split) ? result : undefined;
  }

  /** What imports brought, as groups without members: one for each run that a file names. */
  importedGroups(): Group[] {
    return groupsOfImported(this.#imported.flatMap(({ imported }) => imported ?? []));
  }

  /** The group that shows an imported result; undefined for one computed here, and until it is read. */
  groupOfImported(resultId: string | undefined): string | undefined {
    const imported = this.#results.get(resultId ?? '')?.imported;
    return imported && importedGroupId(imported);
  }

  /** A result computed here, to be shown by itself; undefined for an imported one, and until it is read. */
  ownResult(resultId: string | undefined): OwnResult | undefined {
    const result = this.#results.get(resultId ?? '');
    if (!result || result.imported) return undefined;
    return {
      group: groupOfResult(result.resultId, result.title),
      title: result.title,
      align: result.align,
      splits: splits.filter((split) => hasSplit(result.pairs, split)),
      epochs: result.epochs,
    };
  }

  /** Beside a result that still holds stands what is known of the same models under the other alignment. */
  #besideOwn(group: Group, settings: Settings): Question[] {
    const own = this.#results.get(resultOfGroup(group) ?? '');
    if (!own || own.imported || standings.of(own.resultId)?.state !== 'current') return [];
    const { mode, recordingPoint, split } = settings;
    const align = own.align === 'none' ? settings.align : 'none';
    const params = { ...own.params, align, mode, recordingPoint, splits: [split] };
    return [{ key: JSON.stringify(params), group, align, params }];
  }

  #resultsOf(group: Group, align: Alignment, settings: Settings): MeasuredResult[] {
    const own = this.#results.get(resultOfGroup(group) ?? '');
    if (own?.align === align) return hasSplit(own.pairs, settings.split) ? [own] : [];
    const ofImported = this.#imported.filter(
      (result) =>
        result.imported &&
        importedGroupId(result.imported) === group.id &&
        result.align === align &&
        hasSplit(result.pairs, settings.split),
    );
    const asked = [...questionsOf(group, align, settings), ...this.#besideOwn(group, settings)]
      .filter((question) => question.align === align)
      .map((question) => this.#resultOf(question, settings.split));
    return [...ofImported, ...asked.filter((result) => result !== undefined)];
  }

  /** Progress over the jobs under way, 0 to 1; null when there are none. */
  progress(): { fraction: number; secondsLeft: number | undefined } | null {
    const jobs = [...this.#jobs.values()]
      .map((id) => engine.jobs.find((job) => job.id === id))
      .filter((job): job is Job => job !== undefined && isActive(job));
    if (jobs.length === 0) return null;
    const all = this.#jobs.size;
    const done = all - jobs.length + jobs.reduce((sum, job) => sum + (job.progress?.fraction ?? 0), 0);
    const left = jobs.reduce((sum, job) => sum + (job.progress?.secondsLeft ?? 0), 0);
    return { fraction: done / all, secondsLeft: left > 0 ? left : undefined };
  }

  measured(groups: Group[], align: Alignment, settings: Settings): Measured[] {
    return groups.map((group) => {
      const results = this.#resultsOf(group, align, settings);
      return {
        group,
        align,
        pairs: results.flatMap((result) => atEpoch(result, result.pairs, settings)),
        midpoints: results.flatMap((result) => atEpoch(result, result.midpoints, settings)),
        notes: [...new Set(results.flatMap((result) => result.notes))],
        captionNotes: [...new Set(results.flatMap((result) => result.captionNotes))],
        provenance: results.flatMap((result) => (result.provenance ? [result.provenance] : [])),
        resultIds: results.map((result) => result.resultId),
      };
    });
  }

  /** Reads what imports brought, and `first` whatever it is; asks for nothing to be computed. */
  async loadKnown(first?: string): Promise<void> {
    const all = await engine.attempt('results.list', { kind: 'interpolate' });
    if (!all) return;
    const asked = all.find(({ id }) => id === first);
    this.missingResult = asked ? undefined : first;
    try {
      if (asked) await Promise.all([standings.check([asked.id]), this.#take(asked.id)]);
      for (const { id, origin } of all) if (origin === 'imported') await this.#take(id);
    } catch (error) {
      notices.error(error);
    }
  }

  async run(questions: Question[]): Promise<void> {
    this.failures = [];
    this.#jobs.clear();
    await Promise.all(questions.map((question) => this.#ask(question)));
    this.#jobs.clear();
  }

  async cancel(): Promise<void> {
    await Promise.all([...this.#jobs.values()].map((jobId) => engine.attempt('jobs.cancel', { jobId })));
  }

  async #ask({ key, group, params }: Question): Promise<void> {
    try {
      const job = await engine.call('jobs.submit', { kind: 'interpolate', params });
      this.#jobs.set(key, job.id);
      const ended = await engine.finished(job);
      if (ended.state === 'done' && ended.resultId) await this.#taken(key, ended.resultId);
      else if (ended.state !== 'cancelled')
        this.#add({ subject: group.key, message: ended.error ?? ended.state, hint: ended.hint });
    } catch (error) {
      this.#failed(group.key, error);
    }
  }

  /** What a job has measured just now, unless its files have changed meanwhile. */
  async #taken(key: string, resultId: string): Promise<void> {
    await Promise.all([this.#take(resultId), standings.check([resultId])]);
    this.#turn++;
    if (standings.of(resultId)?.state === 'current') this.#learn(key, { resultId, outdated: false });
    else this.#learn(key, { resultId: null, outdated: true });
  }

  #failed(subject: string, error: unknown): void {
    this.#add(failedBy(subject, error));
  }

  /** A look that fails again and again is one failure. */
  #add(failed: Failed): void {
    const isKnown = this.failures.some(
      ({ subject, message }) => subject === failed.subject && message === failed.message,
    );
    if (!isKnown) this.failures = [...this.failures, failed];
  }

  #take(resultId: string): Promise<void> {
    const reading = this.#reading.get(resultId) ?? this.#read(resultId);
    this.#reading.set(resultId, reading);
    // Whoever asks again reads again.
    reading.catch(() => this.#reading.delete(resultId));
    return reading;
  }

  async #read(resultId: string): Promise<void> {
    const stored = await fetchResult(resultId);
    const data = interpolateJob.result.safeParse(stored.data);
    if (!data.success) return;
    const provenance = provenanceSchema.safeParse(stored.provenance);
    const result = data.data;
    const pairs = pairsOf(result);
    const captionNotes = [...new Set(pairs.flatMap((pair) => (pair.note ? [pair.note] : [])))];
    const asStored = storedEndsNote(pairs);
    const isImported = stored.row.origin === 'imported';
    const imported = isImported ? importedFrom(stored.params, stored.row.title, provenance.data) : undefined;
    const measured: MeasuredResult = {
      ...{ resultId, title: stored.row.title, params: Object(stored.params), pairs, imported },
      align: pairs[0]?.align ?? 'none',
      epochs: asksSeveral(stored.params) ? epochsOfPairs(pairs) : [],
      midpoints: [
        ...(result.midpoint ? [{ ...result.midpoint, epoch: null }] : []),
        ...midpointsOf(result),
      ].map(({ epoch, num_models, ...middle }) => ({
        ...{ epoch, models: num_models },
        ...(middle.test_accuracy !== undefined && { testAccuracy: middle.test_accuracy }),
        ...(middle.test_loss !== undefined && { testLoss: middle.test_loss }),
        ...(middle.val_accuracy !== undefined && { valAccuracy: middle.val_accuracy }),
        ...(middle.train_accuracy !== undefined && { trainAccuracy: middle.train_accuracy }),
      })),
      notes: [
        ...(imported ? [`${imported.key}: ${imported.from}, not computed here.`] : []),
        ...captionNotes,
        ...(asStored === undefined ? [] : [asStored]),
        ...result.warnings,
        ...(result.execution ? [`Computed ${executionText(result.execution)}.`] : []),
      ],
      captionNotes,
      provenance: provenance.success ? provenance.data : undefined,
    };
    this.#results.set(resultId, measured);
  }
}

export const measurement = new Measurement();
