/**
 * Flags of `basin run KIND`, derived from the kind's params schema, so that a new kind of job has a command line from
 * the start: `recordingPoint` is `--recording-point`, a list is `1,2` or `1-4`, a nested object gives its own fields
 * (`data.name` is `--data`, `data.dataDir` is `--data-dir`), anything deeper is JSON.
 */
import { z } from 'zod';
import { UserError } from '../../src-shared/errors.ts';
import { didYouMean } from '../../src-shared/near-miss.ts';
import { pathFields, typedPath, typedPathList } from '../formats/typed-path.ts';
import { UsageError } from './errors.ts';

/** The part of JSON Schema that zod writes for params. */
export interface SchemaNode {
  type?: string;
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  description?: string;
  items?: SchemaNode;
  prefixItems?: SchemaNode[];
  anyOf?: SchemaNode[];
  oneOf?: SchemaNode[];
  allOf?: SchemaNode[];
  properties?: Record<string, SchemaNode>;
  required?: string[];
}

export interface Flag {
  /** Where its value goes in the params. */
  path: string[];
  /** Without the dashes, e.g. `recording-point`. */
  name: string;
  node: SchemaNode;
  required: boolean;
}

export function kebab(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replaceAll('_', '-')
    .toLowerCase();
}

/** The schema without the `null` alternative of an optional field. */
function plainNode(node: SchemaNode): SchemaNode {
  const options = (node.anyOf ?? node.oneOf)?.filter((option) => option.type !== 'null');
  if (options?.length !== 1) return node;
  return { ...options[0]!, ...('default' in node ? { default: node.default } : {}), ...describedBy(node) };
}

function describedBy(node: SchemaNode): { description?: string } {
  return node.description === undefined ? {} : { description: node.description };
}

function isPlainObject(node: SchemaNode): node is SchemaNode & { properties: Record<string, SchemaNode> } {
  return node.type === 'object' && node.properties !== undefined;
}

/** Every flag of a params schema, in the order of its fields. */
export function flagsOf(schema: z.ZodType): Flag[] {
  const root = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as SchemaNode;
  const flags: Flag[] = [];
  const taken = new Set<string>();
  const visit = (node: SchemaNode, path: string[], required: boolean): void => {
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
export function valueHint(node: SchemaNode): string {
  const hint = fullHint(node);
  if (hint.length <= longestHint) return hint;
  return hint.endsWith('LIST') ? 'choice|LIST' : 'choice';
}

/** Choices that did not fit behind the flag, for its description. */
export function choicesText(node: SchemaNode): string {
  const hint = fullHint(node);
  if (hint.length <= longestHint) return '';
  return `(one of ${hint
    .split('|')
    .filter((word) => word !== 'LIST')
    .join(', ')})`;
}

function fullHint(node: SchemaNode): string {
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
function isPairs({ items }: SchemaNode): boolean {
  return items?.prefixItems?.length === 2 && items.prefixItems.every((item) => item.type === 'integer');
}

function parsePairs(text: string): number[][] {
  return splitList(text, {}).map((part) => {
    const pair = /^(\d+)-(\d+)$/.exec(part);
    if (pair === null) throw new ValueError(`"${part}" is not a pair such as 1-2`);
    return [Number(pair[1]), Number(pair[2])];
  });
}

function isScalar(node: SchemaNode): boolean {
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

/** `1,2,5-8` as 1, 2, 5, 6, 7, 8; ranges only where whole numbers are asked for. */
function splitList(text: string, items: SchemaNode): string[] {
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  if (items.type !== 'integer') return parts;
  return parts.flatMap((part) => {
    const range = /^(\d+)-(\d+)$/.exec(part);
    if (range === null) return [part];
    const [first, last] = [Number(range[1]), Number(range[2])];
    if (last < first || last - first > 100_000) throw new ValueError(`"${part}" is not a range`);
    return Array.from({ length: last - first + 1 }, (_, i) => String(first + i));
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ValueError('expected JSON');
  }
}

function parseOneOf(options: SchemaNode[], text: string): unknown {
  const rank = (node: SchemaNode): number =>
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

function parseText(node: SchemaNode, text: string): unknown {
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

function parseArray(node: SchemaNode, text: string): unknown {
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
    if (!pathFields.has(flag.path.at(-1)!)) return parseText(flag.node, text);
    return isTextList(flag.node) ? typedPathList(text) : typedPaths(parseText(flag.node, text));
  } catch (error) {
    if (error instanceof ValueError) throw new UsageError(`--${flag.name} "${text}": ${error.message}`);
    if (error instanceof UserError && !(error instanceof UsageError))
      throw new UsageError(`--${flag.name} "${text}": ${error.message}`, hintOf(error));
    throw error;
  }
}

const hintOf = ({ hint }: UserError): { hint?: string } => (hint === undefined ? {} : { hint });

function isTextList({ type, items }: SchemaNode): boolean {
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
