/** Kind `adopt`: a run folder around weights that came without a config. */
import { readConfig, resolveChain, resolveModel } from '../../../src-shared/config.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { adoptJob } from '../../../src-shared/jobs/adopt.ts';
import type { ParamsOf, ResultOf } from '../../../src-shared/jobs/define.ts';
import { activationOf, normOf } from '../../../src-shared/model.ts';
import type { MlpSpec, ModelSpec } from '../../../src-shared/model.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { graphOf } from '../../../src-shared/networks/of-model.ts';
import type { LazyTensor } from '../../formats/tensor.ts';
import { usableState } from '../../compute/load-models.ts';
import type { Compute, ComputeContext } from '../../compute/context.ts';
import { assertDistinct, isBookkeeping, isCounter, nearestReading } from '../../formats/tensor-names.ts';
import { describe } from '../../compute/models/state-dict.ts';
import { modelOf } from './adopt-model.ts';
import {
  checkDerivedGroups,
  checkTensors,
  modelSection,
  openDeclaration,
  symmetryNotes,
} from './declared.ts';
import type { Declared } from './declared.ts';
import { refuseTaken } from '../../formats/out-folder.ts';
import { openWeights } from './state-dict-files.ts';
import type { Weights } from './state-dict-files.ts';
import { recogniseStateDict } from './state-dicts.ts';
import type { LayerFound, MlpFound } from './state-dicts.ts';
import { adoptExported } from './exported.ts';
import { alone, fileNotes, writeRun } from './write-run.ts';
import type { Source } from './write-run.ts';

type Params = ParamsOf<typeof adoptJob>;
type Result = ResultOf<typeof adoptJob>;

/** The folder is made only after every file was found to be usable. */
export const adopt: Compute<Params, Result> = (params, context) => {
  refuseTaken(params.directory);
  if (params.network !== undefined) return adoptExported(params, params.network, context);
  return params.architecture === undefined ? adoptTold(params, context) : adoptDeclared(params, context);
};

/** The architecture is told from names and shapes. */
async function adoptTold(params: Params, context: ComputeContext): Promise<Result> {
  const opened: { weights: Weights; found: MlpFound; path: string }[] = [];
  try {
    for (const path of params.paths) opened.push(openOne(path));
    const first = opened[0]!;
    for (const { found, path } of opened) assertAlike(shapeOf(found), shapeOf(first.found), path, first.path);
    const { model, notes } = modelOf(params, first.found, renamed(first), first.path);
    for (const other of opened.slice(1))
      assertAlike(
        modelOf(params, other.found, renamed(other), other.path).model,
        model,
        other.path,
        first.path,
      );
    const spec = resolveChain(readConfig({ model }, first.path), first.path);
    const sources = opened.map((one) => {
      const tensors = renamed(one);
      usableState(tensors, spec, alone(one.path));
      return { ...one, tensors, trainable: [...tensors.keys()].filter(isParameter) };
    });
    const names = opened.map(({ found }) => Object.fromEntries(found.names));
    const alike = names.every((each) => JSON.stringify(each) === JSON.stringify(names[0]));
    const about = { model, adopted_names: alike ? names[0] : names };
    const written = await writeRun(params, about, sources, context);
    return {
      ...{ ...written, architecture: describe(spec), layers: understood(spec, first.found.layers) },
      operations: [],
      notes: [...fileNotes(opened), ...wrapperNotes(opened), ...notes],
    };
  } finally {
    for (const { weights } of opened) weights.close();
  }
}

const shapeOf = ({ family, widths, norm, elementwiseAffine }: MlpFound): unknown => ({
  ...{ family, widths, norm, elementwiseAffine },
});

function assertAlike(other: unknown, first: unknown, path: string, firstPath: string): void {
  if (JSON.stringify(other) === JSON.stringify(first)) return;
  throw new UserError(`${path} has a different architecture than ${firstPath}; a run has only one.`);
}

/** A file declares the architecture. Weights keep their names; config.yaml says what they are to Basin. */
async function adoptDeclared(params: Params, context: ComputeContext): Promise<Result> {
  const where = params.architecture!;
  for (const field of ['activation', 'normPosition', 'sigmaF'] as const) {
    if (params[field] !== undefined)
      throw new UserError(`${field}: ${where} declares the architecture; remove --${kebab(field)}.`);
  }
  const declared = openDeclaration(where);
  const { network } = declared;
  const sources: Source[] = [];
  try {
    for (const path of params.paths) {
      const weights = openWeights(path);
      const tensors = declaredTensors(weights.tensors, declared, path);
      const trainable = [...tensors.keys()].filter(
        (name) => network.parameters.get(name)?.role === 'trained',
      );
      sources.push({ path, weights, tensors, trainable });
      checkTensors(declared, tensors, path, where);
    }
    for (const { tensors, path } of sources)
      checkDerivedGroups(declared, usableState(tensors, declared.spec, alone(path)), path);
    const model = modelSection(declared);
    const spec = resolveModel(readConfig({ model }, where), where);
    const written = await writeRun(params, { model }, sources, context);
    const { description } = declared.spec;
    const called = description === undefined ? '' : `${description}: `;
    return {
      ...{ ...written, architecture: `${called}${describe(spec)}` },
      ...(spec.architecture === 'mlp'
        ? { layers: understood(spec, chainModules(network)), operations: [] }
        : { layers: [], operations: operationRows(network) }),
      notes: [...fileNotes(sources), ...groupNotes(declared, spec)],
    };
  } finally {
    for (const { weights } of sources) weights.close();
  }
}

