/**
 * What network a state dict is of, told from the names and shapes of its tensors alone. The order in which a file lists
 * them says nothing: writers sort, converters shuffle.
 */
import type { Family } from '../../../src-shared/domain.ts';
import { messageOf, UserError } from '../../../src-shared/errors.ts';
import type { MlpSpec } from '../../../src-shared/model.ts';
import { mlpGraph } from '../../../src-shared/networks/mlp.ts';
import { usualEpsilon } from '../../../src-shared/networks/operations/norm.ts';
import { isBookkeeping, isCounter, unwrapped } from '../../formats/tensor-names.ts';
import { checkedPlaces } from '../../compute/models/state-dict.ts';
import { declareHint, foreignModule, refusal } from './foreign.ts';
import type { Entry, Refusal, TensorFacts } from './foreign.ts';
import { fieldOf, moduleOf, modulesOf } from './modules.ts';
import { orderOf } from './order.ts';
import { placesOf } from './places.ts';
import type { Layer } from './places.ts';

export type { TensorFacts } from './foreign.ts';
export type OtherFound = Refusal;

/** A layer as the file names its modules. */
export interface LayerFound {
  linear: string;
  norm?: string;
}

export interface MlpFound {
  kind: 'mlp';
  family: Family;
  /** From input to output. */
  widths: number[];
  norm: 'layer' | 'batch' | 'none';
  elementwiseAffine: boolean;
  /** Name in the file -> name as Basin and neuron-identifiability have it; counters and the like are left out. */
  names: Map<string, string>;
  /** From input to output. */
  layers: LayerFound[];
  /** What stood before every name and was left off, such as `module.`. */
  wrapper: string;
  /** False: by their names the norms may stand before the activation or behind it. */
  normsTold: boolean;
  /** What was taken for granted. */
  notes: string[];
}

/** Names of neuron-identifiability and asymmetric-networks (lmc/models): they share them. */
const ownNames =
  /^(?:lins\.\d+\.(?:weight|bias|mask|normal_mask|noise)|norms\.\d+\.(?:weight|bias|running_mean|running_var|num_batches_tracked|scale|inv_std)|activations\.\d+\.C)$/;

type Bare = ReadonlyMap<string, Entry>;

/** An MLP that Basin can compute with, or what it is instead and what to do. */
export function recogniseStateDict(tensors: ReadonlyMap<string, TensorFacts>): MlpFound | OtherFound {
  try {
    const reading = unwrapped(tensors.keys(), 'the state dict');
    const entries = [...reading.names].map(
      ([name, bare]) => [bare, { name, facts: tensors.get(name)! }] as const,
    );
    const bare = new Map(entries);
    const fixed = [...bare.keys()].find((name) => /\.(?:weight|bias)\.[FD]$/.test(name));
    if (fixed !== undefined) return heldFixed(fixed);
    const own = withOwnNames(bare);
    const found = own ? ownMlp(own) : plainMlp(bare, reading.wrapper !== '');
    if (found.kind === 'other') return found;
    return checked({ ...found, wrapper: reading.wrapper }, tensors);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { kind: 'other', reason: sentence(messageOf(error)), ...(error.hint && { hint: error.hint }) };
  }
}

/** What F and D do is in no tensor: the scale, for one. */
const heldFixed = (name: string): OtherFound => ({
  kind: 'other',
  reason: `it holds "${name}", the fixed part of a network of model.family, and only its config.yaml says how it acts`,
  hint: 'Import the run folder, with its config.yaml; or adopt the plain form that "basin run merge" writes.',
});

const sentence = (message: string): string => message.replace(/^the state dict: /, '').replace(/\.$/, '');

/**
 * Names and shapes as any later job will check them; the names in the order of the layers.
 * @throws UserError if something is missing or left over
 */
function checked(found: MlpFound, tensors: ReadonlyMap<string, TensorFacts>): MlpFound {
  const inFile = new Map([...found.names].map(([name, own]) => [own, name]));
  const spec = specOf(found);
  const places = checkedPlaces(
    new Map([...inFile].map(([own, name]) => [own, tensors.get(name)!])),
    spec,
    'the state dict',
  );
  const ordered = mlpGraph(spec).parameters.filter(({ name }) => places.has(name));
  return { ...found, names: new Map(ordered.map(({ name }) => [inFile.get(name)!, name])) };
}

/** Without what no file holds: the activation, sigma_F and the number of fixed entries. */
function specOf({ family, widths, norm, elementwiseAffine }: MlpFound): MlpSpec {
  const layers = widths.slice(1).map((outputs, index) => ({
    ...{ index, inputs: widths[index]!, outputs, sigmaF: 0, numFixed: 0, normalMask: true },
  }));
  return {
    ...{ architecture: 'mlp', family, layers, norm, elementwiseAffine },
    ...{ activation: 'relu', asymInitOnly: false },
  };
}

/** The tensors by the reference's own names, whatever module holds them; undefined if some have no such name. */
function withOwnNames(bare: Bare): Bare | undefined {
  let names = [...bare.keys()].filter((name) => !isBookkeeping(name) || ownNames.test(name));
  let cut = 0;
  while (!names.every((name) => ownNames.test(name))) {
    const dot = names[0]!.indexOf('.');
    const head = names[0]!.slice(0, dot + 1);
    if (dot < 0 || !names.every((name) => name.startsWith(head))) return undefined;
    names = names.map((name) => name.slice(head.length));
    cut += head.length;
  }
  const kept = [...bare].filter(([name]) => ownNames.test(name.slice(cut)));
  const own = new Map(kept.map(([name, entry]) => [name.slice(cut), entry]));
  const linears = [...own.keys()].filter((name) => /^lins\.\d+\.weight$/.test(name)).length;
  const numbered = Array.from({ length: linears }, (_, i) => own.has(`lins.${i}.weight`)).every(Boolean);
  // Numbers with gaps are those of a Sequential that happens to be called so.
  return linears > 0 && numbered ? own : undefined;
}

