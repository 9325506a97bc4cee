/** A folder as the published scripts leave it: a run with its curves beside it, and files of results. */
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PythonFloat, tuple } from '../../src-main/formats/torch/tree.ts';
import type { WritableTree } from '../../src-main/formats/torch/tree.ts';
import { writeTorchFile } from '../../src-main/formats/torch/write-torch.ts';
import { fixtureRun, goldenJson } from './fixtures.ts';

interface Golden {
  pairs: Record<string, Pair>;
}
interface Pair {
  unaligned: Record<string, unknown>;
  compute_lmc_results: Record<string, Record<string, unknown>>;
}

const pairsOf = (name: string): [string, Pair][] => Object.entries(goldenJson<Golden>(name).pairs);

/** The run `sym0` with the six curves that train.py would leave in it (each that of models 1 and 2). */
export function writeRunWithCurves(folder: string): string {
  const run = join(folder, 'sym0');
  mkdirSync(run, { recursive: true });
  const from = fixtureRun('sym0');
  for (const name of readdirSync(from)) copyFileSync(join(from, name), join(run, name));
  const [, { unaligned }] = pairsOf('sym0')[0]!;
  const curves = new Map<WritableTree, WritableTree>();
  for (let i = 1; i <= 4; i++)
    for (let j = i + 1; j <= 4; j++) curves.set(tuple<WritableTree>(i, j), treeOf(unaligned));
  writeTorchFile(join(run, 'interpolation_results.pt'), curves);
  return run;
}

/** The LMC script's own numbers for a standard and a W-asymmetric run of a lab that is elsewhere. */
export function writeLmcResults(folder: string, name = 'lmc-results.json'): string {
  const rows = ['sym0', 'sym1_kappa1'].flatMap((run) =>
    pairsOf(run).map(([pair, { compute_lmc_results: curves }]) => {
      const [one, two] = pair.split('-').map(Number);
      const checkpoint = (model: number | undefined) => `/lab/${run}/checkpoint_epoch_5_model_${model}.pt`;
      return {
        ...{ run_key: `mlp_${run}`, model1_index: one, model2_index: two, epoch: 5 },
        ...{ checkpoint_path_1: checkpoint(one), checkpoint_path_2: checkpoint(two) },
        ...curves,
      };
    }),
  );
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(rows));
  return path;
}

function treeOf(value: unknown): WritableTree {
  if (Array.isArray(value)) return value.map(treeOf);
  if (typeof value === 'number') return new PythonFloat(value);
  if (value === null || typeof value !== 'object') return value as WritableTree;
  return new Map(
    Object.entries(value).map(([key, item]) => [
      key,
      key === 'num_params' ? BigInt(item as number) : treeOf(item),
    ]),
  );
}
