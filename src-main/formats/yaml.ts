/** YAML from disk, within limits: size, aliases, depth, and no keys that could change an object's nature. */
import { parseDocument } from 'yaml';
import { UserError, messageOf } from '../../src-shared/errors.ts';
import { readWholeFile } from './source.ts';

/** Real ones have a few kilobytes; the parser takes about a second for 200 KB of nonsense. */
const largestFile = 64 * 2 ** 10;
const mostAliases = 100;
const deepest = 100;

/**
 * Parses a YAML file into plain objects, arrays and scalars.
 * @throws UserError naming the file, and line and column where the text is no YAML.
 */
export function readYaml(path: string): unknown {
  return parseYaml(Buffer.from(readWholeFile(path, largestFile)).toString('utf8'), path);
}

/** The same for a text; `name` stands for the path in messages. */
export function parseYaml(text: string, name: string): unknown {
  if (text.length > largestFile)
    throw new UserError(`${name} has ${text.length} characters; at most ${largestFile} were expected.`);
  let value: unknown;
  try {
    const document = parseDocument(text, { logLevel: 'silent' });
    const [error] = document.errors;
    if (error) throw error;
    value = document.toJS({ maxAliasCount: mostAliases, mapAsMap: true });
  } catch (thrown) {
    const why = thrown instanceof RangeError ? 'it is nested too deep' : messageOf(thrown).split('\n')[0];
    throw new UserError(`${name}: not valid YAML: ${why}${aliasPlace(why, text)}.`, { cause: thrown });
  }
  return toPlain(value, name, 0);
}

/** The parser says of no alias where it stands. */
function aliasPlace(why: string | undefined, text: string): string {
  const alias = /^Unresolved alias .*: (.*)$/.exec(why ?? '')?.[1];
  const at = alias === undefined ? -1 : text.indexOf(`*${alias}`);
  if (at < 0) return '';
  const before = text.slice(0, at).split('\n');
  return ` at line ${before.length}, column ${before.at(-1)!.length + 1}`;
}

function toPlain(value: unknown, name: string, depth: number): unknown {
  if (depth > deepest) throw new UserError(`${name}: it is nested more than ${deepest} deep.`);
  if (Array.isArray(value)) return value.map((item) => toPlain(item, name, depth + 1));
  if (!(value instanceof Map)) return value;
  const plain: Record<string, unknown> = {};
  for (const [key, item] of value) {
    if (key === '__proto__') throw new UserError(`${name}: the key "__proto__" is not allowed.`);
    plain[String(key)] = toPlain(item, name, depth + 1);
  }
  return plain;
}
