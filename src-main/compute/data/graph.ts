/** Graphs as data sets: examples are nodes, all of them are seen together, and only those of a split are scored. */
import { UserError } from '../../../src-shared/errors.ts';
import { findGraph, graphFilesText, nameOfGraph, readGraph } from '../../formats/graph-data.ts';
import type { GraphData, GraphFiles } from '../../formats/graph-data.ts';
import type { Edges } from '../networks/edges.ts';
import type { Dataset, Examples } from './dataset.ts';

/** @throws UserError if no folder is given, or it holds no graph */
export function graphFiles(name: string, dataDir: string | undefined): GraphFiles {
  const found = dataDir === undefined ? undefined : findGraph(dataDir);
  if (found) return found;
  const where = dataDir === undefined ? 'no data folder is given' : `${dataDir} does not hold its files`;
  throw new UserError(`data set "${name}": ${where}; ${graphFilesText} were expected, plain or .gz.`, {
    hint: 'Give their folder with --data-dir, or set dataset=block-model, which makes a small graph.',
  });
}

/**
 * @param name what was asked for; undefined or `graph`: whatever the folder holds
 * @throws UserError for files that cannot be read or are another graph than the one of that name
 */
export function loadGraph(files: GraphFiles, name?: string): Dataset {
  const data = readGraph(files);
  const own = nameOfGraph(data);
  if (name?.startsWith('graph-') === true && name !== own)
    throw new UserError(`data set "${name}": ${files.folder} holds another graph, ${own}.`, {
      hint: `Give another folder, or name what it holds: dataset.name=${own} for training, --data ${own} for an analysis.`,
    });
  const edges = undirected(data.directed, data.nodes);
  return { ...graphDataset(own, files.folder, { ...data, edges }), folder: files.folder };
}

/** @param origin where it is from, for logs and messages */
export function graphDataset(
  name: string,
  origin: string,
  { x, labels, features, nodes, split, edges, sha256 }: Omit<GraphData, 'directed'> & { edges: Edges },
): Dataset {
  const train: Examples = { count: nodes, features, x, labels, edges };
  let classes = 1;
  for (const label of labels) classes = Math.max(classes, label + 1);
  return {
    ...{ name, origin, classes, sha256 },
    train,
    test: onlyNodes(train, split.test),
    nodes: split,
  };
}

/** The whole graph, of which these nodes alone have labels: the others are seen and not scored. */
export function onlyNodes(graph: Examples, nodes: Int32Array): Examples {
  const labels = new Int32Array(graph.count).fill(-1);
  for (const node of nodes) labels[node] = graph.labels[node]!;
  return { ...graph, labels, scored: nodes.length };
}

/** Every edge both ways, each once; an edge from a node to itself makes it its own neighbour. @param directed from, to */
export function undirected(directed: Int32Array, nodes: number): Edges {
  const keys = new Float64Array(directed.length);
  for (let k = 0; k < directed.length; k += 2) {
    const [from, to] = [directed[k]!, directed[k + 1]!];
    keys[k] = to * nodes + from;
    keys[k + 1] = from * nodes + to;
  }
  keys.sort();
  let count = 0;
  for (let k = 0; k < keys.length; k++) if (k === 0 || keys[k] !== keys[k - 1]) keys[count++] = keys[k]!;
  const [sources, targets] = [new Int32Array(count), new Int32Array(count)];
  for (let k = 0; k < count; k++) {
    targets[k] = Math.floor(keys[k]! / nodes);
    sources[k] = keys[k]! % nodes;
  }
  return { sources, targets };
}
