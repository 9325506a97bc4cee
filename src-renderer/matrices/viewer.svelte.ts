/** What the matrix viewer shows: matrices of one kind from one result or several, laid out by two facets, one open. */
import {
  chooseScale,
  valueRange,
  valueScales,
  type ColourMap,
  type ColourScale,
  type ValueScale,
} from '../../src-shared/figures/colour.ts';
import { engine } from '../state/engine.svelte.ts';
import {
  closest,
  distinct,
  facetNames,
  facetValues,
  gridOf,
  seriesOf,
  usualAxes,
  type Axis,
  type FacetName,
  type Facets,
  type FacetValue,
  type Grid,
} from './facets.ts';
import type { Query } from '../state/address.ts';
import type { MatrixSource } from './sources.ts';
import { keyOf, matrixStore, type LoadedMatrix, type MatrixResult } from './store.svelte.ts';

/** Of several kinds in one result this one is shown first. */
const usualFamily = 'transposition_cost_squared';

/** Over which matrices the colours are spread: each by itself, those of a row, all that are shown. */
export const colourRanges = ['own', 'row', 'all'] as const;
export type ColourRange = (typeof colourRanges)[number];

export class MatrixViewer {
  resultId = $state('');
  /** Results beside which it is shown. */
  alsoIds = $state.raw<string[]>([]);
  valueScale = $state<ValueScale | 'auto'>('auto');
  /** Null: as usual. */
  chosenRange = $state<ColourRange | null>(null);
  error = $state.raw<unknown>(null);
  /** An epoch that was asked for and is not there. */
  unmeasured = $state<number | null>(null);
  measureJobId = $state<string | null>(null);
  #results = $state.raw<MatrixResult[]>([]);
  #family = $state('');
  #axes = $state.raw<{ rows: Axis; columns: Axis } | null>(null);
  #wishes = $state.raw<Partial<Facets>>({});
  #reading = 0;
  /** What an address asks for: taken once, when the first results have been read. */
  #asked: Query | undefined;

