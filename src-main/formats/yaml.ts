/** YAML from disk, within limits: size, aliases, depth, and no keys that could change an object's nature. */
import { isMap, isScalar, isSeq, parseDocument, Scalar, visit } from 'yaml';
import type { Document, Node } from 'yaml';
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
  return parseYaml(readYamlText(path), path);
}

/**
 * The file's text: UTF-8, or UTF-16 with the mark that Windows editors write in front; the mark itself is left out.
 * @throws UserError naming file and line for bytes that are neither
 */
export function readYamlText(path: string): string {
  const bytes = readWholeFile(path, largestFile);
  const encoding = encodingOf(bytes);
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (thrown) {
    const line = new TextDecoder(encoding).decode(bytes).split('\uFFFD')[0]!.split('\n').length;
    throw new UserError(`${path}: line ${line}: the text is not ${encoding.toUpperCase()}.`, {
      hint: 'Save the file as UTF-8 in an editor.',
      cause: thrown,
    });
  }
}

function encodingOf([first, second]: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' {
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  return first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8';
}

/** The same for a text; `name` stands for the path in messages. */
export function parseYaml(text: string, name: string): unknown {
  if (text.length > largestFile)
    throw new UserError(`${name} has ${text.length} characters; at most ${largestFile} were expected.`);
  let value: unknown;
  try {
    // At 'silent' the library takes the first of several documents without a word.
    const document = parseDocument(text, { logLevel: 'error', merge: true });
    const [error] = document.errors;
    if (error) throw error;
    readTags(document);
    value = document.toJS({ maxAliasCount: mostAliases, mapAsMap: true });
  } catch (thrown) {
    const why = thrown instanceof RangeError ? 'it is nested too deep' : reasonOf(thrown);
    throw new UserError(`${name}: not valid YAML: ${why}${aliasPlace(why, text)}.`, { cause: thrown });
  }
  return toPlain(value, name, 0);
}

/** The parser's own words, without its advice to programmers. */
function reasonOf(thrown: unknown): string {
  return messageOf(thrown)
    .split('\n')[0]!
    .replace('; please use YAML.parseAllDocuments()', '')
    .replace(/:$/, '');
}

const plainTag =
  /^tag:yaml\.org,2002:(?:python\/)?(?:tuple|list|dict|str|unicode|int|float|bool|null|map|seq)$/;

/**
 * Tags as PyYAML writes them: a tuple is a list. What stands for a Python object becomes the text of its tag, so that
 * nobody takes the bare value behind it (often '') for what was meant.
 */
function readTags(document: Document.Parsed): void {
  visit(document, {
    Node(_key, node: Node & { tag?: string }) {
      if (node.tag === undefined || plainTag.test(node.tag)) return;
      if (!isMap(node) && !isSeq(node) && !isScalar(node)) return;
      return new Scalar(node.tag.replace('tag:yaml.org,2002:', '!!'));
    },
  });
}

/** The parser says of no alias where it stands. */
function aliasPlace(why: string, text: string): string {
  const alias = /^Unresolved alias .*: (.*)$/.exec(why)?.[1];
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
