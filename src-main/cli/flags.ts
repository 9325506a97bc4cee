/**
 * Flags of `basin run KIND`, derived from the kind's params schema, so that a new kind of job has a command line from
 * the start: `recordingPoint` is `--recording-point`, a list is `1,2`, `1-4` or `0-100/10`, a nested object gives its own fields
 * (`data.name` is `--data`, `data.dataDir` is `--data-dir`), anything deeper is JSON.
 */
import type { z } from 'zod';
import { UserError } from '../../src-shared/errors.ts';
import { paramSchema, type ParamSchema } from '../../src-shared/jobs/schema.ts';
import { didYouMean } from '../../src-shared/near-miss.ts';
import { typedPath, typedPathList } from '../formats/typed-path.ts';
import { UsageError } from './errors.ts';

export interface Flag {
  /** Where its value goes in the params. */
  path: string[];
  /** Without the dashes, e.g. `recording-point`. */
  name: string;
  node: ParamSchema;
  required: boolean;
}

export function kebab(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replaceAll('_', '-')
    .toLowerCase();
}

/** The schema without the `null` alternative of an optional field. */
function plainNode(node: ParamSchema): ParamSchema {
  const { anyOf, oneOf, ...own } = node;
  const options = (anyOf ?? oneOf)?.filter((option) => option.type !== 'null');
  return options?.length === 1 ? { ...options[0]!, ...own } : node;
}

function isPlainObject(node: ParamSchema): node is ParamSchema & { properties: Record<string, ParamSchema> } {
  return node.type === 'object' && node.properties !== undefined;
}

/** Every flag of a params schema, in the order of its fields. */
export function flagsOf(schema: z.ZodType): Flag[] {
  const root = paramSchema(schema);
  const flags: Flag[] = [];
  const taken = new Set<string>();
  const visit = (node: ParamSchema, path: string[], required: boolean): void => {
    for (const [key, raw] of Object.entries(node.properties ?? {})) {
      const child = plainNode(raw);
      const here = [...path, key];
      const needed = required && (node.required ?? []).includes(key);
      if (isPlainObject(child)) {
        visit(child, here, needed);
        continue;
      }
      const parent = path.at(-1);
      const short = key === 'name' && parent !== undefined ? kebab(parent) : kebab(key);
      const name = taken.has(short) && parent !== undefined ? `${kebab(parent)}-${short}` : short;
      taken.add(name);
      flags.push({ path: here, name, node: child, required: needed && child.default === undefined });
    }
  };
  for (const part of root.allOf ?? [root]) visit(part, [], true);
  return flags;
}

const longestHint = 30;

/** What goes behind the flag in `--help`: `none|activation|weight`, `N`, `LIST`; `choice` where that is too long. */
export function valueHint(node: ParamSchema): string {
  const hint = fullHint(node);
  if (hint.length <= longestHint) return hint;
  return hint.endsWith('LIST') ? 'choice|LIST' : 'choice';
}

/** Choices that did not fit behind the flag, for its description. */
export function choicesText(node: ParamSchema): string {
  const hint = fullHint(node);
  if (hint.length <= longestHint) return '';
  return `(one of ${hint
    .split('|')
    .filter((word) => word !== 'LIST')
    .join(', ')})`;
}

function fullHint(node: ParamSchema): string {
  if (node.enum !== undefined) return node.enum.map(String).join('|');
  if (node.const !== undefined) return String(node.const);
  const options = node.anyOf ?? node.oneOf;
  if (options !== undefined) return [...new Set(options.map(fullHint))].join('|');
  if (isPairs(node)) return '1-2,...';
  if (node.type === 'array') return node.items !== undefined && isScalar(node.items) ? 'LIST' : 'JSON';
  if (node.type === 'integer' || node.type === 'number') return 'N';
  if (node.type === 'boolean') return 'true|false';
  return node.type === 'object' ? 'JSON' : 'VALUE';
}

/** A list of pairs of whole numbers, which people write as `1-2,3-4`. */
function isPairs({ items }: ParamSchema): boolean {
  return items?.prefixItems?.length === 2 && items.prefixItems.every((item) => item.type === 'integer');
}

function parsePairs(text: string): number[][] {
  return splitList(text, {}).map((part) => {
    const pair = /^(\d+)-(\d+)$/.exec(part);
    if (pair === null) throw new ValueError(`"${part}" is not a pair such as 1-2`);
    return [Number(pair[1]), Number(pair[2])];
  });
}

function isScalar(node: ParamSchema): boolean {
  if (node.anyOf !== undefined || node.oneOf !== undefined)
    return (node.anyOf ?? node.oneOf ?? []).every(isScalar);
  return node.type !== 'array' && node.type !== 'object';
}

/** Thrown inside this file only; `parseFlag` says which flag it was. */
class ValueError extends Error {}

function parseNumber(text: string, whole: boolean): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isFinite(value)) throw new ValueError(`expected a ${whole ? 'whole ' : ''}number`);
  if (whole && !Number.isInteger(value)) throw new ValueError('expected a whole number');
  return value;
}

