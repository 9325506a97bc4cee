/** The frame of every measure of single models: load models and data, record subspaces, hand each model to the measure. */
import { basename, resolve } from 'node:path';
import { UserError } from '../../../src-shared/errors.ts';
import type { Split } from '../../../src-shared/domain.ts';
import { isExportedSpec } from '../../../src-shared/model.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import { trainedGraphOf } from '../../../src-shared/networks/of-model.ts';
import { findCheckpoint, readRunDirectory } from '../../formats/run-directory.ts';
import { loadAnalysisData } from '../analysis-data.ts';
import type { DataWish } from '../analysis-data.ts';
import type { Doubles } from '../backend/doubles.ts';
import type { Backend } from '../backend/index.ts';
import { backendInfo } from '../backend/info.ts';
import { loadModels, refuseGraphNetworks } from '../load-models.ts';
import type { LoadedModel } from '../load-models.ts';
import type { Examples } from '../data/index.ts';
import { holdsEntries, withHeldApart } from '../models/held-entries.ts';
import { startThreads } from '../threads/pool.ts';
import { isExported } from '../networks/parameters.ts';
import { exportedLayers } from './exported-layers.ts';
import { findSubspaces } from './find-subspaces.ts';
import type { PartContext, PartedCompute } from '../parts.ts';
import type { LoadedNetwork } from './layer-weights.ts';
import { isData, placesOf, recordMoments } from './input-moments.ts';
import type { Subspace } from './subspace.ts';

export interface SelectionParams {
  run: string;
  models?: number[] | undefined;
  epoch: number | number[];
  layers?: string[] | undefined;
  data: DataWish;
  split: Split;
  runKey?: string | undefined;
}

export interface MeasureParams extends SelectionParams {
  explainedVariance: number;
}

export interface Measured<Params> {
  params: Params;
  model: LoadedModel;
  /** Names of the places asked for, in the order of the forward pass. */
  places: readonly string[];
  /** One per place, each there when it is found. */
  subspaces: readonly Promise<Subspace>[];
  /** Float64 kernels, where the back end has them. */
  doubles: Doubles | undefined;
  /** Advances progress by a share of this model's part and lets a cancel through. */
  between: (share: number) => Promise<void>;
}

/** The same question about one checkpoint only. */
export type CheckpointPart<Params extends SelectionParams> = Params & { models: number[]; epoch: number };

/**
 * One part per checkpoint asked for, epoch by epoch.
 * @throws UserError for one that is not there (with those that are), and for a model or epoch named twice
 */
export function planCheckpoints<Params extends SelectionParams>(params: Params): CheckpointPart<Params>[] {
  const epochs = typeof params.epoch === 'number' ? [params.epoch] : params.epoch;
  requireDistinct('models', params.models ?? []);
  requireDistinct('epoch', epochs);
  const run = readRunDirectory(resolve(params.run));
  return epochs.flatMap((epoch) => {
    const found = run.checkpoints.filter((file) => file.epoch === epoch).map((file) => file.model);
    // A model that is not there is reported with those that are; so is an epoch.
    const models = params.models ?? (found.length > 0 ? found.sort((a, b) => a - b) : [1]);
    return models.map((model) => {
      findCheckpoint(run, epoch, model);
      return { ...params, models: [model], epoch };
    });
  });
}

function requireDistinct(field: string, values: readonly number[]): void {
  const twice = values.find((value, i) => values.indexOf(value) !== i);
  if (twice !== undefined) throw new UserError(`${field}: ${twice} is listed twice; list each once`);
}

/** Layers to measure: those asked for. @throws UserError naming one that the models lack */
export function selectedLayers(wish: readonly string[] | undefined, places: readonly string[]): string[] {
  const unknown = wish?.find((layer) => !places.includes(layer));
  if (unknown !== undefined) {
    throw new UserError(`layers: the models have no layer "${unknown}"; there are ${places.join(', ')}`);
  }
  return places.filter((layer) => wish === undefined || wish.includes(layer));
}

interface RowContext<Params> {
  params: Params;
  model: LoadedModel;
  examples: Examples;
  backend: Backend;
  keyOf: (model: LoadedModel) => string;
  between: (share: number) => Promise<void>;
}

/**
 * Measures checkpoints one after the other, each loaded when its turn comes.
 * @param begin called once, with the params of the first part, its model, and the data
 * @returns the measure of one kind, in parts: a row per checkpoint
 */
export function measureCheckpoints<
  Params extends SelectionParams,
  Shared,
  Row extends { warnings: string[] },
>(
  begin: (first: RowContext<Params>) => Shared,
  measure: (context: RowContext<Params>, shared: Shared) => Promise<Row>,
): PartedCompute<Params, CheckpointPart<Params>> {
  return {
    plan: planCheckpoints,
    async *measure(parts, context) {
      const first = load(parts[0]!);
      const { split, data: wish, runKey } = parts[0]!;
      const data = await loadAnalysisData(first.run, wish, [split]);
      const backend = await context.backend();
      const keyOf = (model: LoadedModel) => runKey ?? basename(model.run.directory);
      const contextOf = (params: CheckpointPart<Params>, model: LoadedModel): RowContext<Params> => ({
        ...{ params, model, backend, keyOf },
        examples: data.splits.get(split)!,
        between: betweenOf(context, model),
      });
      const shared = begin(contextOf(parts[0]!, first));
      for (const [i, part] of parts.entries()) {
        const model = i === 0 ? first : load(part);
        const row = await measure(contextOf(part, model), shared);
        yield {
          ...checkpointFields(model, keyOf(model)),
          ...row,
          ...{ split, data: data.description, backend: backendInfo(backend) },
        };
      }
    },
  };
}