function groupNotes(declared: Declared, spec: ModelSpec): string[] {
  const { groups } = declared.symmetries;
  // Of a chain, analyses name the groups in the order of its hidden layers.
  const own = Object.values(graphOf(spec).groupNames);
  const names = groups.map(({ name }, i) => (spec.architecture === 'mlp' ? `${name} is ${own[i]}` : name));
  const count = groups.length === 1 ? '1 group leave' : `${groups.length} groups leave`;
  return [
    ...(groups.length > 0
      ? [`Random permutations of ${count} the logits unchanged: ${names.join(', ')}.`]
      : []),
    ...symmetryNotes(declared),
  ];
}

const isParameter = (name: string): boolean => /\.(weight|bias)$/.test(name);

const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** Under the names of the declaration: wrappers that it does not know are left off, and so are counters. */
function declaredTensors(
  stored: ReadonlyMap<string, LazyTensor>,
  { spec, network }: Declared,
  path: string,
): ReadonlyMap<string, LazyTensor> {
  const known = (name: string): boolean =>
    network.parameters.has(name) || (spec.ignored?.includes(name) ?? false);
  const { names } = nearestReading(stored.keys(), known);
  assertDistinct(names, path);
  const kept = [...names].filter(([, name]) => known(name) || !isBookkeeping(name));
  return new Map(kept.map(([inFile, name]) => [name, stored.get(inFile)!]));
}

/** Of a chain: the modules of each layer. */
function chainModules({ nodes }: Network): LayerFound[] {
  const layers: LayerFound[] = [];
  for (const { op, parameters } of nodes) {
    const tensor = parameters['weight'] ?? parameters['running_mean'] ?? parameters['bias'];
    const module = tensor?.name.replace(/\.[^.]*$/, '') ?? 'without tensors';
    if (op === 'linear') layers.push({ linear: module });
    else if (op === 'norm') layers.at(-1)!.norm = module;
  }
  return layers;
}

/** Of a network that is no chain: one row for each operation, from input to output. */
function operationRows({ nodes }: Network): Result['operations'] {
  return nodes.map(({ id, op, attributes, takes, parameters, shape }) => {
    const { kind } = attributes as { kind?: string };
    return {
      ...{ value: id, operation: kind === undefined || op === 'activation' ? (kind ?? op) : `${kind} ${op}` },
      ...{ takes: [...takes], size: shape[0]! },
      tensors: Object.values(parameters).flatMap(({ name }) => (isCounter(name) ? [] : [name])),
    };
  });
}

/** From input to output: each layer of the run and where it comes from. */
function understood(spec: MlpSpec, found: readonly LayerFound[]): Result['layers'] {
  const last = spec.layers.length - 1;
  const linears = graphOf(spec).nodes.filter(({ op }) => op === 'linear');
  return spec.layers.map((layer, i) => {
    const { linear, norm } = found[i]!;
    const kind = normOf(spec, layer);
    const gates = spec.family === 'sigma-asymmetric';
    return {
      ...{ layer: linears[i]!.id, from: linear, inputs: layer.inputs, outputs: layer.outputs },
      norm: i === last || kind === 'none' ? null : `${norm ?? ''} (${kind})`.trim(),
      activation: i === last ? null : gates ? `gates activations.${i}` : activationOf(spec, layer),
    };
  });
}

function wrapperNotes(opened: readonly { found: MlpFound }[]): string[] {
  const wrappers = [...new Set(opened.map(({ found }) => found.wrapper))].filter((text) => text !== '');
  if (wrappers.length === 0) return [];
  return [`Removed from the front of tensor names: ${wrappers.map((text) => `"${text}"`).join(', ')}.`];
}

function openOne(path: string): { weights: Weights; found: MlpFound; path: string } {
  const weights = openWeights(path);
  const found = recogniseStateDict(weights.tensors);
  if (found.kind === 'mlp') return { weights, found, path };
  weights.close();
  throw new UserError(`${path}: ${weights.form}: ${found.reason}.`, found.hint ? { hint: found.hint } : {});
}

/** In the order of the layers, under Basin's names. */
function renamed({ weights, found }: { weights: Weights; found: MlpFound }): Map<string, LazyTensor> {
  return new Map([...found.names].map(([name, own]) => [own, weights.tensors.get(name)!]));
}
