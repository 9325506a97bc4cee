/** Weights of a user's own architecture: checked against its declaration, permutations included, before anything else. */
import type { Architecture, PermutationGroup } from '../../../src-shared/architecture.ts';
import { readArchitecture } from '../../../src-shared/architecture.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { MlpSpec } from '../../../src-shared/model.ts';
import { mlpGraph } from '../../../src-shared/networks/mlp.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import type { PermutationGroup as DerivedGroup } from '../../../src-shared/networks/symmetries.ts';
import { didYouMean } from '../../../src-shared/near-miss.ts';
import { readYaml } from '../../formats/yaml.ts';
import type { StateDict } from '../models/network.ts';
import { checkGroups, symmetryTolerance } from '../networks/check-symmetries.ts';
import { actingArrays } from '../networks/effective.ts';
import { inDoubles } from '../networks/permute.ts';

/** @throws UserError naming the file and the field */
export function openArchitecture(path: string): Architecture {
  return readArchitecture(readYaml(path), path);
}

/** The section `model` of a config.yaml. Plain where every hidden layer is alike, so that the published scripts read it. */
export function modelSection(architecture: Architecture): Record<string, unknown> {
  const { blocks, tensors, constants, ignore } = architecture;
  const hidden = blocks.slice(0, -1).map(({ linear, norm, activation }) => ({
    outputs: linear.shape[0],
    norm: norm?.kind ?? null,
    activation: activation ?? 'identity',
  }));
  const [first] = hidden;
  const alike = hidden.every((layer) => JSON.stringify(layer) === JSON.stringify(first));
  const outputs = blocks.at(-1)!.linear.shape[0];
  const parameterNames = Object.fromEntries([...tensors].map(([name, { own }]) => [own, name]));
  return {
    ...{ name: alike ? 'mlp_mnist' : 'mlp_chain', symmetry: 0 },
    ...{ input_dim: blocks[0]!.linear.shape[1], output_dim: outputs, num_layers: blocks.length },
    ...(alike
      ? {
          hidden_dim: first!.outputs,
          norm: first!.norm,
          activation: first!.activation,
          elementwise_affine: true,
        }
      : { layers: [...hidden, { outputs }] }),
    parameter_names: parameterNames,
    ...(constants.size > 0 && { constants: Object.fromEntries(constants) }),
    ...(ignore.length > 0 && { ignored_tensors: ignore }),
  };
}

/** @throws UserError naming the first tensor that is missing, has another shape, or is not declared */
export function checkTensors(
  architecture: Architecture,
  stored: ReadonlyMap<string, { readonly shape: readonly number[] }>,
  path: string,
  where: string,
): void {
  for (const [name, { shape }] of architecture.tensors) {
    const found = stored.get(name);
    if (!found)
      throw new UserError(
        `${path}: there is no tensor "${name}", which ${where} declares.${didYouMean(name, [...stored.keys()])}`,
      );
    if (JSON.stringify(found.shape) !== JSON.stringify(shape))
      throw new UserError(
        `${path}: tensor "${name}" has shape [${found.shape.join(', ')}]; ${where} declares [${shape.join(', ')}].`,
      );
  }
  const extra = [...stored.keys()].filter(
    (name) => !architecture.tensors.has(name) && !architecture.ignore.includes(name),
  );
  if (extra.length === 0) return;
  throw new UserError(
    `${path}: tensor "${extra[0]}"${extra.length > 1 ? ` (and ${extra.length - 1} more)` : ''} is not declared in ${where}.`,
    { hint: 'Declare it in a layer, or list it under "ignore" if the function does not depend on it.' },
  );
}

/**
 * Permutes the neurons of every group at random and compares logits; then makes sure that the groups are those of the
 * hidden layers, each once.
 * @returns for each hidden layer the name of its group
 * @throws UserError naming the group
 */
export function checkDeclaredGroups(
  architecture: Architecture,
  spec: MlpSpec,
  state: StateDict,
  where: string,
): string[] {
  const network = readNetwork(mlpGraph(spec), where);
  const natural = symmetriesOf(network).groups;
  const groups = architecture.groups.map((group) => ({ group, axes: axesOf(group, architecture) }));
  const arrays = inDoubles(actingArrays(network, state));
  for (const { group, axes } of groups) {
    const [check] = checkGroups(network, arrays, [declaredGroup(group, axes, architecture)]);
    if (check!.ok) continue;
    throw new UserError(
      `${where}: permutations.${group.name}: permuting it changes the logits by up to ${check!.maxRelativeChange.toPrecision(3)}; at most ${symmetryTolerance} of the largest was expected.`,
      { hint: differenceFrom(natural, axes, architecture) },
    );
  }
  return natural.map((derived, layer) => {
    const wanted = naturalAxes(derived, architecture);
    const found = groups.filter(({ axes }) => sameAxes(axes, wanted));
    if (found.length === 1) return found[0]!.group.name;
    const behind = architecture.blocks[layer]!.linear.weight;
    throw new UserError(
      `${where}: permutations: ${found.length === 0 ? 'no group permutes' : `${found.length} groups permute`} the outputs of "${behind}"; each hidden layer needs one.`,
      { hint: `Its group is ${listed(wanted, architecture)}.` },
    );
  });
}

/** `lins.0.weight 0` */
type Axes = Set<string>;

function axesOf({ members }: PermutationGroup, { tensors }: Architecture): Axes {
  return new Set(members.map(([name, axis]) => `${tensors.get(name)!.own} ${axis}`));
}

function declaredGroup(group: PermutationGroup, axes: Axes, { tensors }: Architecture): DerivedGroup {
  const [[name, axis]] = group.members as [[string, number]];
  const size = tensors.get(name)!.shape[axis]!;
  const places = Int32Array.from({ length: size }, (_, i) => i);
  const moved = [...axes].map((text) => {
    const [parameter = '', index] = text.split(' ');
    return { parameter, axis: Number(index), places, block: 1 };
  });
  return { name: group.name, size, axes: moved, values: [], openedBy: [], movesFixed: [] };
}

/** Without tensors that the files lack: all their entries are one number. */
function naturalAxes({ axes }: DerivedGroup, { constants }: Architecture): Axes {
  return new Set(
    axes.flatMap(({ parameter, axis }) => (constants.has(parameter) ? [] : [`${parameter} ${axis}`])),
  );
}

const sameAxes = (a: Axes, b: Axes): boolean => a.size === b.size && [...a].every((axis) => b.has(axis));

function listed(axes: Axes, { tensors }: Architecture): string {
  const names = new Map([...tensors].map(([name, { own }]) => [own, name]));
  return [...axes]
    .map((axis) => {
      const [own = '', index] = axis.split(' ');
      return `[${names.get(own)}, ${index}]`;
    })
    .join(', ');
}

/** What the hidden layer's group that shares most with this one has in addition or not. */
function differenceFrom(natural: readonly DerivedGroup[], axes: Axes, architecture: Architecture): string {
  const shared = (other: Axes): number => [...axes].filter((axis) => other.has(axis)).length;
  const [nearest] = natural
    .map((group) => naturalAxes(group, architecture))
    .toSorted((a, b) => shared(b) - shared(a));
  const missing = new Set([...nearest!].filter((axis) => !axes.has(axis)));
  const surplus = new Set([...axes].filter((axis) => !nearest!.has(axis)));
  return [
    missing.size > 0 ? `It may lack ${listed(missing, architecture)}.` : '',
    surplus.size > 0 ? `It should not have ${listed(surplus, architecture)}.` : '',
  ]
    .filter((part) => part !== '')
    .join(' ');
}
