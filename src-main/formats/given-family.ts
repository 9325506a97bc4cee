/** F and D of a person's own: the file that `model.family.file` names, read, checked and recorded in the config. */
import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { exportedName } from '../../src-shared/config/exported.ts';
import { isGnn } from '../../src-shared/config/gnn.ts';
import { isResnet } from '../../src-shared/config/resnet.ts';
import { resolveChain } from '../../src-shared/config/resolve.ts';
import type { RunConfig } from '../../src-shared/config/schema.ts';
import { UserError } from '../../src-shared/errors.ts';
import { didYouMean } from '../../src-shared/near-miss.ts';
import type { GivenPart } from '../../src-shared/networks/families.ts';
import { linearName } from '../../src-shared/networks/mlp-names.ts';
import { graphOf } from '../../src-shared/networks/of-model.ts';
import { decodeNpy, readNpy } from './npy.ts';
import { openSafetensors } from './safetensors.ts';
import { openSource } from './source.ts';
import { inMemory } from './tensor.ts';
import type { LazyTensor } from './tensor.ts';
import { openZip } from './torch/zip.ts';
import { typedPath } from './typed-path.ts';

interface GivenTensor {
  shape: readonly number[];
  data: Float32Array;
}

/** By name: that of the weight or bias, with `.F` or `.D`. */
export type GivenTensors = ReadonlyMap<string, GivenTensor>;

/** As messages name it. */
const example = `${linearName(0)}.weight`;

/** Residual and graph networks, which have no such family, are refused where they are resolved. */
const isGiven = ({ model }: RunConfig): boolean =>
  model?.family?.name === 'given' && !isResnet(model) && !isGnn(model) && model.name !== exportedName;

/**
 * The config with an absolute path, the hash and the parts of the file of `model.family`, unless they are recorded.
 * Other configs come back as they are.
 * @param where the config, for messages
 * @throws UserError naming file and tensor: one that is missing, has no place in the network, another shape, a D that is
 * not 0 and 1, or an F that is not finite
 */
export function withGivenFamily(config: RunConfig, where = 'config'): RunConfig {
  const family = config.model?.family;
  if (!isGiven(config) || family?.file == null || (family.sha256 != null && family.parts != null))
    return config;
  const file = typedPath(family.file);
  const tensors = readTensors(file);
  const parts = partsOf(tensors, file);
  const recorded = { ...family, file, sha256: hashOf(tensors), parts: parts.map((part) => ({ ...part })) };
  const whole = { ...config, model: { ...config.model, family: recorded } };
  checkShapes(whole, tensors, file, where);
  return whole;
}

/**
 * F and D of a config that names a file of them; undefined for other configs.
 * @throws UserError if the file is gone, or holds something else than what is recorded
 */
export function givenTensors(config: RunConfig, where = 'config'): GivenTensors | undefined {
  const family = config.model?.family;
  if (!isGiven(config)) return undefined;
  if (family?.file == null)
    throw new UserError(`${where}: model.family.file is missing; new models cannot be made without F and D.`);
  const file = typedPath(family.file);
  const tensors = readTensors(file);
  if (hashOf(tensors) !== family.sha256)
    throw new UserError(`${file}: its contents are not those that ${where} records (model.family.sha256).`, {
      hint: 'Take model.family.sha256 and model.family.parts out to use the file as it is now.',
    });
  checkShapes(config, tensors, file, where);
  return tensors;
}

/** Every tensor of the file, float32. */
function readTensors(path: string): GivenTensors {
  const tensors = new Map([...openTensors(path)].map(([name, { shape, data }]) => [name, { shape, data }]));
  if (tensors.size > 0) return tensors;
  throw new UserError(
    `${path}: it holds no tensor; F or D of some weight or bias were expected, such as ${example}.F.`,
  );
}

function openTensors(path: string): Map<string, GivenTensor> {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found)
    throw new UserError(`${path}: there is no such file (model.family.file).`, {
      hint: `Name a .safetensors or .npz file, or a folder of .npy files, with tensors such as ${example}.F.`,
    });
  if (found.isDirectory()) return fromFolder(path);
  if (path.endsWith('.npz')) return fromNpz(path);
  if (path.endsWith('.safetensors')) return fromSafetensors(path);
  throw new UserError(`${path}: a .safetensors or .npz file, or a folder of .npy files, was expected.`, {
    hint: 'In Python: safetensors.numpy.save_file(tensors, "f.safetensors"), or numpy.savez("f.npz", **tensors).',
  });
}

