/** What the viewer shows, as a figure. */
import { packMatrix, type FigureRecipe } from '../../src-shared/figures/index.ts';
import type { ColourMap, ValueScale } from '../../src-shared/figures/colour.ts';
import { facetLabel, type Axis, type FacetValue, type Grid } from './facets.ts';
import type { MatrixSource } from './sources.ts';
import type { ColourRange } from './viewer.svelte.ts';
import type { LoadedMatrix } from './store.svelte.ts';

interface Shown {
  loaded: (source: MatrixSource) => LoadedMatrix | undefined;
  scale: ValueScale;
  map: ColourMap;
  /** Over which matrices the colours are spread. */
  range: ColourRange;
  /** Draw the assignment over the matrices. */
  overlay: boolean;
}

const axisLabel = (axis: Axis, value: FacetValue): string[] =>
  axis === 'none' ? [] : [facetLabel(axis, value)];

/** All matrices of the grid that have arrived, row by row, each row with a colour bar. Holds a copy of every number. */
export function gridRecipe(
  grid: Grid<MatrixSource>,
  open: MatrixSource,
  shown: Shown,
): FigureRecipe<'matrix'> {
  const several = grid.cells.flat().filter((cell) => cell !== undefined).length > 1;
  const rows = grid.cells.map((cells, r) =>
    cells.flatMap((source, c) => {
      if (!source) return [];
      const title = [
        ...axisLabel(grid.rows, grid.rowValues[r] ?? null),
        ...axisLabel(grid.columns, grid.columnValues[c] ?? null),
      ].join(', ');
      return panelOf(source, several ? title : source.title, shown);
    }),
  );
  // A colour bar belongs to a row: matrices with a range of their own have a row of their own.
  if (shown.range === 'own') {
    const each = rows.flat().map((panel) => [panel]);
    return recipeOf(each, open, shown);
  }
  const across = Math.max(1, ...rows.map((row) => row.length));
  return recipeOf(rows, open, shown, grid.rows === 'none' ? undefined : across);
}

export function singleRecipe(open: MatrixSource, shown: Shown): FigureRecipe<'matrix'> {
  const named = { ...open, rowLabel: open.rowAxis, columnLabel: open.columnAxis };
  return recipeOf([panelOf(open, open.title, shown)], named, shown);
}

function panelOf(source: MatrixSource, title: string, { loaded, overlay }: Shown) {
  const found = loaded(source);
  if (!found) return [];
  return [
    {
      ...{ title, name: source.title, matrix: packMatrix(found.matrix) },
      ...(overlay && source.assignment ? { assignment: source.assignment } : {}),
    },
  ];
}

function recipeOf(
  rows: ReturnType<typeof panelOf>[],
  { valueLabel, rowLabel, columnLabel }: MatrixSource,
  { scale, map, range }: Shown,
  across?: number,
): FigureRecipe<'matrix'> {
  return {
    kind: 'matrix',
    data: {
      rows: rows.filter((row) => row.length > 0),
      ...{ valueLabel, rowLabel, columnLabel, scale, colours: map },
      share: range === 'all' ? 'all' : 'row',
      ...(across !== undefined && { across: Math.min(12, across) }),
    },
  };
}
