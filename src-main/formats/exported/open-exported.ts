/**
 * Networks that `torch.export.save` wrote (.pt2): a zip with the graph as JSON and the weights as raw little-endian storages.
 * Nothing in it is executed: sample inputs and other pickles stay closed.
 */
import type { z } from 'zod';
import { messageOf, UserError } from '../../../src-shared/errors.ts';
import type { DType } from '../dtype.ts';
import { openSource } from '../source.ts';
import { lazyTensor } from '../tensor.ts';
import type { LazyTensor, TensorStorage } from '../tensor.ts';
import { openZip } from '../torch/zip.ts';
import type { ZipArchive, ZipEntry } from '../torch/zip.ts';
import { payloadsSchema, programSchema } from './schema.ts';
import type { Program, TensorMeta } from './schema.ts';

/** Bytes of the JSON of a graph: that of a network of 2,000 operations has 3 million. */
const largestJson = 128 * 2 ** 20;
const mostNodes = 100_000;
const mostTensors = 100_000;
/** torch/_export/serde/schema.py: the version that was seen, and minor ones before it. */
const knownVersion = { major: 8, minor: 20 };

/** A tensor of the archive. */
export interface ExportedTensor {
  readonly tensor: LazyTensor;
  /** Gradients move it. */
  readonly trained: boolean;
}

export interface ExportedFile {
  readonly path: string;
  readonly program: Program;
  /** The state dict, by its keys. */
  readonly weights: ReadonlyMap<string, ExportedTensor>;
  /** Tensors that are part of the code: non-persistent buffers, literals. */
  readonly constants: ReadonlyMap<string, LazyTensor>;
  close(): void;
}

/** PyTorch's numbers for the types of elements in these files (not those of its C++). */
const dtypeOfCode = new Map<number, DType>([
  ...([
    [1, 'uint8'],
    [2, 'int8'],
    [3, 'int16'],
    [4, 'int32'],
    [5, 'int64'],
    [6, 'float16'],
    [7, 'float32'],
    [8, 'float64'],
    [12, 'bool'],
    [13, 'bfloat16'],
  ] as const),
]);

export const dtypeNamed = (code: number): DType | undefined => dtypeOfCode.get(code);

/** @throws UserError naming the file and what in it is not as it should be */
export function openExported(path: string): ExportedFile {
  const source = openSource(path);
  try {
    const archive = new Archive(openZip(source, { largestInflated: largestJson }), path);
    const program = archive.program();
    const weights = archive.payloads('weights');
    const constants = archive.payloads('constants');
    return {
      ...{ path, program, weights },
      constants: new Map([...constants].map(([name, { tensor }]) => [name, tensor])),
      close: () => source.close(),
    };
  } catch (thrown) {
    source.close();
    throw thrown;
  }
}

const modelEntry = /^((?:[^/]+\/)?)models\/([^/]+)\.json$/;

class Archive {
  readonly #zip: ZipArchive;
  readonly #path: string;
  readonly #root: string;
  readonly #name: string;

  constructor(zip: ZipArchive, path: string) {
    this.#zip = zip;
    this.#path = path;
    const models = [...zip.entries.keys()].flatMap((name) => modelEntry.exec(name) ?? []);
    if (models.length === 0)
      throw new UserError(
        `${path}: it has no entry models/*.json: a network written by torch.export.save was expected.`,
        {
          hint: 'In Python: torch.export.save(torch.export.export(model, (x,), dynamic_shapes=({0: torch.export.Dim("batch")},)), "model.pt2").',
        },
      );
    if (models.length > 3)
      throw new UserError(`${path}: it holds ${models.length / 3} programs; one was expected.`);
    [, this.#root, this.#name] = models as [string, string, string];
    this.#requireLittleEndian();
  }

  #requireLittleEndian(): void {
    const order = this.#zip.entries.get(`${this.#root}byteorder`);
    const text = order && this.#text(order, 64).trim();
    if (text !== undefined && text !== 'little')
      throw new UserError(`${this.#path}: byteorder is "${text}"; "little" was expected.`);
  }

  #text(entry: ZipEntry, most: number): string {
    if (entry.size > most)
      throw new UserError(`${this.#path}: ${entry.name} has ${entry.size} bytes; at most ${most} are read.`);
    return Buffer.from(this.#zip.read(entry)).toString('utf8');
  }

