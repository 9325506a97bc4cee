/** Which columns the run table shows, in which order and how wide: what a person chose, and what the window has room for. */
import { z } from 'zod';
import { leastWidth, type Column } from './columns.ts';

export const chosenColumnSchema = z.object({
  id: z.string(),
  /** px; absent: as the column is by itself. */
  width: z.number().min(20).max(2000).optional(),
});
export type ChosenColumn = z.infer<typeof chosenColumnSchema>;

export const defaultColumns: readonly ChosenColumn[] = [
  'name',
  'family',
  'sigmaF',
  'data',
  'models',
  'epochs',
  'accuracy',
  'drop',
  'groups',
].map((id) => ({ id }));

/** In a narrow window the first of these go first. What a person has added goes after them, and never these last three. */
const firstToGo = ['models', 'data', 'epochs', 'sigmaF', 'family', 'drop'];
const lasting = ['name', 'accuracy', 'groups'];

export const narrowest = 40;
export const widest = 900;

/** The chosen columns that there are, the run's name first. */
export function shownColumns(
  chosen: readonly ChosenColumn[],
  columnOf: (id: string) => Column | undefined,
): Column[] {
  const found = chosen.flatMap(({ id, width }) => {
    const column = columnOf(id);
    return column ? [width === undefined ? column : { ...column, width: trackOf(column, width) }] : [];
  });
  return [...found.filter(({ id }) => id === 'name'), ...found.filter(({ id }) => id !== 'name')];
}

/** As wide as chosen if there is room; what is chosen narrower than the column needs is what it says. */
function trackOf(column: Column, width: number): string {
  const least = leastWidth([column.width]);
  if (column.id === 'groups') return `minmax(${Math.round(width)}px, 1fr)`;
  return width <= least ? `${Math.round(width)}px` : `minmax(${least}px, ${Math.round(width)}px)`;
}

/**
 * The columns that fit into a width in px, and those that need a wider window. The column that is sorted by stays.
 * Width 0 (nothing laid out yet) has room for all.
 */
export function fitting(
  columns: readonly Column[],
  room: number,
  sortedBy?: string,
): { fit: Column[]; left: Column[] } {
  const kept = new Set(columns.map(({ id }) => id));
  const widthOf = () => leastWidth(columns.filter(({ id }) => kept.has(id)).map((column) => column.width));
  const added = columns.map(({ id }) => id).filter((id) => !firstToGo.includes(id) && !lasting.includes(id));
  for (const id of [...firstToGo, ...added.toReversed()]) {
    if (room === 0 || widthOf() <= room) break;
    if (id !== sortedBy) kept.delete(id);
  }
  return {
    fit: columns.filter(({ id }) => kept.has(id)),
    left: columns.filter(({ id }) => !kept.has(id)),
  };
}

export const toggled = (chosen: readonly ChosenColumn[], id: string): ChosenColumn[] => {
  if (chosen.some((column) => column.id === id)) return chosen.filter((column) => column.id !== id);
  // The groups stay at the end, where they have been.
  const last = chosen.at(-1)?.id === 'groups' ? chosen.length - 1 : chosen.length;
  return [...chosen.slice(0, last), { id }, ...chosen.slice(last)];
};

/** Puts a column to where another one is; nothing goes before the name. */
export function movedTo(chosen: readonly ChosenColumn[], id: string, target: string): ChosenColumn[] {
  const from = chosen.findIndex((column) => column.id === id);
  const to = chosen.findIndex((column) => column.id === target);
  if (from < 0 || to < 0 || from === to || id === 'name' || target === 'name') return [...chosen];
  const others = chosen.filter((column) => column.id !== id);
  return [...others.slice(0, to), chosen[from]!, ...others.slice(to)];
}

/** One place to the left or right among those that are shown. */
export function movedBy(
  chosen: readonly ChosenColumn[],
  shown: readonly Pick<Column, 'id'>[],
  id: string,
  by: 1 | -1,
): ChosenColumn[] {
  const at = shown.findIndex((column) => column.id === id);
  const target = at < 0 ? undefined : shown[at + by];
  return target ? movedTo(chosen, id, target.id) : [...chosen];
}

/** Undefined: the column's own width again. */
export const resized = (
  chosen: readonly ChosenColumn[],
  widths: Readonly<Record<string, number | undefined>>,
): ChosenColumn[] =>
  chosen.map((column) => {
    if (!Object.hasOwn(widths, column.id)) return column;
    const width = widths[column.id];
    return width === undefined
      ? { id: column.id }
      : { id: column.id, width: Math.round(Math.min(widest, Math.max(narrowest, width))) };
  });
