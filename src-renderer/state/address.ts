/** A view's state as the query of its address, so that a link leads to what is seen. What is as usual is left out. */

export interface Field<T> {
  /** Undefined if the text says nothing that the view knows. */
  read: (text: string) => T | undefined;
  write: (value: T) => string;
  usual: T;
}
export type Fields<State> = { [Name in keyof State]: Field<State[Name]> };
export type Query = Record<string, string>;

export const choice = <T extends string>(options: readonly T[], usual: T): Field<T> => ({
  read: (text) => options.find((option) => option === text),
  write: (value) => value,
  usual,
});

export const whole = (usual: number, [least, most]: readonly [number, number]): Field<number> => ({
  read: (text) => {
    const value = Number(text);
    return /^\d+$/.test(text) && value >= least && value <= most ? value : undefined;
  },
  write: String,
  usual,
});

export const real = (usual: number): Field<number> => ({
  read: (text) => (text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : undefined),
  write: String,
  usual,
});

export const flag = (usual: boolean): Field<boolean> => ({
  read: (text) => (text === 'yes' ? true : text === 'no' ? false : undefined),
  write: (value) => (value ? 'yes' : 'no'),
  usual,
});

export const text = (usual = ''): Field<string> => ({
  read: (value) => value,
  write: (value) => value,
  usual,
});

/** Items may hold commas. */
const joined = (items: readonly string[]): string => items.map(encodeURIComponent).join(',');
function parted(value: string): string[] | undefined {
  try {
    return value === '' ? [] : value.split(',').map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

export const list = (usual: readonly string[] = []): Field<string[]> => ({
  read: parted,
  write: joined,
  usual: [...usual],
});

/** A list, or null for all there are, those that come later too. */
export const listOrAll: Field<string[] | null> = {
  read: (value) => (value === 'all' ? null : parted(value)),
  write: (value) => (value === null ? 'all' : joined(value)),
  usual: null,
};

export const numbers: Field<number[]> = {
  read: (value) => {
    const items = value === '' ? [] : value.split(',').map(Number);
    return items.every(Number.isFinite) ? items : undefined;
  },
  write: (value) => value.join(','),
  usual: [],
};

/** Fields seen alike, by name. */
const entriesOf = <State extends object>(fields: Fields<State>): [string, Field<unknown>][] =>
  Object.entries(fields as Record<string, Field<unknown>>);

/** @returns the state, and the parts of the query that say something the view does not know: they are as usual */
export function readAddress<State extends object>(
  fields: Fields<State>,
  query: Query,
): { state: State; unknown: string[] } {
  const unknown: string[] = [];
  const entries = entriesOf(fields).map(([name, field]) => {
    const written = query[name];
    const value = written === undefined ? field.usual : field.read(written);
    if (value === undefined) unknown.push(`${name}=${written ?? ''}`);
    return [name, value === undefined ? field.usual : value] as const;
  });
  return { state: Object.fromEntries(entries) as State, unknown };
}

export function writeAddress<State extends object>(fields: Fields<State>, state: State): Query {
  const entries = entriesOf(fields).map(
    ([name, field]) => [name, field.write(state[name as keyof State]), field.write(field.usual)] as const,
  );
  return Object.fromEntries(
    entries.filter(([, now, usual]) => now !== usual).map(([name, now]) => [name, now]),
  );
}

/** What a link says that the view cannot show, in words; undefined if it shows all of it. */
export const unknownText = (unknown: readonly string[]): string | undefined =>
  unknown.length === 0
    ? undefined
    : `This view does not know ${unknown.map((part) => `“${part}”`).join(', ')} of its address: the usual settings are shown instead.`;
