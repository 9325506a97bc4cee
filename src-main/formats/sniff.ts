/**
 * A first look at a file that lies somewhere below an imported folder: a few kilobytes tell whether it can be one of
 * those that Basin reads, so that gigabytes of other JSON, tables and archives are not read.
 */
import { extname } from 'node:path';
import { isResultEnding, isWeightsEnding } from './endings.ts';
import { kindOfFile } from './kind-of-file.ts';
import { openSource } from './source.ts';
import type { ByteSource } from './source.ts';
import { foreignZipIn } from './torch/zip-kinds.ts';
import { decodeText } from './text-file.ts';

/** The fields that give a file away stand near its start (JSON), or in the directory at its end (Parquet, zip). */
const lookedAt = 128 * 2 ** 10;

/** One of each group has to be there. */
const jsonFields = [
  ['"interpolation_results_unaligned"'],
  ['"matching_results"'],
  ['"coherence_results"'],
  ['"embedding_family"'],
  ['"kind"', '"params"'],
];
const parquetColumns = ['realization_cost_results', 'num_inner_descent_iterations'];

/**
 * Undefined if a closer look is worth it; else why it is not.
 * @throws UserError if the file cannot be read
 */
export function sniff(path: string): string | undefined {
  const extension = extname(path).toLowerCase();
  // What is named as weights and cannot be read deserves an error, not a line among what was passed over.
  if (isWeightsEnding(path)) return undefined;
  const source = openSource(path);
  try {
    if (!isResultEnding(path)) return sniffWeights(source);
    if (extension === '.json') return sniffJson(source);
    const tail = textOf(source, Math.max(0, source.size - lookedAt));
    if (extension === '.zip')
      return tail.includes('analysis.json')
        ? undefined
        : 'a zip without analysis.json: not a Basin analysis archive';
    if (parquetColumns.some((name) => tail.includes(name))) return undefined;
    return `a table without the columns ${parquetColumns.join(' or ')}`;
  } finally {
    source.close();
  }
}

function sniffWeights(source: ByteSource): string | undefined {
  const kind = kindOfFile(source);
  if (kind === undefined) return 'not a torch.save or safetensors file';
  if (kind.kind === 'foreign') return kind.what;
  return kind.kind === 'zip' ? foreignZipIn(source)?.what : undefined;
}

function sniffJson(source: ByteSource): string | undefined {
  const head = source.read(0, Math.min(lookedAt, source.size));
  const text = decodeText(head);
  if (jsonFields.some((fields) => fields.every((field) => text.includes(field)))) return undefined;
  // In a long list of seeds the name of an experiment may stand at the end. In UTF-16 its letters lie apart.
  const tail = textOf(source, Math.max(0, source.size - lookedAt)).replaceAll('\0', '');
  return tail.includes('"embedding_family"') ? undefined : 'JSON without the fields of a known result';
}

const textOf = (source: ByteSource, from: number): string =>
  Buffer.from(source.read(from, Math.min(lookedAt, source.size - from))).toString('latin1');
