/** Figures of measures that give something per checkpoint and layer: matrices, distributions, curves over training. */
import type { FigureRecipe } from '../figures/index.ts';
import { manyGroups } from '../figures/kinds/boxes.ts';
import { isMatrix } from '../matrix.ts';
import type { Matrix } from '../matrix.ts';
import type { Presentation } from './present.ts';

export type Figures = Presentation['figures'];

export interface Named {
  run_key: string;
  model_index: number;
  epoch: number | null;
}

const distinct = <T>(values: readonly T[]): T[] => [...new Set(values)];

/** Names of checkpoints among each other: what they have in common is left out. */
export function namesOf(rows: readonly Named[]): (row: Named) => string {
  const runs = distinct(rows.map(({ run_key }) => run_key)).length > 1 || rows.length === 1;
  const epochs = distinct(rows.map(({ epoch }) => epoch)).length > 1 || rows.length === 1;
  return ({ run_key, model_index, epoch }) =>
    [
      ...(runs ? [run_key] : []),
      `model ${model_index}`,
      ...(epochs && epoch !== null ? [`epoch ${epoch}`] : []),
    ].join(', ');
}

/** More matrices make a picture that nobody can read, and that takes long to draw. */
const mostCheckpoints = 6;
const mostBoxes = 4;
/** More curves in one panel cannot be told apart. */
const mostCurves = 8;

/** A figure of some of the checkpoints says so in its title. */
const titled = (title: string, shown: number, all: number): string =>
  shown < all ? `${title}, ${shown} of ${all} checkpoints` : title;

/** The first and the last ones, and some evenly between. */
function some<T>(rows: readonly T[], most: number): T[] {
  if (rows.length <= most) return [...rows];
  return Array.from({ length: most }, (_, i) => rows[Math.round((i * (rows.length - 1)) / (most - 1))]!);
}

/** The rows whose matrices a figure of all of them shows. */
export const drawnOf = <T>(rows: readonly T[]): T[] => some(rows, mostCheckpoints);

export interface MatrixLook {
  valueLabel: string;
  rowLabel: string;
  columnLabel: string;
  scale: 'linear' | 'signed-sqrt';
  colours: 'viridis' | 'diverging';
}

interface LayerMatrix {
  /** The layer, or what else tells matrices of one checkpoint apart. */
  title: string;
  matrix: unknown;
}

/**
 * Matrices of one kind. One checkpoint: its layers side by side. Several: a row for each layer, so that what shares a
 * colour bar is of one size and one meaning. The engine keeps matrices beside a result: then there is no figure.
 */
export function matrixFigure<Row extends Named>(
  title: string,
  look: MatrixLook,
  rows: readonly Row[],
  layersOf: (row: Row) => readonly LayerMatrix[],
): Figures {
  const chosen = drawnOf(rows);
  const nameOf = namesOf(rows);
  const panels = chosen.map((row) =>
    layersOf(row)
      .filter((layer): layer is { title: string; matrix: Matrix } => isMatrix(layer.matrix))
      .map(({ title: layer, matrix }) => ({
        title: chosen.length === 1 ? layer : `${layer}, ${nameOf(row)}`,
        matrix,
      })),
  );
  const filled = panels.filter((row) => row.length > 0);
  if (filled.length === 0) return [];
  const layers = Math.max(...filled.map((row) => row.length));
  const byLayer = Array.from({ length: layers }, (_, l) => filled.flatMap((row) => row[l] ?? []));
  const recipe: FigureRecipe = {
    kind: 'matrix',
    data: { ...look, rows: filled.length === 1 ? filled : byLayer },
  };
  return [{ title: titled(title, chosen.length, rows.length), recipe }];
}

/** One group of values per layer, one panel per checkpoint. */
export function boxFigure<Row extends Named>(
  title: string,
  label: string,
  rows: readonly Row[],
  groupsOf: (row: Row) => { label: string; values: number[] }[],
): Figures {
  const chosen = some(rows, mostBoxes);
  const nameOf = namesOf(rows);
  const panels = chosen
    .map((row) => ({ title: nameOf(row), groups: groupsOf(row).filter(({ values }) => values.length > 0) }))
    .filter(({ groups }) => groups.length > 0);
  if (panels.length === 0) return [];
  return [{ title: titled(title, panels.length, rows.length), recipe: boxesOf(label, panels) }];
}

interface BoxPanel {
  title: string;
  groups: { label: string; values: number[] }[];
}

/** Wide enough for the names of many layers. */
export function boxesOf(label: string, panels: BoxPanel[]): FigureRecipe {
  const many = panels.some(({ groups }) => groups.length > manyGroups);
  return { kind: 'boxes', data: { label, panels }, ...(many && { options: { size: 'double' } }) };
}

/** Parts of nearly equal size, in order, of at most that many. */
function evenParts<T>(all: readonly T[], most: number): T[][] {
  const count = Math.ceil(all.length / most);
  return Array.from({ length: count }, (_, i) =>
    all.slice(Math.round((i * all.length) / count), Math.round(((i + 1) * all.length) / count)),
  );
}

/**
 * A value per layer over the epochs, mean and spread over the models; nothing for a single epoch. Many layers are drawn in
 * several panels.
 */
export function epochFigure<Row extends Named>(
  title: string,
  label: string,
  rows: readonly Row[],
  valuesOf: (row: Row) => readonly { layer: string; value: number | null }[],
): Figures {
  const epochs = distinct(rows.flatMap(({ epoch }) => epoch ?? [])).sort((a, b) => a - b);
  if (epochs.length < 2) return [];
  const models = distinct(rows.map(({ model_index }) => model_index));
  const layers = distinct(rows.flatMap((row) => valuesOf(row).map(({ layer }) => layer)));
  const at = (model: number, epoch: number, layer: string): number | null => {
    const row = rows.find((one) => one.model_index === model && one.epoch === epoch);
    return (row && valuesOf(row).find((one) => one.layer === layer)?.value) ?? null;
  };
  const series = layers.map((layer) => ({
    label: layer,
    epochs,
    models: models.map((model) => ({
      name: `model ${model}`,
      values: epochs.map((epoch) => at(model, epoch, layer)),
    })),
  }));
  const panels = evenParts(series, mostCurves).map((some) => ({ label, series: some }));
  const recipe: FigureRecipe = {
    kind: 'training-curves',
    data: { panels },
    ...(panels.length > 1 && { options: { size: 'double' } }),
    caption: `${title}; mean over ${models.length} model${models.length === 1 ? '' : 's'}${models.length === 1 ? '' : ', band: minimum to maximum'}.`,
  };
  return [{ title, recipe }];
}
