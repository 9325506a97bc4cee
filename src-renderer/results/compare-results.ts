/** Results of one kind side by side: every value under a name, and how far the later ones lie from the first. */
import { number } from '../format.ts';

export type Cell = number | string | boolean | null | undefined;

export interface ComparedValue {
  /** Dotted; entries of lists by what they are of: `pairs · models 1, 2 · test_loss_barriers.chord`. */
  name: string;
  /** One per result; undefined where it has none of that name. */
  values: Cell[];
  /** Of the later ones to the first, where both are numbers. */
  differences: (number | undefined)[];
  differs: boolean;
}

/** Longer lists of numbers (curves, assignments) are compared as plots, not line by line. */
const longestList = 8;

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** What an entry of a list is of, so that entries in another order are still compared with each other. */
function entryName(entry: unknown, index: number): string {
  if (!isObject(entry)) return String(index + 1);
  const { model1_index: first, model2_index: second, model, epoch, layer, name, group } = entry;
  const of = [
    ...(typeof first === 'number' && typeof second === 'number' ? [`models ${first}, ${second}`] : []),
    ...(typeof model === 'number' ? [`model ${model}`] : []),
    ...(typeof epoch === 'number' ? [`epoch ${epoch}`] : []),
    ...[layer, name, group].flatMap((each) =>
      typeof each === 'string' || typeof each === 'number' ? [String(each)] : [],
    ),
  ];
  return of.length > 0 ? of.join(', ') : String(index + 1);
}

/** @returns every value that is no list or section, by its name; paths and matrices are left out */
export function valuesIn(data: unknown): Map<string, Cell> {
  const found = new Map<string, Cell>();
  const walk = (value: unknown, path: string): void => {
    if (Array.isArray(value)) {
      const plain = value.every((item) => item === null || typeof item !== 'object');
      if (plain && value.length > longestList) return;
      const names = value.map(entryName);
      for (const [i, item] of value.entries()) {
        // Two entries of one name are told apart by their places.
        const own = names.indexOf(names[i]!) === i ? names[i]! : `${names[i]} (${i + 1})`;
        walk(item, path === '' ? own : plain ? `${path}[${i}]` : `${path} · ${own}`);
      }
    } else if (isObject(value)) {
      if ('$matrix' in value) return;
      for (const [key, item] of Object.entries(value)) {
        walk(item, path === '' ? key : `${path}.${key}`);
      }
    } else if (!/path|directory|backend|execution/.test(path)) found.set(path, value as Cell);
  };
  walk(data, '');
  return found;
}

/** In the order of the first result, then what only later ones have. */
export function compareValues(all: readonly unknown[]): ComparedValue[] {
  const maps = all.map(valuesIn);
  const names = [...new Set(maps.flatMap((map) => [...map.keys()]))];
  return names.map((name) => {
    const values = maps.map((map) => map.get(name));
    const [first, ...later] = values;
    const differences = later.map((value) =>
      typeof value === 'number' && typeof first === 'number' ? value - first : undefined,
    );
    return { name, values, differences, differs: later.some((value) => value !== first) };
  });
}

export function cellText(value: Cell): string {
  if (value === undefined) return '–';
  if (value === null) return 'none';
  return typeof value === 'number' ? number(value) : String(value);
}

/** With its sign: `+0.12`, `−3`, `0`. */
export function differenceText(value: number | undefined): string {
  if (value === undefined) return '';
  return value > 0 ? `+${number(value)}` : number(value);
}