const read = (tensor: LazyTensor): GivenTensor => ({ shape: tensor.shape, data: tensor.readFloat32() });

function fromFolder(folder: string): Map<string, GivenTensor> {
  const names = readdirSync(folder).filter((name) => name.endsWith('.npy'));
  return new Map(
    names.map((name) => [name.slice(0, -'.npy'.length), read(inMemory(readNpy(join(folder, name))))]),
  );
}

function fromNpz(path: string): Map<string, GivenTensor> {
  const source = openSource(path);
  try {
    const archive = openZip(source);
    return new Map(
      [...archive.entries.values()].map((entry) => {
        const array = decodeNpy(archive.read(entry), `${path}: ${entry.name}`);
        return [entry.name.replace(/\.npy$/, ''), read(inMemory(array))];
      }),
    );
  } finally {
    source.close();
  }
}

function fromSafetensors(path: string): Map<string, GivenTensor> {
  const file = openSafetensors(path);
  try {
    return new Map([...file.tensors].map(([name, tensor]) => [name, read(tensor)]));
  } finally {
    file.close();
  }
}

/** Of names, shapes and numbers: the same contents have it in every format. */
function hashOf(tensors: GivenTensors): string {
  const hash = createHash('sha256');
  for (const [name, { shape, data }] of [...tensors].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${JSON.stringify([name, shape])}\n`);
    hash.update(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest('hex');
}

function partsOf(tensors: GivenTensors, path: string): GivenPart[] {
  const byParameter = new Map<string, { F?: GivenTensor; D?: GivenTensor }>();
  for (const [name, tensor] of tensors) {
    const [, parameter, kind] = /^(.+)\.([FD])$/.exec(name) ?? [];
    if (parameter === undefined)
      throw new UserError(
        `${path}: "${name}" is neither an F nor a D; names such as ${example}.F and ${example}.D were expected.`,
      );
    checkNumbers(tensor, kind as 'F' | 'D', `${path}: "${name}"`);
    byParameter.set(parameter, { ...byParameter.get(parameter), [kind as 'F' | 'D']: tensor });
  }
  return [...byParameter]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([parameter, { F, D }]): GivenPart => {
      const size = (F ?? D)!.data.length;
      const entries = Array.from({ length: size }, (_, i) => i);
      return {
        parameter,
        tensors: [...(F ? (['F'] as const) : []), ...(D ? (['D'] as const) : [])],
        zeros: entries.filter((i) => D?.data[i] === 0).length,
        fixed: entries.filter((i) => D?.data[i] === 0 || (F !== undefined && F.data[i] !== 0)).length,
      };
    });
}

function checkNumbers({ data }: GivenTensor, kind: 'F' | 'D', name: string): void {
  const fits = (value: number): boolean =>
    kind === 'D' ? value === 0 || value === 1 : Number.isFinite(value);
  const at = data.findIndex((value) => !fits(value));
  if (at < 0) return;
  const expected = kind === 'D' ? '0 (fixed) or 1 (trained)' : 'a finite number';
  throw new UserError(`${name}: entry ${at} is ${data[at]}; ${expected} was expected.`);
}

/** @throws UserError for a tensor that does not fit the network of the config */
function checkShapes(config: RunConfig, tensors: GivenTensors, path: string, where: string): void {
  const { model } = config;
  const plain = { ...config, model: { ...model, family: null, symmetry: 0 as const } };
  const { nodes, parameters } = graphOf(resolveChain(plain, where));
  const linear = nodes.filter(({ op }) => op === 'linear');
  const names = new Set(linear.flatMap((node) => Object.values(node.parameters ?? {})));
  const shapes = new Map(
    parameters.filter(({ name }) => names.has(name)).map(({ name, shape }) => [name, shape]),
  );
  for (const [name, { shape }] of tensors) {
    const parameter = name.slice(0, -2);
    const expected = shapes.get(parameter);
    if (!expected)
      throw new UserError(
        `${path}: "${name}" belongs to no weight or bias of the network (${[...shapes.keys()].join(', ')}).${didYouMean(parameter, [...shapes.keys()])}`,
      );
    if (expected.join() === shape.join()) continue;
    throw new UserError(
      `${path}: "${name}" has the shape [${shape.join(', ')}]; "${parameter}" has [${expected.join(', ')}].`,
    );
  }
}