  readonly main = $derived(this.#results.find(({ row }) => row.id === this.resultId) ?? this.#results[0]);
  readonly sources = $derived(this.#results.flatMap(({ sources }) => sources));
  readonly families = $derived(distinct(this.main?.sources.map(({ family }) => family) ?? []));
  readonly family = $derived(
    [this.#family, usualFamily, ...this.families].find((family) => this.families.includes(family)) ?? '',
  );
  readonly pool = $derived(this.sources.filter(({ family }) => family === this.family));
  readonly axes = $derived(this.#axes ?? usualAxes(this.pool));
  readonly grid: Grid<MatrixSource> = $derived(gridOf(this.pool, this.axes, this.#wishes));
  readonly cells = $derived(this.grid.cells.flat().filter((cell) => cell !== undefined));
  readonly open: MatrixSource | undefined = $derived.by(() => {
    const at = (axis: Axis, values: FacetValue[]): number => {
      if (axis === 'none') return 0;
      const found = values.indexOf(this.#wishes[axis] ?? null);
      // At first the last epoch, and the first of all else.
      return found >= 0 ? found : axis === 'epoch' ? values.length - 1 : 0;
    };
    const { rows, columns, rowValues, columnValues, cells } = this.grid;
    return cells[at(rows, rowValues)]?.[at(columns, columnValues)] ?? this.cells[0];
  });
  readonly series = $derived(seriesOf(this.pool, this.open));
  /** Every epoch that the open matrix's run has saved, and those that were measured. */
  readonly epochs = $derived.by<number[]>(() => {
    const directory = this.open?.place?.runDirectory;
    const saved = engine.runs.find(({ path }) => path === directory)?.epochs ?? [];
    return distinct([...saved, ...this.series.keys()]).sort((a, b) => a - b);
  });
  readonly transform = $derived<ValueScale>(
    this.valueScale === 'auto' ? (this.open?.scale ?? 'linear') : this.valueScale,
  );

  constructor(query: Query = {}) {
    this.#asked = query;
    this.resultId = query.result ?? '';
    this.alsoIds = query.also?.split(',') ?? [];
    this.chosenRange = colourRanges.find((range) => range === query.range) ?? null;
    this.valueScale = valueScales.find((scale) => scale === query.colours) ?? 'auto';
  }

  /** What of it an address has to say. */
  get query(): Query {
    const facets = Object.entries(this.open?.facets ?? {}).flatMap(([name, value]) =>
      value === null ? [] : [[name, String(value)]],
    );
    return {
      ...(this.resultId && { result: this.resultId }),
      ...(this.alsoIds.length > 0 && { also: this.alsoIds.join(',') }),
      ...(this.chosenRange && { range: this.chosenRange }),
      ...(this.valueScale !== 'auto' && { colours: this.valueScale }),
      ...(this.open && { shown: this.open.family, ...(Object.fromEntries(facets) as Query) }),
      ...(this.#axes && { rows: this.#axes.rows, columns: this.#axes.columns }),
    };
  }

  /** Opens what the address asks for, or what has most in common with it. */
  #takeAsked(fresh: readonly MatrixSource[]): void {
    const query = this.#asked;
    this.#asked = undefined;
    if (!query) return;
    const axis = (text: string | undefined): Axis | undefined =>
      text === 'none' ? 'none' : facetNames.find((name) => name === text);
    const [rows, columns] = [axis(query.rows), axis(query.columns)];
    if (rows !== undefined && columns !== undefined) this.#axes = { rows, columns };
    const named = facetNames.filter((name) => query[name] !== undefined);
    if (named.length === 0 && query.shown === undefined) return;
    const score = (source: MatrixSource): number =>
      (source.family === (query.shown ?? this.family) ? 100 : 0) +
      named.filter((name) => String(source.facets[name]) === query[name]).length;
    const best = fresh.toSorted((a, b) => score(b) - score(a))[0];
    if (best) this.show(best);
  }

  /** What has arrived of a matrix. */
  loaded(source: MatrixSource | undefined): LoadedMatrix | undefined {
    return source && matrixStore.loaded.get(keyOf(source));
  }

  /** Layers differ by orders of magnitude: next to each other, each has its own range. */
  readonly colourRange = $derived<ColourRange>(
    this.chosenRange ?? (this.axes.columns === 'layer' ? 'own' : 'row'),
  );
  /** One for all matrices, so that a colour never means two things. */
  readonly map = $derived<ColourMap>(
    chooseScale(this.#rangeOf(this.cells), {
      // A logarithm has no sign that a diverging map could show.
      map: this.transform === 'log' ? 'auto' : (this.open?.map ?? 'auto'),
      transform: this.transform,
    }).map,
  );
  /** The matrices whose colours go with those of this one; with the open one also those of other epochs. */
  #sharedWith(source: MatrixSource): MatrixSource[] {
    const row = this.grid.cells.find((cells) => cells.includes(source)) ?? [];
    const shown = { own: [source], row: row.filter((cell) => cell !== undefined), all: this.cells };
    const among = shown[this.colourRange];
    return this.open && among.includes(this.open) ? [...among, ...this.series.values()] : among;
  }
  /** The colour scale of a matrix that is shown. */
  scaleOf(source: MatrixSource): ColourScale {
    return chooseScale(this.#rangeOf(this.#sharedWith(source)), { map: this.map, transform: this.transform });
  }
  readonly openScale = $derived(this.open && this.scaleOf(this.open));

  #rangeOf(sources: readonly MatrixSource[]): [number, number] | null {
    return union(
      sources.map((source) => {
        const loaded = this.loaded(source);
        if (!loaded) return null;
        return this.transform === 'log' ? valueRange(loaded.matrix.data, true) : loaded.range;
      }),
    );
  }

  /** Of the job that measured a matrix. */
  paramsOf({ resultId }: MatrixSource): unknown {
    return this.#results.find(({ row }) => row.id === resultId)?.params;
  }

  /** `swap cost`, for menus. */
  familyName(family: string): string {
    return this.sources.find((source) => source.family === family)?.kindName ?? family;
  }

  setFamily(family: string): void {
    this.#family = family;
  }

  setAxes(axes: { rows: Axis; columns: Axis }): void {
    this.#axes = axes;
  }

  choose(name: FacetName, value: FacetValue): void {
    this.#wishes = { ...this.#wishes, [name]: value };
    this.unmeasured = null;
  }

  /** Opens a matrix; what is chosen of other facets follows. */
  show(source: MatrixSource): void {
    this.#family = source.family;
    this.#wishes = { ...source.facets };
    this.unmeasured = null;
  }

  scrubTo(epoch: number): void {
    const source = this.series.get(epoch);
    if (source) this.show(source);
    else this.unmeasured = epoch;
  }

  /** Reads the chosen results; the matrix that was open stays open, or the one with most in common. */
  async read(ids: readonly string[]): Promise<void> {
    const turn = ++this.#reading;
    try {
      const results = await Promise.all(ids.map((id) => matrixStore.result(id)));
      if (turn !== this.#reading) return;
      const before = this.open;
      const epoch = this.unmeasured ?? before?.facets.epoch ?? null;
      this.#results = results;
      const fresh = results.flatMap(({ sources }) => sources);
      const family = [before?.family, usualFamily].find((one) =>
        fresh.some((source) => source.family === one),
      );
      const again = before && closest(fresh, family ?? '', { ...before.facets, epoch });
      // Axes that were chosen stay as long as they still tell something apart.
      const axes = this.#axes;
      const useful = (axis: Axis): boolean => axis === 'none' || facetValues(fresh, axis).length > 1;
      if (axes && !(useful(axes.rows) && useful(axes.columns))) this.#axes = null;
      if (again) this.show(again);
      this.#takeAsked(fresh);
      this.error = null;
    } catch (error) {
      if (turn === this.#reading) this.error = error;
    }
  }

  /** Fetches what is shown first, then the other epochs of the open one. */
  async fetch(shown: readonly MatrixSource[], later: readonly MatrixSource[]): Promise<void> {
    try {
      await Promise.all(shown.map((source) => matrixStore.load(source)));
      for (const source of later) await matrixStore.load(source);
      matrixStore.trim([...shown, ...later]);
    } catch (error) {
      this.error = error;
    }
  }

  /** Params with which the open result's question covers every epoch; undefined where that cannot be asked. */
  readonly everyEpoch = $derived.by<{ kind: string; params: object } | undefined>(() => {
    const result = this.#results.find(({ row }) => row.id === this.open?.resultId);
    if (!result || result.row.origin === 'imported' || this.epochs.length === 0) return undefined;
    const { kind } = result.row;
    const { epoch: _one, epochs: _several, ...params } = result.params as Record<string, unknown>;
    if (kind !== 'match-activations') return { kind, params: { ...params, epoch: this.epochs } };
    if (params.checkpoints !== undefined) return undefined;
    return { kind, params: { ...params, epochs: params.groups === undefined ? this.epochs : 'all' } };
  });

  /** Measures every epoch, as one job: what was measured before is not measured again. */
  async measureAll(): Promise<void> {
    if (!this.everyEpoch) return;
    const job = await engine.attempt('jobs.submit', this.everyEpoch);
    if (!job) return;
    this.measureJobId = job.id;
    try {
      const ended = await engine.finished(job);
      if (ended.state === 'done' && ended.resultId) this.resultId = ended.resultId;
      else if (ended.error) this.error = new Error(ended.error);
    } catch (error) {
      this.error = error;
    } finally {
      this.measureJobId = null;
    }
  }

  readonly measuring = $derived.by<number | null>(() => {
    if (this.measureJobId === null) return null;
    return engine.jobs.find(({ id }) => id === this.measureJobId)?.progress?.fraction ?? 0;
  });
}

function union(ranges: readonly ([number, number] | null)[]): [number, number] | null {
  const known = ranges.filter((range) => range !== null);
  if (known.length === 0) return null;
  return [Math.min(...known.map((range) => range[0])), Math.max(...known.map((range) => range[1]))];
}