function ownMlp(own: Bare): MlpFound | OtherFound {
  const foreign = foreignModule(own);
  if (foreign) return foreign;
  const has = (name: string): boolean => own.has(name);
  const count = [...own.keys()].filter((name) => /^lins\.\d+\.weight$/.test(name)).length;
  const shapes = Array.from({ length: count }, (_, i) => own.get(`lins.${i}.weight`)!.facts.shape);
  const widths = chain(shapes);
  if (!widths) return refusal('layers lins.0, lins.1, ... whose shapes do not fit one after the other');
  const family: Family = has('lins.0.normal_mask')
    ? 'w-asymmetric'
    : has('lins.0.noise')
      ? 'syre'
      : has('activations.0.C')
        ? 'sigma-asymmetric'
        : 'standard';
  // Only the standard network can be declared otherwise: its layers are looked at one by one.
  if (family === 'standard') {
    const modules = modulesOf(new Map([...own].filter(([name]) => !/\.(?:scale|inv_std)$/.test(name))));
    if ('kind' in modules) return modules;
  }
  if (has('norms.0.scale') || has('norms.0.inv_std'))
    return refusal('an MLP with linearised norms, whose kind only its config.yaml records');
  const norm = has('norms.0.running_mean') ? 'batch' : has('norms.0.weight') ? 'layer' : 'none';
  const inFile = (module: string): string => moduleOf(own.get(`${module}.weight`)?.name ?? module);
  const layers = shapes.map((_, i): LayerFound => {
    const linear = inFile(`lins.${i}`);
    return norm === 'none' || i === count - 1
      ? { linear }
      : { linear, norm: has(`norms.${i}.weight`) ? inFile(`norms.${i}`) : `norms.${i}` };
  });
  return {
    ...{ kind: 'mlp', family, widths, norm, elementwiseAffine: has('norms.0.weight') || norm === 'none' },
    names: new Map([...own].map(([name, entry]) => [entry.name, name])),
    ...{ layers, wrapper: '', normsTold: true, notes: [] },
  };
}

/** [outputs, inputs] of each layer -> widths, or undefined if they do not follow one another. */
function chain(shapes: readonly (readonly number[])[]): number[] | undefined {
  const widths: number[] = [];
  for (const shape of shapes) {
    if (shape.length !== 2) return undefined;
    const [outputs, inputs] = shape as [number, number];
    if (widths.length > 0 && widths.at(-1) !== inputs) return undefined;
    if (widths.length === 0) widths.push(inputs);
    widths.push(outputs);
  }
  return widths;
}

/** Linear layers under any names, perhaps with a norm behind each but the last. */
function plainMlp(bare: Bare, wrapped: boolean): MlpFound | OtherFound {
  const modules = modulesOf(bare);
  if ('kind' in modules) return modules;
  const { linears, norms } = modules;
  if (linears.length === 0) return refusal('no linear layer among its tensors');
  const ordered = orderOf(linears);
  if (ordered.kind === 'none') return refusal(ordered.reason, declareHint);
  if (ordered.kind === 'several') {
    const [one, other] = ordered.orders.map((order) => order.map(({ path }) => path).join(', '));
    return refusal(
      `layers whose order neither names nor shapes determine: ${one} fits as well as ${other}`,
      declareHint,
    );
  }
  const places = placesOf(ordered.order, norms, wrapped);
  if ('kind' in places) return places;
  const { layers, normsTold, notes } = places;
  const [norm] = norms;
  const first = layers[0]!.linear;
  const named = layers.map((layer): LayerFound => {
    const { linear, norm: behind } = layer;
    return { linear: linear.path, ...(behind && { norm: behind.path }) };
  });
  return {
    ...{
      kind: 'mlp',
      family: 'standard',
      norm: norm?.kind ?? 'none',
      elementwiseAffine: norm?.affine ?? true,
    },
    widths: [first.inputs, ...layers.map(({ linear }) => linear.outputs)],
    names: namesOf(bare, layers),
    ...{ layers: named, wrapper: '', normsTold, notes: [...notes, ...doubts(norm?.kind)] },
  };
}

function namesOf(bare: Bare, layers: readonly Layer[]): Map<string, string> {
  const own = new Map(
    layers.flatMap(({ linear, norm }, i) => [
      [linear.path, `lins.${i}`] as const,
      ...(norm ? [[norm.path, `norms.${i}`] as const] : []),
    ]),
  );
  const names = new Map<string, string>();
  for (const [name, entry] of bare) {
    const module = own.get(moduleOf(name));
    if (isBookkeeping(name) && !(isCounter(name) && module?.startsWith('norms.'))) continue;
    names.set(entry.name, `${module!}.${fieldOf(name)}`);
  }
  return names;
}

/** What looks the same in a file. */
function doubts(norm: 'layer' | 'batch' | undefined): string[] {
  if (norm === undefined) return [];
  const epsilon = `Norms are assumed to have eps = ${usualEpsilon.toExponential()}, which files do not record.`;
  if (norm === 'batch') return [epsilon];
  const kind =
    'Norms without running statistics are assumed to be LayerNorm; a GroupNorm, or a BatchNorm with track_running_stats=False, has the same tensors.';
  return [kind, epsilon];
}
