/**
 * Graphs for node classification in files: edges, features, labels and a split of the nodes. Two layouts: four CSV files
 * (`edges`, `features`, `labels`, `split`), and the raw folder of ogbn-arxiv as the ogb package lays it out.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { UserError } from '../../src-shared/errors.ts';
import { counts, finiteNumbers, readNumberTable, sha256Of, unpackedBytes } from './number-table.ts';
import type { NumberTable } from './number-table.ts';

export interface GraphFiles {
  layout: 'csv' | 'ogb';
  folder: string;
  edges: string;
  features: string;
  labels: string;
  /** `csv`: one file with a word per node; `ogb`: three with the numbers of nodes, train, valid and test. */
  split: string[];
}

export interface GraphData {
  nodes: number;
  /** Numbers per node. */
  features: number;
  /** [nodes, features] */
  x: Float32Array<ArrayBuffer>;
  /** [nodes] */
  labels: Int32Array<ArrayBuffer>;
  /** As the file lists them: from, to. */
  directed: Int32Array<ArrayBuffer>;
  split: Record<'train' | 'val' | 'test', Int32Array<ArrayBuffer>>;
  /** Hex SHA-256 of the unpacked files, by file name. */
  sha256: Record<string, string>;
}

/** Where a graph may lie below a data folder, besides in it. */
const usualFolders = ['', 'ogbn_arxiv', 'ogbn-arxiv', 'arxiv', 'graph'];

const layouts = {
  csv: { edges: 'edges.csv', features: 'features.csv', labels: 'labels.csv', split: ['split.csv'] },
  ogb: {
    edges: 'raw/edge.csv',
    features: 'raw/node-feat.csv',
    labels: 'raw/node-label.csv',
    split: ['split/time/train.csv', 'split/time/valid.csv', 'split/time/test.csv'],
  },
} as const;

/** For messages. */
export const graphFilesText =
  'edges.csv, features.csv, labels.csv and split.csv, or raw/edge.csv.gz, raw/node-feat.csv.gz, raw/node-label.csv.gz and split/time/{train,valid,test}.csv.gz';

/** The graph in a folder, or in a usual one below it; undefined if there is none, or not all of its files. */
export function findGraph(folder: string): GraphFiles | undefined {
  for (const below of usualFolders) {
    const place = resolve(join(folder, below));
    for (const layout of ['csv', 'ogb'] as const) {
      const names = layouts[layout];
      const [edges, features, labels, ...split] = [names.edges, names.features, names.labels, ...names.split]
        .map((name) => join(place, name))
        .map((path) => [path, `${path}.gz`].find((each) => existsSync(each)));
      if (edges === undefined || features === undefined || labels === undefined) continue;
      const parts = split.filter((path) => path !== undefined);
      if (parts.length === split.length)
        return { layout, folder: place, edges, features, labels, split: parts };
    }
  }
  return undefined;
}

export const pathsOf = ({ edges, features, labels, split }: GraphFiles): string[] => [
  ...[edges, features, labels],
  ...split,
];

/** @throws UserError naming the file, the line and the value that does not fit */
export function readGraph(files: GraphFiles): GraphData {
  const features = readNumberTable(files.features, finiteNumbers);
  const nodes = features.rows;
  if (nodes === 0) throw new UserError(`${files.features}: it holds no nodes.`);
  const labels = readNumberTable(files.labels, counts);
  requireColumns(files.labels, labels, 1, 'the class of a node');
  requireRows(files.labels, labels.rows, files, nodes);
  const edges = readNumberTable(files.edges, counts);
  requireColumns(files.edges, edges, 2, 'two nodes');
  const bad = edges.data.findIndex((node) => node >= nodes);
  if (bad >= 0)
    throw new UserError(
      `${files.edges}, line ${edges.line(bad >> 1)}: node ${edges.data[bad]}; there are ${nodes} nodes, 0 to ${nodes - 1}.`,
    );
  const { split, sha256 } = files.layout === 'csv' ? wordsOf(files, nodes) : numbersOf(files, nodes);
  if (split.train.length === 0) throw new UserError(`${files.split[0]}: no node is trained on.`);
  if (split.test.length === 0)
    throw new UserError(`${files.split.at(-1)}: no node tests; at least one was expected.`);
  const tables = { [files.edges]: edges, [files.features]: features, [files.labels]: labels };
  const sums = Object.entries(tables).map(([path, table]) => [fileName(path), table.sha256]);
  return {
    ...{ nodes, features: features.columns, x: features.data, labels: labels.data },
    ...{ directed: edges.data, split, sha256: { ...Object.fromEntries(sums), ...sha256 } },
  };
}