/** `1,2,5-8` as 1, 2, 5, 6, 7, 8, `0-20/10` as 0, 10, 20; ranges only where whole numbers are asked for. */
function splitList(text: string, items: ParamSchema): string[] {
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  if (items.type !== 'integer') return parts;
  return parts.flatMap((part) => {
    const range = /^(\d+)-(\d+)(?:\/(\d+))?$/.exec(part);
    if (range === null) return [part];
    const [first, last, step] = [Number(range[1]), Number(range[2]), Number(range[3] ?? 1)];
    if (last < first || last - first > 100_000 || step < 1) throw new ValueError(`"${part}" is not a range`);
    return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, i) => String(first + i * step));
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ValueError('expected JSON');
  }
}

function parseOneOf(options: ParamSchema[], text: string): unknown {
  const rank = (node: ParamSchema): number =>
    node.const !== undefined || node.enum !== undefined ? 0 : node.type === 'string' ? 2 : 1;
  const reasons: string[] = [];
  for (const option of [...options].sort((a, b) => rank(a) - rank(b))) {
    try {
      return parseText(option, text);
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      reasons.push(error.message);
    }
  }
  throw new ValueError([...new Set(reasons)].join(', or '));
}

function parseText(node: ParamSchema, text: string): unknown {
  const options = node.anyOf ?? node.oneOf;
  if (options !== undefined) return parseOneOf(options, text);
  if (node.enum !== undefined) return parseChoice(node.enum, text);
  if (node.const !== undefined) return parseChoice([node.const], text);
  switch (node.type) {
    case 'integer':
    case 'number':
      return parseNumber(text, node.type === 'integer');
    case 'boolean':
      return parseChoice([true, false], text);
    case 'null':
      return text === 'null' || text === 'none' ? null : parseChoice([null], text);
    case 'array':
      return parseArray(node, text);
    case 'object':
      return parseJson(text);
    default:
      return text;
  }
}

function parseArray(node: ParamSchema, text: string): unknown {
  const items = node.items ?? {};
  if (node.prefixItems !== undefined) {
    const parts = splitList(text, {});
    return parts.map((part, i) => parseText(node.prefixItems?.[i] ?? items, part));
  }
  if (isPairs(node) && !text.trim().startsWith('[')) return parsePairs(text);
  if (!isScalar(items) || text.trim().startsWith('[')) return parseJson(text);
  return splitList(text, items).map((part) => parseText(items, part));
}

function parseChoice(choices: unknown[], text: string): unknown {
  const found = choices.find((choice) => String(choice) === text);
  if (found !== undefined) return found;
  const words = choices.map(String);
  throw new ValueError(
    `expected ${words.length === 1 ? '' : 'one of '}${words.join(', ')}.${didYouMean(text, words)}`,
  );
}

/** The value of one flag. Throws UsageError naming the flag, what it got and what it expects. */
export function parseFlag(flag: Flag, text: string): unknown {
  try {
    if (!flag.node.path) return parseText(flag.node, text);
    return isTextList(flag.node) ? typedPathList(text) : typedPaths(parseText(flag.node, text));
  } catch (error) {
    if (error instanceof ValueError) throw new UsageError(`--${flag.name} "${text}": ${error.message}`);
    if (error instanceof UserError && !(error instanceof UsageError))
      throw new UsageError(`--${flag.name} "${text}": ${error.message}`, hintOf(error));
    throw error;
  }
}

const hintOf = ({ hint }: UserError): { hint?: string } => (hint === undefined ? {} : { hint });

function isTextList({ type, items }: ParamSchema): boolean {
  return type === 'array' && items?.type === 'string';
}

function typedPaths(value: unknown): unknown {
  if (typeof value === 'string') return typedPath(value);
  return Array.isArray(value) ? value.map(typedPaths) : value;
}

/** Puts a value into nested params, making the objects on the way. */
export function setAt(params: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let here = params;
  for (const key of path.slice(0, -1)) {
    const next = here[key];
    if (next === null || typeof next !== 'object') here[key] = {};
    here = here[key] as Record<string, unknown>;
  }
  here[path.at(-1)!] = value;
}

/** Parses the collected params; what is wrong is said in terms of the flags. */
export function completeParams<P extends z.ZodType>(
  schema: P,
  params: unknown,
  flags: readonly Flag[],
): z.output<P> {
  refuseUnknown(params, flags);
  const parsed = schema.safeParse(params);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map((issue) => describeIssue(issue, flags));
  throw new UsageError([...new Set(lines)].join('; '));
}

/** A key that no flag sets would be dropped by the schema without a word. */
function refuseUnknown(params: unknown, flags: readonly Flag[]): void {
  const known = new Set(flags.map((flag) => flag.path[0]!));
  for (const key of Object.keys(params ?? {})) {
    if (!known.has(key)) throw new UsageError(`unknown parameter "${key}".${didYouMean(key, known)}`);
  }
}

function describeIssue(issue: z.core.$ZodIssue, flags: readonly Flag[]): string {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    const known = flags.map((flag) => flag.path.at(-1)!);
    return issue.keys.map((key) => `unknown parameter "${key}".${didYouMean(key, known)}`).join(' ');
  }
  const flag = flags.find((candidate) => candidate.path.every((key, i) => path[i] === key));
  if (flag === undefined) return path.length === 0 ? issue.message : `${path.join('.')}: ${issue.message}`;
  const missing =
    issue.code === 'invalid_type' && issue.input === undefined && /undefined/.test(issue.message);
  if (missing && flag.path.length === path.length)
    return `--${flag.name} is missing: give --${flag.name} ${valueHint(flag.node)}`;
  return `--${flag.name}: ${issue.message}`;
}
