/** Kind `adopt`: a run folder around weights that came without a config. */
import { basename, join } from 'node:path';
import { stringify } from 'yaml';
import { readConfig, resolveModel } from '../../../src-shared/config.ts';
import { families } from '../../../src-shared/domain.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { adoptJob } from '../../../src-shared/jobs/adopt.ts';
import type { ParamsOf, ResultOf } from '../../../src-shared/jobs/define.ts';
import { writeFileAtomic } from '../../formats/atomic.ts';
import type { LazyTensor } from '../../formats/tensor.ts';
import { permutationName } from '../alignment/permutation.ts';
import { loadCheckpoint, readRun } from '../checkpoints.ts';
import type { Run } from '../checkpoints.ts';
import { checkpointCancel, ProgressMeter } from '../context.ts';
import type { Compute, ComputeContext } from '../context.ts';
import { toEffective } from '../models/effective.ts';
import { describe, stateDictFromCheckpoint } from '../models/state-dict.ts';
import { checkGroups, checkTensors, modelSection, openArchitecture } from './declared.ts';
import { makeOutFolder } from './out-folder.ts';
import { completeForReference } from './reference-config.ts';
import { openWeights } from './state-dict-files.ts';
import type { Weights } from './state-dict-files.ts';
import { recogniseStateDict } from './state-dicts.ts';
import type { MlpFound } from './state-dicts.ts';
import { writeInFormat } from './write-checkpoint.ts';

type Params = ParamsOf<typeof adoptJob>;
type Result = ResultOf<typeof adoptJob>;

/** The model's half of a config.yaml. */
interface Adopted {
  model: Record<string, unknown>;
  notes: string[];
}

/** One file, ready to be written as a model of the run. */
interface Source {
  path: string;
  weights: Weights;
  tensors: ReadonlyMap<string, LazyTensor>;
  /** Names of what gradients move. */
  trainable: string[];
}

export const adopt: Compute<Params, Result> = (params, context) =>
  params.architecture === undefined ? adoptTold(params, context) : adoptDeclared(params, context);

/** The architecture is told from names and shapes. */
async function adoptTold(params: Params, context: ComputeContext): Promise<Result> {
  const opened: { weights: Weights; found: MlpFound; path: string }[] = [];
  try {
    for (const path of params.paths) opened.push(openOne(path));
    const first = opened[0]!;
    const { model, notes } = modelOf(params, first.found, renamed(first), first.path);
    for (const other of opened.slice(1)) {
      const same = JSON.stringify(modelOf(params, other.found, renamed(other), other.path).model);
      if (same !== JSON.stringify(model))
        throw new UserError(`${other.path} is of another architecture than ${first.path}; a run has one.`);
    }
    const sources = opened.map((one) => {
      const tensors = renamed(one);
      return { ...one, tensors, trainable: [...tensors.keys()].filter(isParameter) };
    });
    const { run, ...written } = await writeRun(params, model, sources, context);
    return { ...written, architecture: describe(run.spec), notes };
  } finally {
    for (const { weights } of opened) weights.close();
  }
}

/** A file declares the architecture. Weights keep their names; config.yaml says what they are to Basin. */
async function adoptDeclared(params: Params, context: ComputeContext): Promise<Result> {
  const where = params.architecture!;
  for (const field of ['activation', 'sigmaF'] as const) {
    if (params[field] !== undefined)
      throw new UserError(`${field}: ${where} declares the architecture; leave --${kebab(field)} out.`);
  }
  const architecture = openArchitecture(where);
  const sources: Source[] = [];
  try {
    for (const path of params.paths) {
      const weights = openWeights(path);
      const own = (name: string): string => architecture.tensors.get(name)?.own ?? '';
      const trainable = [...weights.tensors.keys()].filter((name) => isParameter(own(name)));
      sources.push({ path, weights, tensors: weights.tensors, trainable });
      checkTensors(architecture, weights.tensors, path, where);
    }
    const model = modelSection(architecture);
    const spec = resolveModel(readConfig({ model }, where), where);
    let groups: string[] = [];
    for (const { tensors, path } of sources)
      groups = checkGroups(
        architecture,
        toEffective(spec, stateDictFromCheckpoint(tensors, spec, path)),
        where,
      );
    const { run, ...written } = await writeRun(params, model, sources, context);
    const names = groups.map((group, layer) => `${group} is ${permutationName(layer)}`);
    const called = architecture.name === undefined ? '' : `${architecture.name}: `;
    return {
      ...written,
      architecture: `${called}${describe(run.spec)}`,
      notes: [
        `Random permutations of ${groups.length} groups leave the logits as they are: ${names.join(', ')}.`,
      ],
    };
  } finally {
    for (const { weights } of sources) weights.close();
  }
}

const isParameter = (name: string): boolean => /\.(weight|bias)$/.test(name);