  #json<Schema extends z.ZodType>(
    name: string,
    schema: Schema,
    check?: (value: unknown) => void,
  ): z.output<Schema> {
    const entry = this.#zip.entries.get(this.#root + name);
    if (!entry) throw new UserError(`${this.#path}: there is no ${name} in it.`);
    const text = this.#text(entry, largestJson);
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (thrown) {
      throw new UserError(`${this.#path}: ${name} cannot be read as JSON: ${messageOf(thrown)}.`);
    }
    check?.(value);
    let parsed;
    try {
      parsed = schema.safeParse(value);
    } catch (thrown) {
      // Nested beyond any depth that a stack has.
      throw new UserError(`${this.#path}: ${name} cannot be read: ${messageOf(thrown)}.`);
    }
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0]!;
    throw new UserError(`${this.#path}: ${name}: ${issue.path.join('.')}: ${issue.message}.`);
  }

  program(): Program {
    const name = `models/${this.#name}.json`;
    const program = this.#json(name, programSchema, (value) => {
      this.#requireVersion(value, name);
    });
    const { nodes, tensor_values: values } = program.graph_module.graph;
    for (const [what, count, most] of [
      ['operations', nodes.length, mostNodes],
      ['values', Object.keys(values).length, mostTensors],
    ] as const)
      if (count > most)
        throw new UserError(`${this.#path}: ${name}: ${count} ${what}; at most ${most} are read.`);
    return program;
  }

  /** Before all else: another version may be laid out in another way. */
  #requireVersion(value: unknown, name: string): void {
    const version = (value as { schema_version?: { major?: unknown; minor?: unknown } } | null)
      ?.schema_version;
    const { major, minor } = version ?? {};
    const { major: known, minor: newest } = knownVersion;
    if (major === known && typeof minor === 'number' && minor >= 0 && minor <= newest) return;
    throw new UserError(
      `${this.#path}: ${name}: schema_version is ${String(major)}.${String(minor)}; ${known}.0 to ${known}.${newest} are known.`,
      { hint: 'Export the network with PyTorch 2.15 (torch.export.save), or look for a newer Basin.' },
    );
  }

  payloads(what: 'weights' | 'constants'): Map<string, ExportedTensor> {
    const config = `data/${what}/${this.#name}_${what}_config.json`;
    const { config: entries } = this.#json(config, payloadsSchema);
    const all = Object.entries(entries);
    if (all.length > mostTensors)
      throw new UserError(
        `${this.#path}: ${config}: ${all.length} tensors; at most ${mostTensors} are read.`,
      );
    return new Map(
      all.map(([name, { path_name: file, is_param: trained, use_pickle: pickled, tensor_meta: meta }]) => {
        const where = `${this.#path}: ${what}, "${name}"`;
        if (pickled || !meta)
          throw new UserError(`${where} is stored as a pickle, which is code; only plain tensors are read.`, {
            hint: 'Convert tensor subclasses (quantised or distributed weights) to plain tensors before exporting.',
          });
        const tensor = viewOf(this.#storage(`data/${what}/${file}`, where), meta, where);
        return [name, { tensor, trained: trained && meta.requires_grad !== false }];
      }),
    );
  }

  #storage(name: string, where: string): TensorStorage {
    const entry = this.#zip.entries.get(this.#root + name);
    if (!entry) throw new UserError(`${where}: there is no ${name} in the file.`);
    return {
      key: name,
      byteLength: entry.size,
      bytes: (offset, length) => this.#zip.readRange(entry, offset, length),
    };
  }
}

const strided = 7;

function viewOf(storage: TensorStorage, meta: TensorMeta, where: string): LazyTensor {
  const dtype = dtypeOfCode.get(meta.dtype);
  if (!dtype)
    throw new UserError(
      `${where}: elements of type ${meta.dtype} are not supported; ${[...dtypeOfCode].map(([code, name]) => `${code} (${name})`).join(', ')} were expected.`,
    );
  if (meta.layout !== undefined && meta.layout !== strided)
    throw new UserError(
      `${where}: layout is ${meta.layout}; ${strided} (strided, no sparse tensor) was expected.`,
    );
  const whole = (sizes: readonly TensorMeta['sizes'][number][] | undefined): number[] =>
    (sizes ?? []).map((size) => {
      if ('as_int' in size) return size.as_int;
      throw new UserError(`${where}: a size is an expression; a number was expected.`);
    });
  const [storageOffset = 0] = whole(meta.storage_offset ? [meta.storage_offset] : []);
  return lazyTensor(
    dtype,
    storage,
    { shape: whole(meta.sizes), stride: whole(meta.strides), storageOffset },
    where,
  );
}
