/** The data an analysis runs on: the run's own unless the caller names another, in the run's own split. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { geometryKindOf, replaceBlocked, requireSameRotation, resolveData } from '../../src-shared/config.ts';
import type { DataPlan, RunConfig } from '../../src-shared/config.ts';
import type { DataSource, Split } from '../../src-shared/domain.ts';
import { UserError } from '../../src-shared/errors.ts';
import { objectiveText, targetsOf, targetsText } from '../../src-shared/objective.ts';
import { areRelated, dataSetNamed, isOwnName } from '../formats/data-sets.ts';
import { graphNamed } from '../formats/graph-data.ts';
import { typedPath } from '../formats/typed-path.ts';
import type { Run } from './load-models.ts';
import { sizeOf } from '../../src-shared/shapes.ts';
import { overGraph } from './networks/parameters.ts';
import { evaluationExamples, loadDataset, requireTokens, splitIndices } from './data/index.ts';
import type { DataRequest, Dataset, Examples, SplitIndices } from './data/index.ts';

/** `data` of a job's params: what is absent is taken from the run. */
export type DataWish = { [K in keyof DataSource]?: DataSource[K] | undefined };

export interface AnalysisData {
  splits: Map<Split, Examples>;
  /** "mnist, split seed 42", for provenance. */
  description: string;
  /** Whether this is what the run recorded: its split, varied as in its evaluations. Only then metrics stored with its checkpoints can be compared. */
  isRunSplit: boolean;
  classes: number;
  /** What a reader of the numbers should know: the data are not those of the run. */
  warnings: string[];
  /** Hex SHA-256 of what the examples are and how they are split: equal for equal numbers, wherever they lie. */
  contents: string;
}

/**
 * Loads the splits asked for.
 * @param order of the examples: as the split lists them, or as they stand in the data file
 * @param held the run's own data set, if it is in memory
 * @throws UserError naming the data set, file or field that does not fit
 */
export async function loadAnalysisData(
  run: Run,
  wish: DataWish,
  wanted: readonly Split[],
  order: 'split' | 'file' = 'split',
  held?: Dataset,
): Promise<AnalysisData> {
  const plan = resolveData(withWish(run.config, wish), run.configPath);
  const geometry = (wish.name ?? plan.name) === plan.name ? plan.geometry : undefined;
  const request = requestOf(run, wish, plan);
  if (geometry && geometry.kind !== 'mnist-coherence' && wish.dataDir !== undefined) {
    throw new UserError(
      `data.dataDir is ${wish.dataDir}, but ${run.directory} was trained on ${plan.name}, which is generated from its config's seeds: no folder is read.`,
      { hint: 'Remove the folder, or name another data set with --data.' },
    );
  }
  if (geometry) requireSameRotation(run.config, run.configPath);
  const dataset = held ?? (await loadDataset({ ...request, geometry }));
  const { name } = dataset;
  refuseOtherKind(run, dataset);
  const { inputs, outputs } = sizesOf(run);
  if (dataset.train.features !== inputs) {
    throw new UserError(
      `data set "${name}" (${dataset.origin}) has ${dataset.train.features} numbers per example, but the models of ` +
        `${run.directory} take ${inputs}.`,
    );
  }
  requireSameLabels(run, dataset);
  if (dataset.classes > outputs) {
    const what = run.graph.objective?.loss === 'next-token' ? 'tokens to predict' : 'classes';
    throw new UserError(
      `data set "${name}" (${dataset.origin}) has ${dataset.classes} ${what}, but the models of ${run.directory} have ${outputs}.`,
    );
  }
  requireTokens(run.graph, dataset, `the models of ${run.directory}`);
  const { objective } = run.graph;
  const runSplitFile = plan.splitFile === null ? undefined : inRun(run, plan.splitFile);
  const { splitSeed, valFraction } = plan;
  const ownSplit = (): SplitIndices =>
    splitIndices(dataset, { splitFile: runSplitFile, splitSeed, valFraction });
  const split =
    wish.splitFile === undefined ? ownSplit() : splitIndices(dataset, { splitFile: wish.splitFile });
  const ordered = order === 'file' ? inFileOrder(split) : split;
  // As the run's config has it of its own data. Statistics by batches are of the images without augmentation.
  const varies = wish.name === undefined && plan.augmentation?.evaluation === 'train-and-val';
  const own = varies && order === 'split';
  const plainHere = varies && !own && wanted.some((which) => which !== 'test');
  const varied = { augmentation: own ? plan.augmentation : undefined, seed: splitSeed };
  return {
    splits: new Map(
      [...new Set(wanted)].map((which) => [which, evaluationExamples(dataset, ordered, which, varied)]),
    ),
    description: `${describe(dataset)}${objective ? ` with the loss ${objective.loss}` : ''}, split ${split.origin}${varied.augmentation ? ', train and val images flipped and moved at random' : ''}`,
    isRunSplit:
      !plainHere &&
      mayBeRunData(plan, dataset) &&
      (wish.splitFile === undefined || sameRows(split.val, ownSplit().val)),
    classes: outputs,
    warnings: [
      ...(objective ? [objectiveText(objective.loss)] : []),
      ...(isRunsSet(plan, dataset)
        ? []
        : [`The run was trained on ${plan.name}; the numbers here are for ${describe(dataset)}.`]),
      ...(plainHere
        ? [
            'Norm statistics go by batches of images without augmentation: train and val images are not flipped and moved here, though they were in the evaluations of training. Numbers stored with the checkpoints are not compared.',
          ]
        : []),
    ],
    contents: contentsOf([geometry, ...(own ? [varied] : [])], dataset.sha256, split),
  };
}