const fileName = (path: string): string => basename(path).replace(/\.gz$/, '');

function requireColumns(
  path: string,
  { columns, rows }: NumberTable<Int32Array<ArrayBuffer>>,
  wanted: number,
  what: string,
): void {
  if (columns === wanted || rows === 0) return;
  throw new UserError(
    `${path}: ${columns} cells in each line; ${wanted} ${wanted === 1 ? 'was' : 'were'} expected, ${what}.`,
  );
}

function requireRows(path: string, found: number, { features }: GraphFiles, nodes: number): void {
  if (found === nodes) return;
  throw new UserError(`${path}: ${found} lines for the ${nodes} nodes of ${features}.`);
}

type Split = Pick<GraphData, 'split' | 'sha256'>;

const partOfWord: Record<string, 'train' | 'val' | 'test' | undefined> = {
  train: 'train',
  val: 'val',
  valid: 'val',
  test: 'test',
};

/** One word per node: train, valid (or val), test, or none. */
function wordsOf(files: GraphFiles, nodes: number): Split {
  const path = files.split[0]!;
  const bytes = unpackedBytes(path);
  const lines = new TextDecoder().decode(bytes).split(/\r\n|\n|\r/);
  const words = lines.flatMap((line, i) => (line.trim() === '' ? [] : [{ word: line.trim(), line: i + 1 }]));
  if (words[0]?.word === 'split') words.shift();
  requireRows(path, words.length, files, nodes);
  const parts = { train: [] as number[], val: [] as number[], test: [] as number[] };
  words.forEach(({ word, line }, node) => {
    const part = partOfWord[word];
    if (part) parts[part].push(node);
    else if (word !== 'none')
      throw new UserError(`${path}, line ${line}: "${word}"; train, valid, test or none was expected.`);
  });
  return { split: mapParts(parts), sha256: { [fileName(path)]: sha256Of(bytes) } };
}

const mapParts = ({ train, val, test }: Record<'train' | 'val' | 'test', number[]>): GraphData['split'] => ({
  train: Int32Array.from(train),
  val: Int32Array.from(val),
  test: Int32Array.from(test),
});

/** The numbers of nodes, a file for each part. */
function numbersOf({ split: paths }: GraphFiles, nodes: number): Split {
  const owner = new Map<number, string>();
  const sha256: Record<string, string> = {};
  const [train, val, test] = paths.map((path) => {
    const table = readNumberTable(path, counts);
    requireColumns(path, table, 1, 'the number of a node');
    table.data.forEach((node, row) => {
      const at = `${path}, line ${table.line(row)}: node ${node}`;
      if (node >= nodes) throw new UserError(`${at}; there are ${nodes} nodes, 0 to ${nodes - 1}.`);
      const other = owner.get(node);
      if (other !== undefined)
        throw new UserError(`${at} is listed ${other === path ? 'twice' : `in ${other}, too`}.`);
      owner.set(node, path);
    });
    sha256[fileName(path)] = table.sha256;
    return table.data;
  }) as [Int32Array<ArrayBuffer>, Int32Array<ArrayBuffer>, Int32Array<ArrayBuffer>];
  return { split: { train, val, test }, sha256 };
}

/** The set of the ogb package, by its sizes. */
export const arxiv = {
  ...{ name: 'arxiv', nodes: 169_343, edges: 1_166_243, features: 128, classes: 40 },
  ...{ train: 90_941, test: 48_603 },
};

/** Any graph that lies in files. */
export const anyGraph = 'graph';

const ownName = /^graph-[0-9a-f]{8}$/;

/** A name by which graphs are asked for; the published one as people write it. */
export function graphNamed(name: string): string | undefined {
  if (/^(ogbn[-_]?)?arxiv$/i.test(name)) return arxiv.name;
  return name === anyGraph || ownName.test(name) ? name : undefined;
}

/** `arxiv`, or the first digits of a hash of all contents. */
export function nameOfGraph({ nodes, features, directed, sha256 }: GraphData): string {
  const isArxiv = nodes === arxiv.nodes && features === arxiv.features && directed.length === 2 * arxiv.edges;
  if (isArxiv) return arxiv.name;
  const hash = createHash('sha256');
  for (const file of Object.keys(sha256).sort()) hash.update(`${file} ${sha256[file]}\n`);
  return `graph-${hash.digest('hex').slice(0, 8)}`;
}
