/** The JSON header of a safetensors file. */
import { z } from 'zod';
import { UserError, messageOf } from '../../src-shared/errors.ts';

export interface HeaderEntry {
  code: string;
  shape: number[];
  /** In bytes from the start of the data. */
  begin: number;
  end: number;
  /** Where in the file its entry of the header stands. */
  place: () => number;
}

const natural = z.number().int().nonnegative();
const entrySchema = z.strictObject({
  dtype: z.string(),
  shape: z.array(natural).max(64),
  data_offsets: z
    .tuple([natural, natural])
    .refine(([begin, end]) => begin <= end, 'begin must not be after end'),
});

/** @throws UserError naming the file and the field that is not as the format demands. */
export function parseHeader(
  text: string,
  name: string,
): { tensors: Map<string, HeaderEntry>; metadata: Map<string, string> } {
  if (!text.startsWith('{'))
    throw new UserError(
      `${name}: offset 8: the header does not begin with "{"; it is not a safetensors file.`,
    );
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (thrown) {
    throw new UserError(
      `${name}: offset 8: the header is not valid JSON (${messageOf(thrown).slice(0, 200)}).`,
    );
  }
  const fields = Object.entries(parsed as Record<string, unknown>);
  refuseDuplicates(text, fields.length, name);
  const tensors = new Map<string, HeaderEntry>();
  let metadata = new Map<string, string>();
  for (const [key, value] of fields) {
    if (key === '__metadata__') {
      metadata = parseMetadata(value);
      continue;
    }
    const result = entrySchema.safeParse(value);
    if (!result.success) {
      const issue = result.error.issues[0];
      const field = issue?.path.join('.') ?? '';
      throw new UserError(
        `${name}: offset ${offsetOf(text, key)}: header entry ${JSON.stringify(key.slice(0, 200))}${field ? `, field ${field}` : ''}: ${issue?.message}.`,
      );
    }
    const { dtype, shape, data_offsets } = result.data;
    const [begin, end] = data_offsets;
    tensors.set(key, { code: dtype, shape, begin, end, place: () => offsetOf(text, key) });
  }
  return { tensors, metadata };
}

/** Texts by name, as the format has it. Other values say nothing about the tensors and are passed over. */
function parseMetadata(value: unknown): Map<string, string> {
  const fields = value !== null && typeof value === 'object' ? Object.entries(value) : [];
  return new Map(fields.filter((field): field is [string, string] => typeof field[1] === 'string'));
}

/** Where in the file a character of the header stands: after the 8 bytes of its length, in UTF-8. */
const inFile = (text: string, index: number): number =>
  8 + Buffer.byteLength(text.slice(0, Math.max(index, 0)));

/** Of a key that may be written with escapes, then the offset of the header. */
const offsetOf = (text: string, key: string): number => inFile(text, text.indexOf(JSON.stringify(key)));

/** JSON.parse keeps the last of two equal keys and says nothing; the format forbids them. */
function refuseDuplicates(text: string, distinct: number, name: string): void {
  const keys = topLevelKeys(text);
  if (keys.length === distinct) return;
  const seen = new Set<string>();
  const twice = keys.find((key) => seen.size === seen.add(key).size);
  const last = text.lastIndexOf(JSON.stringify(twice));
  throw new UserError(
    `${name}: offset ${inFile(text, last)}: the header lists the tensor ${JSON.stringify(twice?.slice(0, 200))} twice.`,
  );
}

/** The keys of the outermost object of a text that is known to be valid JSON. */
function topLevelKeys(text: string): string[] {
  const keys: string[] = [];
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '{' || char === '[') depth++;
    else if (char === '}' || char === ']') depth--;
    else if (char === '"') {
      const begin = at;
      at = endOfString(text, begin);
      if (depth === 1 && nextVisible(text, at + 1) === ':')
        keys.push(JSON.parse(text.slice(begin, at + 1)) as string);
    }
  }
  return keys;
}

/** Index of the closing quote of the string that opens at `begin`. */
function endOfString(text: string, begin: number): number {
  let at = begin + 1;
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at;
}

function nextVisible(text: string, from: number): string | undefined {
  let at = from;
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at++;
  return text[at];
}
