/** The graph networks among the reference's runs, and the graph that they saw. */
import { cpSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readConfig, resolveModel } from '../../src-shared/config.ts';
import type { GnnSpec } from '../../src-shared/model.ts';
import { openCheckpoint } from '../../src-main/formats/checkpoint.ts';
import { findGraph } from '../../src-main/formats/graph-data.ts';
import { readYaml } from '../../src-main/formats/yaml.ts';
import { splitExamples, splitIndices } from '../../src-main/compute/data/index.ts';
import type { Dataset, Examples } from '../../src-main/compute/data/index.ts';
import { loadGraph } from '../../src-main/compute/data/graph.ts';
import { stateDictFromCheckpoint } from '../../src-main/compute/models/index.ts';
import type { StateDict } from '../../src-main/compute/models/index.ts';
import { fixturePath } from './fixtures.ts';

export const gnnRuns = ['gnn_sym0', 'gnn_sym1'] as const;

export function gnnSpec(run: string): GnnSpec {
  const file = fixturePath(`gnns/${run}/config.yaml`);
  const spec = resolveModel(readConfig(readYaml(file), file), file);
  if (spec.architecture !== 'gnn') throw new Error(`${file} is no graph network`);
  return spec;
}

export const gnnCheckpoint = (run: string, epoch: number, model: number): string =>
  fixturePath(join('gnns', run, `checkpoint_epoch_${epoch}_model_${model}.pt`));

export function gnnState(run: string, epoch: number, model: number): StateDict {
  const file = gnnCheckpoint(run, epoch, model);
  const checkpoint = openCheckpoint(file);
  try {
    return stateDictFromCheckpoint(checkpoint.tensors, gnnSpec(run), file);
  } finally {
    checkpoint.close();
  }
}

/** A copy of a run's folder, with all of its files. */
export function gnnRunFolder(run: string, into: string): string {
  const packed = fileURLToPath(new URL(`../fixtures/gnns/${run}`, import.meta.url));
  const folder = join(into, run);
  mkdirSync(folder, { recursive: true });
  for (const file of readdirSync(packed)) {
    const name = file.replace(/\.gz$/, '');
    cpSync(fixturePath(`gnns/${run}/${name}`), join(folder, name));
  }
  return folder;
}

/** The folder with the graph's four CSV files. */
export function graphFolder(): string {
  const [edges] = ['edges', 'features', 'labels', 'split'].map((name) => fixturePath(`graph/${name}.csv`));
  return dirname(edges!);
}

export const graphDataset = (): Dataset => loadGraph(findGraph(graphFolder())!);

/** The splits of the reference's runs. */
export function graphSplits(): Record<'train' | 'val' | 'test', Examples> {
  const dataset = graphDataset();
  const of = (split: 'train' | 'val' | 'test'): Examples =>
    splitExamples(dataset, splitIndices(dataset), split);
  return { train: of('train'), val: of('val'), test: of('test') };
}
