/** For each format: sound files, a way to damage them, and a reader that reads all of it. */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { readIdx } from '../../../src-main/formats/idx.ts';
import { decodeNpy } from '../../../src-main/formats/npy.ts';
import { encodeParquet, readParquet } from '../../../src-main/formats/parquet.ts';
import { openCheckpoint } from '../../../src-main/formats/run-directory.ts';
import { openSafetensorsBytes } from '../../../src-main/formats/safetensors.ts';
import { memorySource } from '../../../src-main/formats/source.ts';
import { LazyTensor } from '../../../src-main/formats/tensor.ts';
import { openTorchBytes } from '../../../src-main/formats/torch/torch-file.ts';
import type { Tree } from '../../../src-main/formats/torch/tree.ts';
import { openZip } from '../../../src-main/formats/torch/zip.ts';
import { parseYaml } from '../../../src-main/formats/yaml.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { fixturePath, weightsFixture } from '../../support/fixtures.ts';
import { below, mutate, pick, random } from './fuzz-mutations.ts';
import type { Random } from './fuzz-mutations.ts';
import { dictOps, legacyFile, op, pickle, tensorOps, torchZip, zipOf } from './make-files.ts';
import type { ZipPart } from './make-files.ts';

export interface FuzzedFormat {
  name: string;
  /** Binary formats have positions: of their refusals at least this share names an offset. */
  binary: boolean;
  corpus: Buffer[];
  damage(bytes: Buffer, next: Random, corpus: readonly Buffer[]): Buffer;
  /**
   * Reads everything in the file; throws UserError naming `name` for a bad one.
   * @returns how much was read: tensors, elements, rows, fields
   */
  read(bytes: Buffer, name: string): number | Promise<number>;
}

const folder = fileURLToPath(new URL('data', import.meta.url));
const data = (pattern: RegExp): Buffer[] =>
  readdirSync(folder)
    .filter((name) => pattern.test(name))
    .map((name) => readFileSync(join(folder, name)));

/** `scratch`: a folder for readers that want a path. */
export function fuzzedFormats(scratch: string): FuzzedFormat[] {
  const onDisk = (bytes: Buffer, name: string): string => {
    const path = join(scratch, name);
    writeFileSync(path, bytes);
    return path;
  };
  const torchFiles = [
    ...data(/^torch-(tree|state).*\.pt$/),
    torchZip(pickle(dictOps({ model_state_dict: dictOps({ w: tensorOps() }), epoch: op.int(3) }))),
  ];
  const text = Buffer.from(
    `a: &x {b: [1, 2e-3, "s", null], c: |\n   text\n}\nd: *x\n`.replace('c: |\n   text\n', 'c: 1'),
  );
  return [
    {
      name: 'pt',
      binary: true,
      corpus: torchFiles,
      damage: mutate,
      read: (bytes, name) => readTorch(bytes, name),
    },
    {
      name: 'pt, its entries',
      binary: true,
      corpus: torchFiles,
      damage: damageEntries,
      read: (bytes, name) => readTorch(bytes, name),
    },
    {
      name: 'pt before 1.6',
      binary: true,
      corpus: [
        ...['legacy.pt', 'legacy-protocol4.pt'].map((n) => readFileSync(weightsFixture(n))),
        legacyFile(),
      ],
      damage: mutate,
      read: (bytes, name) => readTorch(bytes, name),
    },
    {
      name: 'pt, every kind of value',
      binary: true,
      corpus: ['everything.pt', 'numpy.pt', 'lightning.ckpt', 'arguments.pth'].map((n) =>
        readFileSync(weightsFixture(n)),
      ),
      damage: damageEntries,
      read: (bytes, name) => readTorch(bytes, name),
    },
    {
      name: 'checkpoint',
      binary: true,
      corpus: torchFiles.slice(torchFiles.length - 3).filter((bytes) => !bytes.includes('layouts')),
      damage: damageEntries,
      read: (bytes, name) => readCheckpoint(onDisk(bytes, `${name}.pt`)),
    },
    {
      name: 'safetensors',
      binary: true,
      corpus: data(/\.safetensors$/),
      damage: mutate,
      read: (bytes, name) => readSafetensors(bytes, name),
    },
    {
      name: 'npy',
      binary: true,
      corpus: data(/\.npy$/),
      damage: mutate,
      read: (bytes, name) => decodeNpy(bytes, name).data.length,
    },
    {
      name: 'idx',
      binary: true,
      corpus: idxFiles(),
      damage: damageIdx,
      read: (bytes, name) => readIdx(onDisk(bytes, name)).data.length,
    },
    {
      name: 'parquet',
      binary: true,
      corpus: [...data(/\.parquet$/), parquetFile('UNCOMPRESSED'), parquetFile('ZSTD')],
      damage: mutate,
      read: async (bytes, name) => (await readParquet(onDisk(bytes, name))).rows.length,
    },
    {
      name: 'yaml',
      binary: false,
      corpus: [readFileSync(fixturePath('runs/sym0/config.yaml')), text],
      damage: mutate,
      read: (bytes, name) => Object.keys(parseYaml(bytes.toString('utf8'), name) ?? {}).length,
    },
  ];
}

export interface FuzzOutcome {
  accepted: number;
  refused: number;
  /** Refusals that say where: an offset; in a text a line, a position or a field. */
  located: number;
  slowest: number;
}

/** Of the refusals, the share that has to say where; texts name a field instead. */
export const leastLocated = ({ binary }: FuzzedFormat): number => (binary ? 0.95 : 0);

