/** Which results still hold: those whose checkpoints, configs and data have the contents that they were computed from. */
import { basename, dirname, join } from 'node:path';
import type { ResponseOf } from '../../src-shared/api.ts';
import type { AnyJobKind } from '../../src-shared/jobs/index.ts';
import type { Standing } from '../../src-shared/standing.ts';
import { placeInRun } from '../formats/run-layout.ts';
import { canonical, type HashStore, type Input } from './inputs.ts';
import { identify, parseQuestion } from './jobs/submit.ts';
import type { ResultFile, ResultStore } from './results.ts';

type Current = ResponseOf<'results.current'>[number];
type Identity = Awaited<ReturnType<typeof identify>>;

export interface StandingsParts {
  results: ResultStore;
  hashes: HashStore;
  kindNamed: (name: string) => AnyJobKind;
}

/** What decides whether a result holds; of a file that never changes, so it is read once. */
type Known = Pick<ResultFile, 'id' | 'kind' | 'version' | 'origin' | 'cacheKey' | 'params' | 'inputs'>;

interface Candidate extends Known {
  /** As the kind's schema completes them today. */
  complete: unknown;
}

export class Standings {
  readonly #parts: StandingsParts;
  readonly #known = new Map<string, Known>();

  constructor(parts: StandingsParts) {
    this.#parts = parts;
  }

  /** Of each result, by its id. One that was removed is `gone`. Reads only files that changed since last asked. */
  async of(resultIds: readonly string[]): Promise<Record<string, Standing>> {
    const look = this.#lookOnce();
    const standings: Record<string, Standing> = {};
    for (const id of new Set(resultIds)) {
      const known = this.#read(id);
      standings[id] = known
        ? await this.#standing(known, look)
        : { state: 'gone', reason: `The result ${id} was removed, or its file is damaged.` };
    }
    return standings;
  }

  /**
   * The newest results of these questions for the files as they are now. Imported results never count: nobody knows
   * what they were computed from.
   * @throws UserError for params that are not as their kind's schema says
   */
  async current(questions: readonly { kind: string; params?: unknown }[]): Promise<Current[]> {
    const look = this.#lookOnce();
    const candidates = new Map<string, Map<string, Candidate[]>>();
    const found: Current[] = [];
    for (const { kind: name, params } of questions) {
      const { kind, params: asked } = parseQuestion(this.#parts.kindNamed(name), params);
      const ofKind = candidates.get(name) ?? this.#candidates(kind);
      candidates.set(name, ofKind);
      found.push(await this.#currentOf(kind, asked, ofKind.get(questionOf(kind, asked)) ?? [], look));
    }
    return found;
  }

  async #currentOf(
    kind: AnyJobKind,
    asked: unknown,
    candidates: readonly Candidate[],
    look: Look,
  ): Promise<Current> {
    const covers = (given: unknown): number => kind.reuse?.covers(given, asked) ?? 1;
    // The sort is stable: of equals the newest stays first.
    const fitting = candidates
      .map((candidate) => ({ candidate, much: covers(candidate.complete) }))
      .filter(({ much }) => much > 0)
      .toSorted((a, b) => b.much - a.much);
    for (const { candidate } of fitting) {
      const { state } = await this.#standing(candidate, look);
      if (state === 'current') return { resultId: candidate.id, outdated: false };
    }
    return { resultId: null, outdated: fitting.length > 0 };
  }

  /** Own results of a kind by their question, the newest first. */
  #candidates(kind: AnyJobKind): Map<string, Candidate[]> {
    const byQuestion = new Map<string, Candidate[]>();
    for (const { id, origin } of this.#parts.results.list(kind.kind)) {
      if (origin !== 'computed') continue;
      const known = this.#read(id);
      const parsed = known && kind.params.safeParse(known.params);
      if (!parsed?.success) continue;
      const question = questionOf(kind, parsed.data);
      byQuestion.set(question, [...(byQuestion.get(question) ?? []), { ...known!, complete: parsed.data }]);
    }
    return byQuestion;
  }

  async #standing(result: Known, look: Look): Promise<Standing> {
    if (result.origin === 'imported') return unchecked('It was imported, not computed here.');
    const kind = this.#kindOf(result.kind);
    if (!kind) return outdated('This version of Basin does not know its kind of analysis.');
    if (!kind.cacheable) return unchecked('It reports a one-time action.');
    if (result.version !== kind.version)
      return outdated('Basin has changed how it computes this since it was measured.');
    if (result.cacheKey === null) return outdated('Its files changed while it was measured.');
    const now = await look(result);
    if (now.key === result.cacheKey) return { state: 'current', reason: null };
    return compared(result.inputs ?? [], now.inputs);
  }

  #kindOf(name: string): AnyJobKind | undefined {
    try {
      return this.#parts.kindNamed(name);
    } catch {
      return undefined;
    }
  }

  #read(id: string): Known | undefined {
    const known = this.#known.get(id);
    try {
      // A removed result is not remembered as one that is there.
      this.#parts.results.row(id);
      if (known) return known;
      const { kind, version, origin, cacheKey, params, inputs } = this.#parts.results.read(id);
      const fresh = { id, kind, version, origin, cacheKey, params, inputs };
      this.#known.set(id, fresh);
      return fresh;
    } catch {
      this.#known.delete(id);
      return undefined;
    }
  }

  /** Results of one question share a look at its files. */
  #lookOnce(): Look {
    const seen = new Map<string, Promise<Identity>>();
    return ({ kind, version, params }) => {
      const question = canonical({ kind, version, params });
      const identity = seen.get(question) ?? identify({ kind, version, params }, this.#parts.hashes);
      seen.set(question, identity);
      return identity;
    };
  }
}

type Look = (result: Pick<Known, 'kind' | 'version' | 'params'>) => Promise<Identity>;

const questionOf = (kind: AnyJobKind, complete: unknown): string =>
  canonical(kind.reuse ? kind.reuse.question(complete) : complete);

const outdated = (reason: string): Standing => ({ state: 'outdated', reason });
const unchecked = (reason: string): Standing => ({ state: 'unchecked', reason });

/** Says which files differ. The keys do, so something does even if no file is named. */
function compared(before: readonly Input[], now: readonly Input[]): Standing {
  const hashes = new Map(now.map(({ path, sha256 }) => [path, sha256]));
  const old = new Set(before.map(({ path }) => path));
  const gone = before.filter(({ path }) => !hashes.has(path));
  const changed = before.filter(({ path, sha256 }) => hashes.has(path) && hashes.get(path) !== sha256);
  const added = before.length === 0 ? [] : now.filter(({ path }) => !old.has(path));
  if (changed.length > 0) return outdated(`${named(changed)} changed after it was measured.`);
  if (added.length > 0) return outdated(`${named(added)} was added after it was measured.`);
  if (gone.length > 0) {
    const verb = gone.length === 1 ? 'is' : 'are';
    return { state: 'gone', reason: `${named(gone)} ${verb} no longer there.` };
  }
  return outdated('Its checkpoints, config or data have changed since it was measured.');
}

function named(inputs: readonly Input[]): string {
  const [first] = inputs as [Input];
  const { run, file } = placeInRun(first.path);
  // Whatever is no run's file is named with its folder.
  const name =
    file === '' ? join(basename(dirname(first.path)), basename(first.path)) : join(basename(run), file);
  const more = inputs.length - 1;
  return more === 0 ? name : `${name} and ${more} more ${more === 1 ? 'file' : 'files'}`;
}
