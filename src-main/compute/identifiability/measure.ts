/** The frame of every measure of single models: load models and data, record subspaces, hand each model to the measure. */
import { UserError } from '../../../src-shared/errors.ts';
import type { Split } from '../../../src-shared/domain.ts';
import { loadAnalysisData } from '../analysis-data.ts';
import type { DataWish } from '../analysis-data.ts';
import type { Doubles } from '../backend/doubles.ts';
import type { Backend } from '../backend/index.ts';
import { backendInfo } from '../backend/info.ts';
import { loadModels } from '../checkpoints.ts';
import type { LoadedModel } from '../checkpoints.ts';
import { checkpointCancel, ProgressMeter } from '../context.ts';
import type { ComputeContext } from '../context.ts';
import type { Examples } from '../data/index.ts';
import { basename } from 'node:path';
import type { LoadedNetwork } from './layer-weights.ts';
import { placesOf, recordMoments } from './record-moments.ts';
import { subspaceOf } from './subspace.ts';
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

export interface Measured {
  model: LoadedModel;
  /** One per place asked for, in the order of the forward pass. */
  subspaces: Subspace[];
  /** Float64 kernels, where the back end has them. */
  doubles: Doubles | undefined;
  /** Advances progress by a share of this model's part and lets a cancel through. */
  between: (share: number) => Promise<void>;
}

/** The checkpoints asked for, epoch by epoch. @throws UserError as loadModels, and for a model or epoch named twice */
export function selectedModels({
  run,
  models,
  epoch,
}: Pick<SelectionParams, 'run' | 'models' | 'epoch'>): LoadedModel[] {
  const epochs = typeof epoch === 'number' ? [epoch] : epoch;
  requireDistinct('models', models ?? []);
  requireDistinct('epoch', epochs);
  return epochs.flatMap((one) => loadModels(run, models, one));
}

function requireDistinct(field: string, values: readonly number[]): void {
  const twice = values.find((value, i) => values.indexOf(value) !== i);
  if (twice !== undefined) throw new UserError(`${field}: ${twice} is named twice; each counts once`);
}

/** Layers to measure: those asked for. @throws UserError naming one that the models lack */
export function selectedLayers(wish: readonly string[] | undefined, places: readonly string[]): string[] {
  const unknown = wish?.find((layer) => !places.includes(layer));
  if (unknown !== undefined) {
    throw new UserError(`layers: the models have no layer "${unknown}"; there are ${places.join(', ')}`);
  }
  return places.filter((layer) => wish === undefined || wish.includes(layer));
}

export interface Prepared {
  models: LoadedModel[];
  examples: Examples;
  /** Of the data, for provenance. */
  description: string;
  keyOf: (model: LoadedModel) => string;
}

/** Loads the checkpoints and the split. @throws UserError for what is not there */
export async function prepareMeasure(params: SelectionParams): Promise<Prepared> {
  const models = selectedModels(params);
  const data = await loadAnalysisData(models[0]!.run, params.data, [params.split]);
  return {
    models,
    examples: data.splits.get(params.split)!,
    description: data.description,
    keyOf: (model) => params.runKey ?? basename(model.run.directory),
  };
}

/**
 * Measures one checkpoint after the other.
 * @param measure is given a function that advances progress by a share of its part and lets a cancel through
 * @returns one row per checkpoint, or the row itself where there is one
 */
export async function eachModel<Row extends { warnings: string[] }>(
  params: SelectionParams,
  context: ComputeContext,
  { models, description, keyOf }: Prepared,
  measure: (model: LoadedModel, between: (share: number) => Promise<void>) => Promise<Row>,
) {
  const meter = new ProgressMeter(context, models.length);
  const rows = [];
  for (const model of models) {
    const row = await measure(model, async (share) => {
      meter.advance(share, `model ${model.index}, epoch ${model.epoch ?? '?'}`);
      await checkpointCancel(context);
    });
    rows.push({
      ...checkpointFields(model, keyOf(model)),
      ...row,
      ...{ split: params.split, data: description, backend: backendInfo(await context.backend()) },
    });
  }
  return rows.length === 1 ? rows[0]! : rows;
}

/**
 * Measures every checkpoint asked for in the subspaces of its layers' inputs.
 * @param withOutput the model's output is a place too
 * @returns one row per checkpoint, or the row itself where there is one
 */
export async function measureModels<Row extends object>(
  params: MeasureParams,
  context: ComputeContext,
  options: { withOutput: boolean; warn?: (model: LoadedModel) => string[] },
  measure: (measured: Measured) => Promise<Row>,
) {
  const prepared = await prepareMeasure(params);
  const places = placesOf(prepared.models[0]!.network).map(({ layer }) => layer);
  const layers = selectedLayers(params.layers, places.slice(0, -1));
  const wanted = options.withOutput && params.layers === undefined ? places : layers;
  const backend = await context.backend();
  const recorder = new SubspaceRecorder(backend, prepared.examples, wanted, params.explainedVariance);
  return eachModel(params, context, prepared, async (model, between) => {
    const half = (share: number) => between(share / 2);
    const subspaces = await recorder.subspaces(model, half);
    const row = await measure({ model, subspaces, doubles: backend.native?.doubles, between: half });
    return { ...row, warnings: options.warn?.(model) ?? [] };
  });
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
  readonly #wanted: readonly string[];
  readonly #target: number;
  #ofData: Subspace | undefined;

  constructor(backend: Backend, examples: Examples, wanted: readonly string[], target: number) {
    this.#backend = backend;
    this.#examples = examples;
    this.#wanted = wanted;
    this.#target = target;
  }

  async subspaces(model: LoadedNetwork, between: (share: number) => Promise<void>): Promise<Subspace[]> {
    const wanted = this.#wanted.filter((layer) => layer !== 'lins.0' || !this.#ofData);
    const moments = await recordMoments(this.#backend, model, this.#examples, wanted, (share) =>
      between(0.7 * share),
    );
    const found: Subspace[] = [];
    for (const one of moments) {
      found.push(subspaceOf(one, this.#target));
      await between(0.3 / moments.length);
    }
    if (!this.#wanted.includes('lins.0')) return found;
    if (this.#ofData) return [this.#ofData, ...found];
    this.#ofData = found[0]!;
    return found;
  }
}

export const indexOfLayer = (layer: string): number => Number(layer.slice('lins.'.length));
