/** From the tensors of a checkpoint file to a checked state dict. */
import { UserError } from '../../../src-shared/errors.ts';
import { activationOf, gnnWidths, isMixed, normOf, resnetName } from '../../../src-shared/model.ts';
import type { LayerSpec, ModelSpec } from '../../../src-shared/model.ts';
import { didYouMean } from '../../../src-shared/near-miss.ts';
import type { Parameter } from '../../../src-shared/networks/graph.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { graphOf } from '../../../src-shared/networks/of-model.ts';
import { unpackNumbers } from '../../../src-shared/networks/packed.ts';
import { countedOperations } from '../../../src-shared/networks/summary.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';
import { networkDifference } from '../networks/difference.ts';
import { isExported, readParameters } from '../networks/parameters.ts';
import { assertDistinct, isBookkeeping, isCounter, nearestReading } from '../../formats/tensor-names.ts';
import type { HostTensor, StateDict } from './tensors.ts';

/** A stored tensor that is read when asked; `LazyTensor` of the formats layer is one. */
export interface ReadableTensor {
  readonly shape: readonly number[];
  readFloat32(): Float32Array;
}

/**
 * Reads every tensor the architecture needs, after checking names and shapes of all of them. Wrappers (`module.`,
 * `_orig_mod.`, `model.`, `net.`) before the names are left off; counters that training keeps are passed over.
 * @param file named in messages
 * @throws UserError naming file, tensor, expected and found shape; or a tensor that is missing or has no place
 */
export function stateDictFromCheckpoint(
  tensors: ReadonlyMap<string, ReadableTensor>,
  spec: ModelSpec,
  file: string,
): StateDict {
  const stored = checkedPlaces(tensors, spec, file);
  requireTied(tensors, spec, file);
  const state: StateDict = new Map();
  for (const { name, shape, constant, packed } of graphOf(spec).parameters) {
    const found = stored.get(name);
    if (packed !== undefined) state.set(name, { shape, data: unpackedTensor(packed, name, shape) });
    else if (found) state.set(name, { shape, data: found.readFloat32() });
    else if (constant !== undefined)
      state.set(name, { shape, data: new Float32Array(sizeOf(shape)).fill(constant) });
  }
  return state;
}

/** Of a tensor that is part of the network. */
export function unpackedTensor(packed: string, name: string, shape: readonly number[]): Float32Array {
  const data = unpackNumbers(packed, `"${name}"`);
  if (data.length === sizeOf(shape)) return data;
  throw new UserError(
    `"${name}" has ${data.length} numbers packed in the network; ${sizeOf(shape)} were expected.`,
  );
}

/** Keys of the state dict that are the same tensor as another: key -> the one that the graph names. */
const tiedTo = (spec: ModelSpec): Readonly<Record<string, string>> =>
  spec.architecture === 'declared' ? (spec.exported?.tied ?? {}) : {};

/** Two keys of one tensor must say the same. @throws UserError naming both */
function requireTied(tensors: ReadonlyMap<string, ReadableTensor>, spec: ModelSpec, file: string): void {
  const tied = tiedTo(spec);
  for (const [name, other] of Object.entries(tied)) {
    const [own, same] = [tensors.get(name), tensors.get(other)];
    if (!own || !same) continue;
    const values = same.readFloat32();
    if (own.readFloat32().every((value, i) => Object.is(value, values[i]))) continue;
    throw new UserError(`${file}: "${name}" and "${other}" differ; the network has them as one tensor.`, {
      hint: 'Export the network without tying these weights.',
    });
  }
}

/** The same tensors under every key that the state dict of the network has for them. */
export function withTied<T>(tensors: ReadonlyMap<string, T>, spec: ModelSpec): Map<string, T> {
  const tied = tiedTo(spec);
  const all = new Map(tensors);
  for (const [name, other] of Object.entries(tied)) if (all.has(other)) all.set(name, all.get(other)!);
  return all;
}

/**
 * The tensors of a file that the architecture has a place for, under Basin's names, once every name and shape was
 * compared; nothing is read. @throws UserError as stateDictFromCheckpoint
 */
