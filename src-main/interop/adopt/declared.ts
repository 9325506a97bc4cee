/** Weights of a declared network: checked against its declaration, derived permutation groups included, before all else. */
import { UserError } from '../../../src-shared/errors.ts';
import type { DeclaredSpec } from '../../../src-shared/model.ts';
import { didYouMean } from '../../../src-shared/near-miss.ts';
import { readDeclared } from '../../../src-shared/networks/declared.ts';
import { groupAxes, listedAxes } from '../../../src-shared/networks/declared-groups.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import type { Symmetries } from '../../../src-shared/networks/symmetries.ts';
import { declarationOf } from '../../../src-shared/networks/write-declaration.ts';
import { readYaml } from '../../formats/yaml.ts';
import { isCounter } from '../../formats/tensor-names.ts';
import type { StateDict } from '../../compute/models/tensors.ts';
import { checkGroups, symmetryTolerance } from '../../compute/networks/check-symmetries.ts';
import { actingArrays } from '../../compute/networks/effective.ts';
import { inDoubles } from '../../compute/networks/permute.ts';
import { chainSection } from './chain-section.ts';

/** A declaration that was read, and what follows from it. */
export interface Declared {
  spec: DeclaredSpec;
  network: Network;
  symmetries: Symmetries;
}

/** @throws UserError naming the file and the field */
export function openDeclaration(path: string): Declared {
  const spec = readDeclared(readYaml(path), path);
  const network = readNetwork(spec.graph, path);
  return { spec, network, symmetries: symmetriesOf(network) };
}

/** The section `model` of a config.yaml: of a plain chain as such, else in the words of the declaration. */
export function modelSection({ spec, network }: Declared): Record<string, unknown> {
  const { description } = spec;
  return (
    chainSection(network, spec.ignored) ?? {
      name: 'declared',
      ...(description !== undefined && { description }),
      ...declarationOf(spec),
    }
  );
}

/** @throws UserError naming the first tensor that is missing, has another shape, or is not declared */
export function checkTensors(
  { spec, network }: Declared,
  stored: ReadonlyMap<string, { readonly shape: readonly number[] }>,
  path: string,
  where: string,
): void {
  for (const [name, { shape }] of network.parameters) {
    if (isCounter(name)) continue;
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
    (name) => !network.parameters.has(name) && !spec.ignored?.includes(name),
  );
  if (extra.length === 0) return;
  throw new UserError(
    `${path}: tensor "${extra[0]}"${extra.length > 1 ? ` (and ${extra.length - 1} more)` : ''} is not declared in ${where}.`,
    { hint: 'Declare it in a layer, or list it under "ignore" if the function does not depend on it.' },
  );
}

/**
 * Permutes the units of every derived group at random and compares the outputs in double precision.
 * @throws UserError naming the group that changes the function
 */
export function checkDerivedGroups({ network, symmetries }: Declared, state: StateDict, path: string): void {
  const doubles = inDoubles(actingArrays(network, state));
  const failed = checkGroups(network, doubles, symmetries.groups).find(({ ok }) => !ok);
  if (!failed) return;
  if (Number.isNaN(failed.maxRelativeChange))
    throw new UserError(
      `${path}: the outputs for random inputs are not finite, so the permutation groups cannot be checked.`,
      { hint: 'Are its weights too large, or is the eps of a norm 0?' },
    );
  throw new UserError(
    `${path}: permuting the units of ${failed.group} changes the outputs by ${failed.maxRelativeChange.toPrecision(3)} of the largest; at most ${symmetryTolerance} was expected.`,
    {
      hint: 'Extremely large weights leave no digits to compare; otherwise this is a bug in Basin.',
    },
  );
}

/** What was derived from the layers and checked: a line for each group, and one for each reason why axes stay in place. */
export function symmetryNotes({ symmetries }: Declared): string[] {
  const groups = groupAxes(symmetries).map(
    ({ name, size, axes }) => `Group ${name}: ${size} units; they move ${listedAxes(axes)}.`,
  );
  const fixed = Map.groupBy(symmetries.fixed, ({ reason }) => reason);
  return [
    ...(groups.length === 0 ? ['No two neurons can be swapped: alignment changes nothing.'] : groups),
    ...[...fixed].map(
      ([reason, axes]) =>
        `Fixed (${reason}): ${listedAxes(axes.map(({ parameter, axis }) => [parameter, axis]))}.`,
    ),
  ];
}
