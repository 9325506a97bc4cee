/** A whole analysis in one zip, as `basin export --out x.zip` writes it: results with their matrices, and figures. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { messageOf, UserError } from '../../../src-shared/errors.ts';
import type { FoundFigure, FoundResult } from '../../../src-shared/interop.ts';
import { isJobKind, jobKindNamed } from '../../../src-shared/jobs/index.ts';
import { matrix } from '../../../src-shared/matrix.ts';
import { decodeNpy } from '../npy.ts';
import { openSource, sha256OfSource } from '../source.ts';
import { openZip } from '../torch/zip.ts';
import type { ResultFile } from './converted.ts';
import { completed } from './fit.ts';

/** Of the file, and of what is unpacked. */
const largest = 1024 * 2 ** 20;
const mostEntries = 20_000;

const manifestSchema = z.object({
  format: z.literal('basin-analysis'),
  version: z.literal(1),
  results: z.array(z.string().regex(/^[\w.-]+$/)),
  /** By entry: of what lies in the zip besides the manifest. */
  sha256: z.record(z.string(), z.string()),
  figures: z.array(z.object({ title: z.string(), resultIds: z.array(z.string()), recipe: z.unknown() })),
});
const resultSchema = z.object({
  kind: z.string(),
  title: z.string(),
  params: z.unknown(),
  provenance: z.unknown(),
  data: z.unknown(),
});
const reference = z.object({ $matrix: z.string() });

/** @throws UserError naming the entry that is missing, unsafe or not as Basin writes it */
export function readAnalysis(path: string): ResultFile {
  const { entries, sha256 } = unpack(path);
  const manifest = parse(path, entries, 'analysis.json', manifestSchema);
  for (const [name, bytes] of entries.bytes) {
    if (name === 'analysis.json' || sha256Of(bytes) === manifest.sha256[name]) continue;
    throw new UserError(
      `${at(path, entries, name)} is damaged or was changed: it does not match analysis.json.`,
    );
  }
  const results = manifest.results.map((id, part): FoundResult => {
    const name = `results/${id}/result.json`;
    const { kind, title, params, provenance, data } = parse(path, entries, name, resultSchema);
    if (!isJobKind(kind))
      throw new UserError(`${at(path, entries, name)}: this version has no kind of result "${kind}".`);
    const load = (matrixName: string): unknown =>
      matrixOf(path, entries, `results/${id}/matrices/${matrixName}.npy`);
    const parsed = jobKindNamed(kind).result.safeParse(withMatrices(data, load));
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      throw new UserError(
        `${at(path, entries, name)}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not as expected'}.`,
      );
    }
    return {
      path,
      sha256,
      part,
      kind,
      title,
      params,
      data: completed(kind, parsed.data),
      provenance,
      originalId: id,
    };
  });
  const figures: FoundFigure[] = manifest.figures.map(({ recipe, ...rest }) => ({ ...rest, recipe }));
  return {
    what: `an analysis archive with ${results.length} results and ${figures.length} figures`,
    results,
    figures,
  };
}

const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

interface Entries {
  bytes: ReadonlyMap<string, Uint8Array>;
  /** Where in the zip an entry is, or the list of entries where it is in none. */
  offset: (name: string) => number;
}

/** Only what belongs to an analysis is unpacked; names, overlaps and checksums are looked at for all. */
function unpack(path: string): { entries: Entries; sha256: string } {
  const source = openSource(path);
  try {
    if (source.size > largest)
      throw new UserError(`${path}: larger than any analysis archive (1 GiB at most).`);
    const zip = openZip(source, { largestInflated: largest });
    const wanted = [...zip.entries.values()].filter(({ name }) =>
      /^(analysis\.json|results\/[\w.-]+\/(result\.json|matrices\/[\w.-]+\.npy))$/.test(name),
    );
    const total = wanted.reduce((sum, { size }) => sum + size, 0);
    if (zip.entries.size > mostEntries || total > largest)
      throw new UserError(
        `${path}: offset ${zip.directoryOffset}: it unpacks to more than ${mostEntries} entries or 1 GiB.`,
      );
    const bytes = new Map(wanted.map((entry) => [entry.name, zip.read(entry)]));
    const offset = (name: string): number => zip.entries.get(name)?.headerOffset ?? zip.directoryOffset;
    return { entries: { bytes, offset }, sha256: sha256OfSource(source) };
  } finally {
    source.close();
  }
}

const at = (path: string, entries: Entries, name: string): string =>
  `${path}: offset ${entries.offset(name)}: ${name}`;

function entry(path: string, entries: Entries, name: string): Uint8Array {
  const bytes = entries.bytes.get(name);
  if (bytes) return bytes;
  throw new UserError(
    `${path}: offset ${entries.offset(name)}: there is no entry ${name}; an analysis archive exported by Basin was expected.`,
  );
}

function parse<T>(path: string, entries: Entries, name: string, schema: z.ZodType<T>): T {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(entry(path, entries, name)).toString('utf8'));
  } catch (thrown) {
    if (thrown instanceof UserError) throw thrown;
    throw new UserError(`${at(path, entries, name)}: not JSON: ${messageOf(thrown)}.`, { cause: thrown });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new UserError(
    `${at(path, entries, name)}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not as expected'}.`,
  );
}

function matrixOf(path: string, entries: Entries, name: string): unknown {
  const { shape, data } = decodeNpy(entry(path, entries, name), at(path, entries, name));
  if (shape.length !== 2 || !(data instanceof Float64Array || data instanceof Float32Array))
    throw new UserError(`${at(path, entries, name)}: a matrix of floating point numbers was expected.`);
  return matrix(shape[0]!, shape[1]!, data);
}

function withMatrices(value: unknown, load: (name: string) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => withMatrices(item, load));
  if (value === null || typeof value !== 'object') return value;
  const found = reference.safeParse(value);
  if (found.success) return load(found.data.$matrix);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withMatrices(item, load)]));
}