const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** Checkpoints, config.yaml last, and a look at all of them as any later job takes it. */
async function writeRun(
  params: Params,
  model: Record<string, unknown>,
  sources: readonly Source[],
  context: ComputeContext,
): Promise<{ directory: string; files: string[]; run: Run }> {
  const directory = makeOutFolder(params.directory);
  const epoch = params.epoch ?? sources[0]!.weights.epoch ?? 1;
  const meter = new ProgressMeter(context, sources.length);
  const files: string[] = [];
  for (const [i, { tensors, trainable }] of sources.entries()) {
    await checkpointCancel(context);
    const written = writeInFormat(directory, params.format, {
      ...{ epoch, model: i + 1, step: 0, trainable, tensors },
    });
    files.push(basename(written));
    meter.advance(1, `${files.length} of ${sources.length} files`);
  }
  const config = {
    model,
    dataset: { name: params.dataset },
    num_models: files.length,
    adopted_from: sources.map(({ path }) => path),
    ...(params.architecture !== undefined && { adopted_as: params.architecture }),
  };
  writeFileAtomic(join(directory, 'config.yaml'), completeForReference(stringify(config, { lineWidth: 0 })));
  const run = readRun(directory);
  for (const file of files) loadCheckpoint(run, join(directory, file));
  return { directory, files, run };
}

function openOne(path: string): { weights: Weights; found: MlpFound; path: string } {
  const weights = openWeights(path);
  const found = recogniseStateDict(weights.tensors);
  if (found.kind === 'mlp') return { weights, found, path };
  weights.close();
  throw new UserError(`${path}: ${weights.form}: ${found.reason}.`);
}

function renamed({ weights, found }: { weights: Weights; found: MlpFound }): Map<string, LazyTensor> {
  return new Map([...weights.tensors].map(([name, tensor]) => [found.names.get(name)!, tensor]));
}

function modelOf(
  params: Params,
  found: MlpFound,
  tensors: ReadonlyMap<string, LazyTensor>,
  path: string,
): Adopted {
  const { family, widths, norm, elementwiseAffine } = found;
  const hidden = widths.slice(1, -1);
  if (hidden.length === 0 || hidden.some((width) => width !== hidden[0]))
    throw new UserError(
      `${path}: hidden layers of ${hidden.join(', ') || 'no'} units; a run's config has one width for all.`,
    );
  const activation = family === 'sigma-asymmetric' ? undefined : params.activation;
  if (activation === undefined && family !== 'sigma-asymmetric') {
    throw new UserError(`activation: ${path} does not say which activation its ${family} network has.`, {
      hint: 'Give --activation; asymmetric-networks and neuron-identifiability use gelu.',
    });
  }
  const layers = widths.length - 1;
  const asymmetric = family === 'w-asymmetric' || family === 'syre';
  const notes: string[] = [];
  const maskParams = asymmetric ? maskParamsOf(params, family, tensors, layers, path, notes) : undefined;
  return {
    model: {
      name: 'mlp_mnist',
      ...{ input_dim: widths[0], hidden_dim: hidden[0], output_dim: widths.at(-1), num_layers: layers },
      ...{ n_mul: 1, norm: norm === 'none' ? null : norm, elementwise_affine: elementwiseAffine },
      ...(activation !== undefined && { activation }),
      symmetry: families.indexOf(family),
      ...(maskParams && { mask_params: maskParams }),
    },
    notes,
  };
}

function maskParamsOf(
  { sigmaF }: Params,
  family: 'w-asymmetric' | 'syre',
  tensors: ReadonlyMap<string, LazyTensor>,
  layers: number,
  path: string,
  notes: string[],
): Record<string, unknown> {
  if (sigmaF && sigmaF.length !== 1 && sigmaF.length !== layers)
    throw new UserError(`sigmaF: ${sigmaF.length} numbers for ${layers} layers; give one, or one for each.`);
  const entries = Array.from({ length: layers }, (_, i) => {
    const given = sigmaF?.[sigmaF.length === 1 ? 0 : i];
    const masked = family === 'w-asymmetric' ? fixedEntries(tensors, i) : undefined;
    const sigma = given ?? masked?.sigma;
    if (sigma === undefined) {
      throw new UserError(`sigmaF: ${path} does not hold the fixed weight scale of lins.${i}.`, {
        hint: 'Give --sigma-f, as the config or script of the training run has it (mask_constant).',
      });
    }
    if (given === undefined)
      notes.push(`lins.${i}: fixed weight scale ${sigma}, read off the masked entries of its weight.`);
    return [`linear_mask_params_${i}`, { mask_constant: sigma, num_fixed: masked?.perRow ?? 0 }] as const;
  });
  const first = entries[0]![1];
  return {
    default: { ...first, mask_type: 'random_subsets', do_normal_mask: true },
    ...Object.fromEntries(entries),
  };
}

/**
 * asymmetric-networks writes mask_constant * normal_mask into the masked entries of `weight` at every forward pass, so
 * that their ratio is the scale. Undefined where the entries are no multiple of normal_mask.
 */
function fixedEntries(
  tensors: ReadonlyMap<string, LazyTensor>,
  layer: number,
): { sigma: number | undefined; perRow: number } {
  const read = (name: string): Float64Array => tensors.get(`lins.${layer}.${name}`)!.readFloat64();
  const [weight, mask, normal] = [read('weight'), read('mask'), read('normal_mask')];
  const rows = tensors.get(`lins.${layer}.weight`)!.shape[0]!;
  const places = [...mask.keys()].filter((k) => mask[k] === 0);
  const perRow = Math.floor(places.length / rows);
  const dot = places.reduce((sum, k) => sum + weight[k]! * normal[k]!, 0);
  const square = places.reduce((sum, k) => sum + normal[k]! ** 2, 0);
  const sigma = square === 0 ? 0 : Number((dot / square).toPrecision(6));
  const fits = places.every(
    (k) => Math.abs(weight[k]! - sigma * normal[k]!) <= 1e-5 * (1 + Math.abs(weight[k]!)),
  );
  return { sigma: fits ? sigma : undefined, perRow };
}