function load({ run, models, epoch }: CheckpointPart<SelectionParams>): LoadedModel {
  const model = loadModels(run, models, epoch)[0]!;
  refuseGraphNetworks(model.run, 'identifiability is measured');
  return withFixedEntries(model);
}

/**
 * An exported network with F and D beside the weights that have fixed entries: the files hold only what acts.
 * @throws UserError if the run's seed is not recorded, or draws other entries than the checkpoint has
 */
function withFixedEntries(model: LoadedModel): LoadedModel {
  const { run, spec, state, name } = model;
  if (!isExportedSpec(spec) || !holdsEntries(spec)) return model;
  const { mask_seed: seed } = run.config;
  if (seed == null)
    throw new UserError(
      `${run.configPath}: mask_seed is missing; it decides which entries of the weights in model.family are fixed, and to what.`,
      { hint: 'Use the config.yaml that the training wrote, or add the mask_seed that it used.' },
    );
  const network = readNetwork(trainedGraphOf(spec), run.configPath);
  const graph = { ...network, objective: run.graph.objective };
  const [apart] = withHeldApart(spec, [state], seed, () => name);
  return { ...model, run: { ...run, graph }, state: apart! };
}

const betweenOf =
  (context: PartContext, model: LoadedModel) =>
  (share: number): Promise<void> =>
    context.between(share, `model ${model.index}, epoch ${model.epoch ?? '?'}`);

/**
 * Measures every checkpoint asked for in the subspaces of its layers' inputs.
 * @param options.withOutput the model's output is a place too
 */
export function measureModels<Params extends MeasureParams, Row extends object>(
  options: { withOutput: boolean; warn?: (model: LoadedModel) => string[] },
  measure: (measured: Measured<Params>) => Promise<Row>,
): PartedCompute<Params, CheckpointPart<Params>> {
  const { plan, measure: rows } = measureCheckpoints<Params, SubspaceRecorder, Row & { warnings: string[] }>(
    ({ params, model, backend, examples }) => {
      const places = placesOf(model.run.graph).map(({ layer }) => layer);
      const layers = selectedLayers(params.layers, places.slice(0, -1));
      const wanted = options.withOutput && params.layers === undefined ? places : layers;
      return new SubspaceRecorder(backend, examples, wanted, params.explainedVariance);
    },
    async ({ params, model, backend, between }, recorder) => {
      const half = (share: number) => between(share / 2);
      const subspaces = await recorder.subspaces(model, half);
      const doubles = backend.native?.doubles;
      const { places } = recorder;
      const row = await measure({ params, model, places, subspaces, doubles, between: half });
      return { ...row, warnings: [...(options.warn?.(model) ?? []), ...notMeasured(model)] };
    },
  );
  return {
    plan,
    measure(parts, context) {
      startThreads(); // while the data are read
      return rows(parts, context);
    },
  };
}

/** What an exported network has besides its measured layers. */
function notMeasured({ run: { graph }, name }: LoadedModel): string[] {
  if (!isExported(graph)) return [];
  const { leftOut } = exportedLayers(graph);
  const names = (own: readonly { layer: string }[]): string => own.map(({ layer }) => layer).join(', ');
  return [...new Set(leftOut.map(({ why }) => why))].map(
    (reason) =>
      `${name}: not measured, because ${reason}: ${names(leftOut.filter(({ why }) => why === reason))}.`,
  );
}

/** The fields by which a row names its checkpoint. */
function checkpointFields(model: LoadedModel, runKey: string) {
  return {
    run_key: runKey,
    model_index: model.index,
    epoch: model.epoch,
    checkpoint_path: model.path,
    run_directory: model.run.directory,
  };
}

/** Subspaces at the places wanted; that of the data is found once for all models. */
export class SubspaceRecorder {
  readonly #backend: Backend;
  readonly #examples: Examples;
  /** In the order of the forward pass. */
  readonly places: readonly string[];
  readonly #target: number;
  #ofData: Promise<Subspace> | undefined;

  constructor(backend: Backend, examples: Examples, places: readonly string[], target: number) {
    this.#backend = backend;
    this.#examples = examples;
    this.places = places;
    this.#target = target;
  }

  /**
   * Ends when the network has been run over the examples; the subspaces are found meanwhile and after.
   * @returns one per place
   */
  async subspaces(
    model: LoadedNetwork,
    between: (share: number) => Promise<void>,
  ): Promise<Promise<Subspace>[]> {
    const { graph } = model.run;
    const all = placesOf(graph).filter(({ layer }) => this.places.includes(layer));
    const deeper = all.filter((place) => !isData(graph, place));
    const [ofData] = all.filter((place) => isData(graph, place));
    if (ofData) this.#ofData ??= (await this.#find(model, [ofData.layer], () => between(0)))[0]!;
    const found = await this.#find(
      model,
      deeper.map(({ layer }) => layer),
      between,
    );
    return all.map((place) =>
      isData(graph, place)
        ? this.#ofData!.then((space) => ({ ...space, place }))
        : found[deeper.indexOf(place)]!,
    );
  }

  async #find(
    model: LoadedNetwork,
    places: readonly string[],
    between: (share: number) => Promise<void>,
  ): Promise<Promise<Subspace>[]> {
    if (places.length === 0) {
      await between(1);
      return [];
    }
    const moments = await recordMoments(this.#backend, model, this.#examples, places, between);
    return findSubspaces(moments, this.#target, this.#backend.native?.doubles);
  }
}