/** Runs one format; throws at the first input that breaks the rules, with the seed to repeat it. */
export async function fuzz(format: FuzzedFormat, count: number, firstSeed = 1): Promise<FuzzOutcome> {
  const place = format.binary ? /\boffset \d+/ : /\b(?:line|position|column) \d+|: [\w.]+: /;
  const outcome: FuzzOutcome = { accepted: 0, refused: 0, located: 0, slowest: 0 };
  for (let seed = firstSeed; seed < firstSeed + count; seed++) {
    const next = random(seed);
    const bytes = format.damage(pick(next, format.corpus), next, format.corpus);
    const start = process.cpuUsage();
    try {
      await format.read(bytes, 'fuzzed');
      outcome.accepted++;
    } catch (thrown) {
      if (!(thrown instanceof UserError))
        throw new Error(`${format.name}, seed ${seed}: not a UserError: ${String(thrown)}`, {
          cause: thrown,
        });
      if (!thrown.message.includes('fuzzed'))
        throw new Error(`${format.name}, seed ${seed}: the file is not named: ${thrown.message}`, {
          cause: thrown,
        });
      outcome.refused++;
      if (place.test(thrown.message)) outcome.located++;
    }
    const { user, system } = process.cpuUsage(start);
    outcome.slowest = Math.max(outcome.slowest, (user + system) / 1000);
    if (outcome.slowest > 2000) throw new Error(`${format.name}, seed ${seed}: took ${outcome.slowest} ms`);
  }
  return outcome;
}

function readTorch(bytes: Buffer, name: string): number {
  let tensors = 0;
  const waiting: Tree[] = [openTorchBytes(bytes, name).root];
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    if (value instanceof LazyTensor) {
      value.read();
      tensors++;
    } else if (value instanceof Map) waiting.push(...value.values());
    else if (Array.isArray(value)) waiting.push(...(value as Tree[]));
  }
  return tensors;
}

function readCheckpoint(path: string): number {
  const checkpoint = openCheckpoint(path);
  try {
    for (const tensor of checkpoint.tensors.values()) tensor.read();
    checkpoint.readOptimizer();
    return checkpoint.tensors.size;
  } finally {
    checkpoint.close();
  }
}

function readSafetensors(bytes: Buffer, name: string): number {
  const { tensors } = openSafetensorsBytes(bytes, name);
  for (const tensor of tensors.values()) tensor.read();
  return tensors.size;
}

/** Damages entries and names, then packs them with checksums that fit: past the container, into the pickle machine. */
function damageEntries(bytes: Buffer, next: Random, corpus: readonly Buffer[]): Buffer {
  const archive = openZip(memorySource(bytes));
  const parts: ZipPart[] = [...archive.entries.values()].map((entry) => ({
    name: entry.name,
    bytes: archive.read(entry),
  }));
  const index =
    next() < 0.7
      ? Math.max(
          0,
          parts.findIndex((part) => part.name.endsWith('data.pkl')),
        )
      : below(next, parts.length);
  const part = parts[index]!;
  const kind = below(next, 10);
  if (kind < 6) part.bytes = mutate(Buffer.from(part.bytes), next, corpus);
  else if (kind === 6) part.bytes = insertOpcodes(Buffer.from(part.bytes), next);
  else if (kind === 7)
    part.name = pick(next, [
      '../x',
      '/x',
      parts[0]!.name,
      'archive/data/0',
      'a\\b',
      `${part.name}x`,
      '__proto__',
    ]);
  else if (kind === 8) [part.bytes, parts[0]!.bytes] = [parts[0]!.bytes, part.bytes];
  else part.deflated = true;
  return zipOf(parts, { zip64: next() < 0.3 });
}

/** Well-formed opcodes in wrong places: nesting, memo games, marks, foreign names. */
function insertOpcodes(bytes: Buffer, next: Random): Buffer {
  const at = below(next, bytes.length);
  const times = pick(next, [1, 2, 300, 20_000]);
  const pieces = [
    ...[
      op.emptyList,
      op.emptyDict,
      op.mark,
      op.tuple,
      op.tuple1,
      op.append,
      op.setItem,
      op.build,
      op.reduce,
      op.none,
    ],
    ...[
      op.put(0),
      op.get(0),
      op.get(1),
      op.global('os', 'system'),
      op.global('builtins', 'eval'),
      op.text('__proto__'),
      tensorOps(),
    ],
  ];
  const insert = Array.from({ length: times }, () => pick(next, pieces));
  return Buffer.concat([bytes.subarray(0, at), ...insert, bytes.subarray(at)]);
}

function damageIdx(bytes: Buffer, next: Random, corpus: readonly Buffer[]): Buffer {
  const kind = next();
  if (kind < 0.4) return mutate(bytes, next, corpus);
  const packed = gzipSync(kind < 0.7 ? mutate(bytes, next, corpus) : bytes);
  return kind < 0.7 ? packed : mutate(packed, next, corpus);
}

function idxFiles(): Buffer[] {
  const images = Buffer.from([
    0,
    0,
    8,
    3,
    0,
    0,
    0,
    2,
    0,
    0,
    0,
    2,
    0,
    0,
    0,
    3,
    ...Array.from({ length: 12 }, (_, i) => i),
  ]);
  return [images, Buffer.from([0, 0, 8, 1, 0, 0, 0, 4, 7, 8, 9, 0])];
}

function parquetFile(codec: 'UNCOMPRESSED' | 'ZSTD'): Buffer {
  const values = Array.from({ length: 50 }, (_, i) => [
    { id: i, cost: [[i / 3, NaN], []] },
    { id: null, cost: null },
  ]);
  const type = { list: { struct: { id: 'int64', cost: { list: { list: 'double' } } } } } as const;
  return Buffer.from(
    encodeParquet(
      [
        { name: 'results', type, values },
        { name: 'run', type: 'string', values: values.map((_, i) => `run ${i % 3}`) },
      ],
      { codec },
    ),
  );
}
