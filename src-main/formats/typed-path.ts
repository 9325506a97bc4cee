/** Paths as people type or paste them; every place where one is typed asks here. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '../../src-shared/errors.ts';
import type { ParamSchema } from '../../src-shared/jobs/schema.ts';

/**
 * The absolute path that was meant. What exists as it stands is taken as it stands; else blanks and quotes around it are
 * left out, `~` is the home folder, `file://` an address with its percent signs decoded, and `\ ` a blank as a shell writes it.
 * @param folder what a relative path is relative to
 * @throws UserError for an address of another machine, or one that cannot be decoded
 */
export function typedPath(text: string, folder = process.cwd()): string {
  const literal = resolve(folder, text);
  if (text === '' || existsSync(literal)) return literal;
  const bare = withoutQuotes(text);
  const meant = resolve(folder, bare.startsWith('file:') ? fromAddress(bare) : fromHome(bare));
  if (!meant.includes('\\') || existsSync(meant)) return meant;
  const unescaped = meant.replace(/\\(.)/g, '$1');
  return existsSync(unescaped) ? unescaped : meant;
}

function withoutQuotes(text: string): string {
  const trimmed = text.trim();
  const inside = /^(["'])(.*)\1$/s.exec(trimmed)?.[2]?.trim();
  return inside === undefined || inside === '' ? trimmed : inside;
}

function fromHome(path: string): string {
  if (path === '~') return homedir();
  return path.startsWith('~/') ? join(homedir(), path.slice(2)) : path;
}

function fromAddress(address: string): string {
  try {
    const url = new URL(address);
    if (url.hostname === 'localhost') url.hostname = '';
    return fileURLToPath(url);
  } catch (thrown) {
    throw new UserError(`${address} is not the address of a file on this machine.`, {
      hint: 'Write the path itself, such as /data/runs.',
      cause: thrown,
    });
  }
}

/** How many pieces between commas a single path may be made of. */
const mostCommas = 32;

const howToWrite = (paths: readonly string[]): string =>
  `A comma separates paths. Write paths that have commas in them as JSON: '${JSON.stringify(paths)}'.`;

/**
 * A list of paths separated by commas, or as JSON. If not all of them exist, neighbours are joined again where that
 * gives paths that do, since folders are called `lr=0.1,seed=3`.
 * @throws UserError if several ways of joining fit, or none does
 */
export function typedPathList(text: string, folder = process.cwd()): string[] {
  const json = fromJson(text);
  if (json) return json.map((path) => typedPath(path, folder));
  const pieces = text.replace(/[,\s]+$/, '').split(',');
  const plain = pieces.filter((piece) => piece.trim() !== '').map((piece) => typedPath(piece, folder));
  if (plain.length <= 1 || plain.every((path) => existsSync(path))) return plain;
  const ways = joinings(pieces, (piece) => existsSync(typedPath(piece, folder)));
  if (ways.length === 1) return ways[0]!.map((path) => typedPath(path, folder));
  if (ways.length > 1) {
    throw new UserError(`${text} can be read as more than one list of existing paths.`, {
      hint: howToWrite(ways[0]!),
    });
  }
  const missing = firstMissing(pieces, (piece) => existsSync(typedPath(piece, folder)));
  throw new UserError(`${typedPath(missing, folder)} does not exist.`, { hint: howToWrite(['a,b', 'c']) });
}

function fromJson(text: string): string[] | undefined {
  if (!text.trim().startsWith('[')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : undefined;
  } catch {
    // A folder's name may begin with a bracket.
    return undefined;
  }
}

/** The ways, two at most, of joining neighbours so that every path exists. */
function joinings(pieces: readonly string[], exists: (path: string) => boolean): string[][] {
  const ways: string[][][] = Array.from({ length: pieces.length + 1 }, () => []);
  ways[pieces.length] = [[]];
  for (let from = pieces.length - 1; from >= 0; from--) {
    for (let to = from + 1; to <= Math.min(pieces.length, from + mostCommas); to++) {
      const rest = ways[to]!;
      const path = pieces.slice(from, to).join(',');
      if (rest.length === 0 || path.trim() === '' || !exists(path)) continue;
      ways[from] = [...ways[from]!, ...rest.map((way) => [path, ...way])].slice(0, 2);
    }
  }
  return ways[0]!;
}

/** The first piece behind the longest beginning that can be read as paths that exist. */
function firstMissing(pieces: readonly string[], exists: (path: string) => boolean): string {
  const reached = [0];
  for (let to = 1; to <= pieces.length; to++) {
    const starts = reached.filter((from) => to - from <= mostCommas);
    if (starts.some((from) => exists(pieces.slice(from, to).join(',')))) reached.push(to);
  }
  return pieces[reached.at(-1)!] ?? pieces.join(',');
}

/** Params with every path in them as `typedPath` reads it: forms send what was typed. The schema says where paths are. */
export function withTypedPaths(schema: ParamSchema, params: unknown): unknown {
  const choices = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
  if (choices.length > 0) {
    const { anyOf: _anyOf, oneOf: _oneOf, allOf: _allOf, ...own } = schema;
    return [own, ...choices].reduce<unknown>((value, choice) => withTypedPaths(choice, value), params);
  }
  if (schema.path) return typedPaths(params);
  if (Array.isArray(params)) {
    const { items } = schema;
    return items ? params.map((item) => withTypedPaths(items, item)) : params;
  }
  if (params === null || typeof params !== 'object' || ArrayBuffer.isView(params)) return params;
  return Object.fromEntries(
    Object.entries(params).map(([key, value]) => {
      const of = schema.properties?.[key];
      return [key, of ? withTypedPaths(of, value) : value];
    }),
  );
}

/** A path or a list of them. */
function typedPaths(value: unknown): unknown {
  if (typeof value === 'string') return value === '' ? value : typedPath(value);
  return Array.isArray(value) ? value.map(typedPaths) : value;
}