/** @throws UserError for nodes of a graph and networks that take none, and the other way round */
function refuseOtherKind({ graph, directory }: Run, { name, origin, nodes }: Dataset): void {
  if (overGraph(graph) === (nodes !== undefined)) return;
  throw new UserError(
    nodes
      ? `data set "${name}" (${origin}) is a graph, but the models of ${directory} take examples one by one.`
      : `data set "${name}" (${origin}) has no edges, but the models of ${directory} are graph networks.`,
    { hint: 'Name another data set with --data, or its folder with --data-dir.' },
  );
}

/** Numbers per example that the run's networks take, and classes that they tell apart. */
function sizesOf({ graph: { graph, shapes } }: Run): { inputs: number; outputs: number } {
  const [input] = graph.inputs;
  return { inputs: sizeOf(input!.shape), outputs: shapes.get(graph.output)!.at(-1) ?? 1 };
}

/** @throws UserError if the loss of the run's networks is about other labels than the data have */
function requireSameLabels({ graph, directory }: Run, { name, origin, train }: Dataset): void {
  const [wanted, found] = [targetsText(targetsOf(graph.objective)), targetsText(train.targets)];
  if (wanted === found) return;
  throw new UserError(
    `data set "${name}" (${origin}): its examples have ${found}, but ${directory} was trained on examples with ${wanted}; neither loss nor accuracy would mean anything.`,
    { hint: 'Leave the data set out to measure on that of the run.' },
  );
}

/**
 * For what goes by the one class of each example.
 * @param what the beginning of a sentence: "classes are shown"
 * @throws UserError if the run's examples have other labels
 */
export function requireOneClass({ graph, directory }: Run, what: string): void {
  if (!graph.objective) return;
  throw new UserError(
    `${what} only if every example has one class; those of ${directory} have ${targetsText(targetsOf(graph.objective))}.`,
  );
}

