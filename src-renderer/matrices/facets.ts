/** Matrices side by side: which stand in a row, which in a column, and what is chosen of the rest. */

export const facetNames = ['layer', 'sigmaF', 'k', 'epoch', 'model', 'run', 'variant'] as const;
export type FacetName = (typeof facetNames)[number];
export type FacetValue = string | number | null;
export type Facets = Record<FacetName, FacetValue>;
export type Axis = FacetName | 'none';

/** What is laid out: a matrix of a family that shares a colour scale. */
export interface Faceted {
  family: string;
  facets: Facets;
}

/** As shown in menus. */
export const facetTitles: Record<FacetName, string> = {
  layer: 'layer',
  sigmaF: 'σ_F',
  k: 'k of the data',
  epoch: 'epoch',
  model: 'model',
  run: 'run',
  variant: 'kind',
};

/** `σ_F 1`, `epoch 5`, `fc1` */
export function facetLabel(name: FacetName, value: FacetValue): string {
  if (value === null) return `no ${facetTitles[name]}`;
  if (name === 'sigmaF') return `σ_F ${value}`;
  if (name === 'k') return `k ${value}`;
  if (name === 'epoch') return `epoch ${value}`;
  if (name === 'model') return typeof value === 'string' ? `models ${value}` : `model ${value}`;
  return String(value);
}

/** Distinct values, numbers by size and texts by their alphabet with numbers by size; nothing comes first. */
export function facetValues(sources: readonly Faceted[], name: FacetName): FacetValue[] {
  const rank = (value: FacetValue): number => (value === null ? 0 : typeof value === 'number' ? 1 : 2);
  return [...new Set(sources.map((source) => source.facets[name]))].sort((a, b) =>
    typeof a === 'number' && typeof b === 'number'
      ? a - b
      : rank(a) - rank(b) || String(a).localeCompare(String(b), 'en', { numeric: true }),
  );
}

export const varying = (sources: readonly Faceted[]): FacetName[] =>
  facetNames.filter((name) => facetValues(sources, name).length > 1);

/** Layers below each other and something else across; what varies alone goes across. */
export function usualAxes(sources: readonly Faceted[]): { rows: Axis; columns: Axis } {
  const names = varying(sources);
  const across = (['sigmaF', 'k', 'epoch', 'model', 'run', 'variant'] as const).find((name) =>
    names.includes(name),
  );
  if (names.includes('layer') && across) return { rows: 'layer', columns: across };
  const first = names[0];
  if (first === undefined) return { rows: 'none', columns: 'none' };
  const next = names.find((name) => name !== first && !tied(sources, first, name));
  return next === undefined ? { rows: 'none', columns: first } : { rows: next, columns: first };
}

/** Whether one decides the other: a run has one sigma_F. */
function tied(sources: readonly Faceted[], a: FacetName, b: FacetName): boolean {
  const pairs = new Set(sources.map(({ facets }) => JSON.stringify([facets[a], facets[b]])));
  return pairs.size === Math.max(facetValues(sources, a).length, facetValues(sources, b).length);
}

export const distinct = <T>(values: Iterable<T>): T[] => [...new Set(values)];

export interface Choice {
  name: FacetName;
  values: FacetValue[];
  chosen: FacetValue;
}

export interface Grid<S extends Faceted> {
  rows: Axis;
  columns: Axis;
  rowValues: FacetValue[];
  columnValues: FacetValue[];
  /** [row][column]; undefined where nothing was measured. */
  cells: (S | undefined)[][];
  /** What neither axis shows and yet varies. */
  choices: Choice[];
}

/** The usual choice among several: the last epoch, else the first. */
const usual = (name: FacetName, values: readonly FacetValue[]): FacetValue =>
  (name === 'epoch' ? values.at(-1) : values[0]) ?? null;

/**
 * Lays matrices of one kind out by two facets. Where several would share a cell a value is chosen for what tells them
 * apart; a run or model that a cell does not have is replaced by its first, an epoch, layer or kind is not.
 */
export function gridOf<S extends Faceted>(
  sources: readonly S[],
  axes: { rows: Axis; columns: Axis },
  wishes: Partial<Facets>,
): Grid<S> {
  const of = (source: S, axis: Axis): FacetValue => (axis === 'none' ? null : source.facets[axis]);
  const valuesOf = (axis: Axis): FacetValue[] => (axis === 'none' ? [null] : facetValues(sources, axis));
  const [rowValues, columnValues] = [valuesOf(axes.rows), valuesOf(axes.columns)];
  const crowded = rowValues.map((row) =>
    columnValues.map((column) =>
      sources.filter((source) => of(source, axes.rows) === row && of(source, axes.columns) === column),
    ),
  );
  const choices: Choice[] = [];
  for (const name of ['variant', 'layer', 'epoch', 'model', 'sigmaF', 'k', 'run'] as const) {
    if (name === axes.rows || name === axes.columns) continue;
    if (!crowded.flat().some((cell) => facetValues(cell, name).length > 1)) continue;
    const values = facetValues(crowded.flat(2), name);
    const wish = wishes[name];
    const chosen = wish !== undefined && values.includes(wish) ? wish : usual(name, values);
    choices.push({ name, values, chosen });
    const strict = name === 'epoch' || name === 'layer' || name === 'variant';
    for (const row of crowded) {
      for (const [c, cell] of row.entries()) {
        const kept = cell.filter((source) => source.facets[name] === chosen);
        row[c] = kept.length > 0 || strict ? kept : cell;
      }
    }
  }
  const cells = crowded.map((row) => row.map((cell) => cell[0]));
  return { ...axes, rowValues, columnValues, cells, choices };
}

/** The same matrix at other epochs, by epoch. */
export function seriesOf<S extends Faceted>(sources: readonly S[], one: S | undefined): Map<number, S> {
  if (!one) return new Map();
  const others = facetNames.filter((name) => name !== 'epoch');
  const same = sources.filter((source) => others.every((name) => source.facets[name] === one.facets[name]));
  return new Map(
    same.flatMap((source) =>
      typeof source.facets.epoch === 'number' ? [[source.facets.epoch, source] as const] : [],
    ),
  );
}

/** The one with most in common: what stays open when other results are looked at. */
export function closest<S extends Faceted>(
  sources: readonly S[],
  family: string,
  wanted: Facets,
): S | undefined {
  const score = (source: S): number =>
    (source.family === family ? 100 : 0) +
    facetNames.filter((name) => source.facets[name] === wanted[name]).length;
  return sources.reduce<S | undefined>(
    (best, source) => (best === undefined || score(source) > score(best) ? source : best),
    undefined,
  );
}