export function checkedPlaces<T extends { readonly shape: readonly number[] }>(
  tensors: ReadonlyMap<string, T>,
  spec: ModelSpec,
  file: string,
): Map<string, T> {
  const { parameters } = graphOf(spec);
  const stored = withOwnNames(tensors, spec, file);
  const names = new Set(parameters.map(({ name }) => name));
  for (const name of stored.keys()) {
    if (names.has(name)) continue;
    if (isBookkeeping(name)) {
      stored.delete(name);
      continue;
    }
    throw new UserError(
      `${file}: tensor "${name}" does not belong to ${describe(spec)}.${didYouMean(name, names)}`,
      {
        hint: 'Is this the config.yaml of the run that the checkpoint belongs to?',
      },
    );
  }
  for (const { name, shape, constant, packed } of parameters) {
    const found = stored.get(name);
    if (isCounter(name)) {
      // A count of batches, which some tools keep in one axis; where it is no single number it says nothing.
      if (found && sizeOf(found.shape) !== 1) stored.delete(name);
      continue;
    }
    if (packed !== undefined || (!found && constant !== undefined)) continue;
    if (!found)
      throw new UserError(
        `${file}: tensor "${spec.fileNames?.[name] ?? name}" is missing; ${describe(spec)} needs it.`,
      );
    if (found.shape.join() !== shape.join()) {
      throw new UserError(
        `${file}: tensor "${name}" has shape [${found.shape.join(', ')}]; [${shape.join(', ')}] was expected for ${describe(spec)}.`,
      );
    }
  }
  return stored;
}

/**
 * Names in the file -> Basin's names. Files of a user's architecture have their own (those that Basin writes may not).
 * Wrappers are left off only if that brings the names nearer to those expected.
 * @throws UserError if two tensors would have one name
 */
export function ownNamesOf(stored: Iterable<string>, spec: ModelSpec, file: string): Map<string, string> {
  const { fileNames, ignored } = spec;
  const own = new Map(Object.entries(fileNames ?? {}).map(([name, inFile]) => [inFile, name]));
  const ownName = (name: string): string => own.get(name) ?? tiedTo(spec)[name] ?? name;
  const expected = new Set(graphOf(spec).parameters.map(({ name }) => name));
  const reading = nearestReading(stored, (name) => expected.has(ownName(name)));
  const tied = tiedTo(spec);
  const stands = new Set([...reading.names.values()]);
  // Of two keys of one tensor one is enough, whichever it is.
  const isSpare = (name: string): boolean => tied[name] !== undefined && stands.has(tied[name]);
  const kept = [...reading.names].filter(
    ([inFile, name]) => ![inFile, name].some((each) => ignored?.includes(each)) && !isSpare(name),
  );
  const names = new Map(kept.map(([inFile, name]) => [inFile, ownName(name)]));
  assertDistinct(names, file);
  return names;
}

function withOwnNames<T>(tensors: ReadonlyMap<string, T>, spec: ModelSpec, file: string): Map<string, T> {
  const names = ownNamesOf(tensors.keys(), spec, file);
  return new Map([...names].map(([inFile, name]) => [name, tensors.get(inFile)!]));
}

/** `a w-asymmetric MLP 784-64-64-64-10 (norm layer)`, `a declared network of 3 linear layers, 1 sum`. */
export function describe(spec: ModelSpec): string {
  if (spec.architecture === 'declared')
    return `a ${spec.exported ? 'network exported from PyTorch' : 'declared network'} ${countedOperations(spec.graph)}`;
  if (spec.architecture === 'resnet') {
    const { family, norm, input, classes } = spec;
    return `a ${family} ${resnetName(spec)} of ${input.join(' x ')} images and ${classes} classes (norm ${norm})`;
  }
  if (spec.architecture === 'gnn') return `a ${spec.family} graph network ${gnnWidths(spec).join('-')}`;
  const sizes = [spec.layers[0]!.inputs, ...spec.layers.map((layer) => layer.outputs)].join('-');
  if (!isMixed(spec)) return `a ${spec.family} MLP ${sizes} (norm ${spec.norm})`;
  const hidden = spec.layers.slice(0, -1);
  const each = (of: (layer: LayerSpec) => string): string => hidden.map(of).join(', ');
  return `a ${spec.family} MLP ${sizes} (norms ${each((l) => normOf(spec, l))}; activations ${each((l) => activationOf(spec, l))})`;
}

