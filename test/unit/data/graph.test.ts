/** Graphs as data sets: what is read from files, what is refused, and graphs that are made. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { blockModel } from '../../../src-main/compute/data/block-model.ts';
import { onlyNodes, undirected } from '../../../src-main/compute/data/graph.ts';
import {
  loadDataset,
  scoredCount,
  selectExamples,
  splitExamples,
  splitIndices,
  splitToJson,
} from '../../../src-main/compute/data/index.ts';
import { geometryDefaults } from '../../../src-shared/config.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'basin-graph-data-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const csv = {
  'edges.csv': 'source,target\n0,1\n1,0\n2,0\n3,3\n',
  'features.csv': 'f0,f1\n0.5,1\n-1,2.5e-1\n3,0.1\n4,4\n',
  'labels.csv': 'label\n0\n2\n1\n0\n',
  'split.csv': 'split\ntrain\nvalid\ntest\nnone\n',
};
const raw = {
  'raw/edge.csv.gz': '0,1\n1,0\n2,0\n3,3\n',
  'raw/node-feat.csv.gz': '0.5,1\n-1,0.25\n3,0.1\n4,4\n',
  'raw/node-label.csv.gz': '0\n2\n1\n0\n',
  'split/time/train.csv.gz': '0\n',
  'split/time/valid.csv.gz': '1\n',
  'split/time/test.csv.gz': '2\n',
};

function write(files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, name.endsWith('.gz') ? gzipSync(text) : text);
  }
}

const load = () => loadDataset({ name: 'graph', dataDir: folder });

it('edges go both ways, each once; a node may be its own neighbour', () => {
  const { sources, targets } = undirected(Int32Array.of(0, 1, 1, 0, 2, 0, 3, 3), 4);
  expect([...targets]).toEqual([0, 0, 1, 2, 3]);
  expect([...sources]).toEqual([1, 2, 0, 0, 3]);
});

describe.each([
  ['four CSV files', csv],
  ['the raw folder of ogbn-arxiv', raw],
])('%s', (_, files) => {
  it('are a graph whose nodes are train, val and test', async () => {
    write(files);
    const dataset = await load();
    expect(dataset.name).toMatch(/^graph-[0-9a-f]{8}$/);
    expect(dataset.folder).toBe(folder);
    expect(dataset.classes).toBe(3);
    expect(dataset.train).toMatchObject({ count: 4, features: 2 });
    expect([...dataset.train.x]).toEqual([0.5, 1, -1, 0.25, 3, 0.1, 4, 4].map(Math.fround));
    expect([...dataset.train.edges!.sources]).toEqual([1, 2, 0, 0, 3]);
    const split = splitIndices(dataset);
    expect([split.train, split.val].map((part) => [...part])).toEqual([[0], [1]]);
    const labels = (which: 'train' | 'val' | 'test') => [...splitExamples(dataset, split, which).labels];
    expect([labels('train'), labels('val'), labels('test')]).toEqual([
      [0, -1, -1, -1],
      [-1, 2, -1, -1],
      [-1, -1, 1, -1],
    ]);
    expect(scoredCount(dataset.test)).toBe(1);
    expect(JSON.parse(splitToJson(dataset, split))).toMatchObject({ n_train: 1, n_val: 1, n_test: 1 });
  });

  it('have one name for one content, and no other', async () => {
    write(files);
    const { name } = await load();
    expect((await loadDataset({ name, dataDir: folder })).name).toBe(name);
    await expect(loadDataset({ name: 'graph-00000000', dataDir: folder })).rejects.toThrow(
      `data set "graph-00000000": ${folder} holds another graph, ${name}.`,
    );
    // A folder that is given without a name is read for what it holds.
    expect((await loadDataset({ dataDir: folder })).name).toBe(name);
  });
});

it('a graph below the folder is found, plain or packed', async () => {
  const packed = Object.entries(csv).map(([name, text]) => [`arxiv/${name}.gz`, text]);
  write(Object.fromEntries(packed) as Record<string, string>);
  expect((await loadDataset({ name: 'arxiv', dataDir: folder })).train.count).toBe(4);
});

it.each<[string, Record<string, string>, string]>([
  [
    'a node that does not exist',
    { 'edges.csv': 'source,target\n0,1\n0,4\n' },
    'edges.csv, line 3: node 4; there are 4 nodes, 0 to 3.',
  ],
  [
    'half an edge',
    { 'edges.csv': '0,1\n2\n' },
    'edges.csv, line 2: 1 cells; 2 were expected, as in the first line.',
  ],
  [
    'edges of three nodes',
    { 'edges.csv': '0,1,2\n' },
    'edges.csv: 3 cells in each line; 2 were expected, two nodes.',
  ],
  [
    'a node that is no number',
    { 'edges.csv': '0,1\n0,x\n' },
    'edges.csv, line 2, cell 2: "x"; a whole number from 0 on was expected.',
  ],
  [
    'a feature that is not finite',
    { 'features.csv': '1,2\n1,nan\n1,1\n1,1\n' },
    'features.csv, line 2, cell 2: "nan"; a finite number was expected.',
  ],
  [
    'a feature too large for float32',
    { 'features.csv': '1,1e39\n1,1\n1,1\n1,1\n' },
    'features.csv, line 1, cell 2: "1e39"; a finite number was expected.',
  ],
  [
    'a feature that is missing',
    { 'features.csv': '1,\n1,1\n1,1\n1,1\n' },
    'features.csv, line 1, cell 2: ""; a finite number was expected.',
  ],
  ['too few labels', { 'labels.csv': '0\n1\n' }, 'labels.csv: 2 lines for the 4 nodes of'],
  [
    'a label below 0',
    { 'labels.csv': '0\n-1\n0\n0\n' },
    'labels.csv, line 2, cell 1: "-1"; a whole number from 0 on was expected.',
  ],
  [
    'a word that is no split',
    { 'split.csv': 'split\ntrain\ntrian\ntest\nnone\n' },
    'split.csv, line 3: "trian"; train, valid, test or none was expected.',
  ],
  ['nothing to train on', { 'split.csv': 'test\ntest\ntest\nnone\n' }, 'split.csv: no node is trained on.'],
  [
    'nothing to test with',
    { 'split.csv': 'train\ntrain\nvalid\nnone\n' },
    'split.csv: no node tests; at least one was expected.',
  ],
])('%s is refused, with file, line and value', async (_, change, message) => {
  write({ ...csv, ...change });
  await expect(load()).rejects.toThrow(message);
});

it.each<[string, Record<string, string>, string]>([
  ['a node in two parts', { 'split/time/test.csv.gz': '2\n0\n' }, 'test.csv.gz, line 2: node 0 is listed in'],
  ['a node twice', { 'split/time/test.csv.gz': '2\n2\n' }, 'test.csv.gz, line 2: node 2 is listed twice.'],
  [
    'a node that does not exist',
    { 'split/time/valid.csv.gz': '9\n' },
    'valid.csv.gz, line 1: node 9; there are 4 nodes, 0 to 3.',
  ],
])('of the raw folder: %s', async (_, change, message) => {
  write({ ...raw, ...change });
  await expect(load()).rejects.toThrow(message);
});

it('a packed file that is damaged, and a folder without a graph', async () => {
  write(raw);
  writeFileSync(join(folder, 'raw/edge.csv.gz'), 'no gzip');
  await expect(load()).rejects.toThrow(/edge\.csv\.gz: the gzip data are damaged or cut short/);
  rmSync(join(folder, 'raw/edge.csv.gz'));
  await expect(load()).rejects.toThrow(
    /data set "graph": .* does not hold its files; edges\.csv, features\.csv/,
  );
  await expect(loadDataset({ name: 'arxiv' })).rejects.toThrow(/data set "arxiv": no data folder is given/);
});

it('nodes cannot be taken out of their graph', async () => {
  write(csv);
  const { train } = await load();
  expect(() => selectExamples(train, Int32Array.of(0))).toThrow(
    'nodes of a graph cannot be separated from it',
  );
  expect(onlyNodes(train, Int32Array.of(1, 3)).edges).toBe(train.edges);
});

describe('a block model', () => {
  const plan = { ...geometryDefaults.block_model_dataset, num_nodes: 600 };

  it('is the same for the same plan, and another for another seed', () => {
    const [a, b, c] = [blockModel(plan), blockModel(plan), blockModel({ ...plan, graph_seed: 2 })];
    expect(a.train.x).toEqual(b.train.x);
    expect(a.train.edges).toEqual(b.train.edges);
    expect(a.train.labels).not.toEqual(c.train.labels);
    expect([a.nodes!.train, a.nodes!.val, a.nodes!.test].map(({ length }) => length)).toEqual([
      300, 120, 180,
    ]);
  });

  it('has about the degree and the share of edges inside a class that were asked for', () => {
    const { labels, edges, count } = blockModel(plan).train;
    const inside = edges!.targets.filter((target, k) => labels[target] === labels[edges!.sources[k]!]).length;
    expect(edges!.targets.length / count).toBeGreaterThan(0.9 * plan.degree);
    expect(edges!.targets.length / count).toBeLessThan(1.05 * plan.degree);
    const expected = plan.homophily + (1 - plan.homophily) / plan.num_classes;
    expect(Math.abs(inside / edges!.targets.length - expected)).toBeLessThan(0.05);
  });
});