/** What the caller names need not be readable in the run's config. */
function withWish(config: RunConfig, wish: DataWish): RunConfig {
  const named = wish.name === undefined ? undefined : { name: wish.name };
  const whole = named ? replaceBlocked(config, { dataset: named }) : config;
  // Of adopted weights nobody may have said what they were trained on.
  const section = whole.dataset ?? named;
  if (!section) return whole;
  const dataset = replaceBlocked(section, {
    ...named,
    ...((named ?? wish.dataDir) !== undefined && { data_dir: null }),
    ...(wish.splitFile !== undefined && { split_file: null, split_seed: null, val_split: null }),
  });
  if (named && dataset.name == null) dataset.name = named.name;
  return Object.defineProperty(replaceBlocked(whole, {}), 'dataset', { value: dataset });
}

/**
 * What to read. A folder that is given without a name is read for what it is, the run's own set first; the run's own
 * folder must hold what the config says.
 */
function requestOf(run: Run, wish: DataWish, plan: DataPlan): DataRequest {
  if (wish.name !== undefined) return { name: wish.name, dataDir: wish.dataDir };
  if (wish.dataDir !== undefined && plan.geometry === undefined) {
    return { dataDir: wish.dataDir, preferred: plan.name };
  }
  const dataDir = wish.dataDir ?? planFolder(run, plan);
  // The embedded set is the same wherever a config of another machine looked for it.
  const gone = dataDir !== undefined && !existsSync(dataDir) && dataSetNamed(plan.name)?.name === 'mnist-10k';
  return { name: plan.name, dataDir: gone ? undefined : dataDir, contents: plan.contents };
}

/** Files of one's own are named with the folder that they are in. */
function describe({ name, origin }: Dataset): string {
  if (!isOwnName(name) && graphNamed(name) === undefined) return name;
  return `${name} (${name.startsWith('idx-') ? 'IDX files' : 'files'} in ${origin})`;
}

function isRunsSet(plan: DataPlan, dataset: Dataset): boolean {
  const same = sameContents(plan, dataset);
  if (same !== undefined) return same;
  const [runs, found] = [plan.name, dataset.name];
  const [a, b] = [dataSetNamed(runs), dataSetNamed(found)];
  return (
    runs === found ||
    geometryKindOf(runs) === found ||
    (a !== undefined && b !== undefined && areRelated(a, b))
  );
}

/** Of sets that a person has added, known by their contents alone; undefined if neither is one. */
function sameContents(
  { contents: recorded, name }: DataPlan,
  { contents, name: found }: Dataset,
): boolean | undefined {
  if (recorded === undefined && (contents === undefined || name === found)) return undefined;
  return recorded !== undefined && contents?.startsWith(recorded) === true;
}

/** False if the data are known to be another set than the run's. */
function mayBeRunData(plan: DataPlan, dataset: Dataset): boolean {
  const same = sameContents(plan, dataset);
  if (same !== undefined) return same;
  const [a, b] = [dataSetNamed(plan.name), dataSetNamed(dataset.name)];
  return a === undefined || b === undefined || areRelated(a, b);
}

function contentsOf(
  [geometry, ...more]: readonly unknown[],
  files: Record<string, string>,
  split: SplitIndices,
): string {
  const hash = createHash('sha256').update(JSON.stringify([geometry ?? null, files, ...more]));
  for (const rows of [split.train, split.val]) hash.update(`${rows.length} `).update(rows);
  return hash.digest('hex');
}

const inFileOrder = ({ train, val, origin }: SplitIndices): SplitIndices => ({
  ...{ train: train.slice().sort(), val: val.slice().sort(), origin },
});

function sameRows(a: Int32Array, b: Int32Array): boolean {
  const sorted = b.toSorted();
  return a.length === b.length && a.toSorted().every((row, i) => row === sorted[i]);
}

/** A folder written in a config is relative to where training was started, which nobody recorded: taken from the run. */
function planFolder(run: Run, plan: DataPlan): string | undefined {
  return plan.dataDir === null ? undefined : inRun(run, plan.dataDir);
}

const inRun = (run: Run, path: string): string => typedPath(path, run.directory);