/** The tensor of that name. @throws Error where the state dict was not checked against this architecture. */
export function tensorOf(state: StateDict, name: string): HostTensor {
  const tensor = state.get(name);
  if (!tensor) throw new Error(`state dict without ${name}`);
  return tensor;
}

/** A model to be compared with another: what it is, what it holds, how messages name it. */
export interface Model {
  spec: ModelSpec;
  state: StateDict;
  name: string;
}

/**
 * Why two models cannot be compared weight by weight, or undefined if they can: they need the same architecture and,
 * bit for bit, the same fixed part.
 */
function differenceOf(a: Model, b: Model): string | undefined {
  const network = readNetwork(graphOf(a.spec));
  const other = readNetwork(graphOf(b.spec));
  const difference = networkDifference(network, other) ?? fixedDifference(network, other);
  if (difference !== undefined)
    return `architectures differ: ${describe(a.spec)} and ${describe(b.spec)}; ${difference}`;
  for (const name of givenTensors(network)) {
    const left = tensorOf(a.state, name).data;
    const right = tensorOf(b.state, name).data;
    if (!left.every((value, i) => value === right[i])) return `the fixed tensor "${name}" differs`;
  }
  return undefined;
}

/** @throws UserError naming both models and what differs */
export function assertSameFixedPart(a: Model, b: Model): void {
  const difference = differenceOf(a, b);
  if (difference === undefined) return;
  throw new UserError(`${a.name} and ${b.name} cannot be compared: ${difference}.`, {
    hint: 'Models of one run share their fixed weights; choose two models of the same run (same mask_seed).',
  });
}

/** Fixed tensors that all models of a run share. Not the expected variances of norms, which PyTorch's models own. */
function givenTensors(network: Network): string[] {
  const { nodes, parameters } = network;
  const exported = isExported(network);
  const read = new Set(readParameters(network).map(({ name }) => name));
  const norms = nodes.filter(({ op }) => op === 'norm');
  const ofNorms = new Set(norms.flatMap((node) => Object.values(node.parameters)));
  return [...parameters.values()].flatMap((parameter) => {
    const given = parameter.role === 'fixed' && parameter.constant === undefined;
    // Of an exported network: what the function does not depend on may differ.
    if (exported && !read.has(parameter.name)) return [];
    return given && !ofNorms.has(parameter) ? [parameter.name] : [];
  });
}

/** Of two networks with the same nodes: the first weight whose fixed part is set otherwise. */
function fixedDifference(a: Network, b: Network): string | undefined {
  const others = new Map(readParameters(b).map((parameter) => [parameter.name, parameter]));
  for (const parameter of readParameters(a)) {
    const settings = fixedSettings(a, parameter);
    for (const [i, [name, value]] of fixedSettings(b, others.get(parameter.name)).entries()) {
      const own = settings[i]![1];
      if (own !== value)
        return `${name} of ${parameter.node.id} is ${own ?? 'not set'} and ${value ?? 'not set'}`;
    }
  }
  return undefined;
}

const heldSettings = ({ count, scale, seed }: NonNullable<Parameter['held']>): string =>
  `${count} entries of a row (sigma_F ${scale}, mask_seed ${seed ?? 'not recorded'})`;

function fixedSettings(
  { parameters }: Network,
  of?: Parameter,
): [name: string, value: number | string | undefined][] {
  const { mask, fixed } = of?.family ?? {};
  const zeros = parameters.get(mask ?? '')?.initial;
  const isIdentity = parameters.get(fixed?.tensor ?? '')?.initial?.kind === 'identity';
  return [
    [isIdentity ? 'alpha' : 'sigma_F', fixed?.scale],
    ['num_fixed', zeros?.kind === 'mask' ? zeros.zeros : undefined],
    ['F', fixed?.tensor],
    ['D', mask],
    ['what is fixed', of?.held && heldSettings(of.held)],
  ];
}
