/** `model.family` of an exported network: entries of chosen weights that stay as they were drawn (networks/held.ts). */
import { UserError } from '../errors.ts';
import type { ModuleLayer } from '../model.ts';
import { didYouMean } from '../near-miss.ts';
import { zerosOf } from '../networks/general-family.ts';
import type { Graph, Parameter } from '../networks/graph.ts';
import { rowSize } from '../networks/held.ts';
import type { FamilySection } from './family.ts';

export const exportedFamilies = ['w-asymmetric', 'sparse'] as const;
export type ExportedFamily = (typeof exportedFamilies)[number];

const keysOf: Record<ExportedFamily, readonly (keyof FamilySection)[]> = {
  'w-asymmetric': ['parameters', 'num_fixed', 'share', 'sigma_f'],
  sparse: ['parameters', 'num_fixed', 'share'],
};

/** The name in a config's `model.family`; undefined if it is none that exported networks have. */
export const exportedFamilyName = (written: unknown): ExportedFamily | undefined =>
  exportedFamilies.find((name) => name === written);

/** What a section is resolved against. */
interface Exported {
  graph: Graph;
  /** Keys of the state dict that are the same tensor as another. */
  tied: Readonly<Record<string, string>>;
  /** `mask_seed`, if the config has it. */
  seed: number | undefined;
}

interface WithFamily {
  family: ExportedFamily;
  graph: Graph;
  layers: ModuleLayer[];
}

/**
 * The network with its held entries; undefined if the section is missing or empty.
 * @param where the file, for messages
 * @throws UserError naming the key, what it holds and what was expected
 */
export function withExportedFamily(
  section: FamilySection | null | undefined,
  exported: Exported,
  where: string,
): WithFamily | undefined {
  const written = Object.entries(section ?? {}).filter(([, value]) => value !== null && value !== undefined);
  if (!section || written.length === 0) return undefined;
  const family = familyName(section.name, where);
  const idle = written.find(
    ([key]) => key !== 'name' && !(keysOf[family] as readonly string[]).includes(key),
  );
  if (idle)
    throw new UserError(
      `${where}: model.family.${idle[0]} has no effect: model.family.name is ${family}, which has ${keysOf[family].join(', ')}.`,
      { hint: 'Take it out, or set it to null.' },
    );
  const scale = family === 'sparse' ? 0 : sigmaOf(section, where);
  const chosen = chosenBy(patternsOf(section, where), exported, where);
  const counts = countsOf(section, chosen, where);
  const seed = exported.seed === undefined ? {} : { seed: exported.seed };
  const parameters = exported.graph.parameters.map((parameter) => {
    const count = counts.get(parameter.name) ?? 0;
    return count === 0 ? parameter : { ...parameter, held: { count, scale, ...seed } };
  });
  const layers = parameters.flatMap(({ name, shape, held }): ModuleLayer[] =>
    held ? [{ module: name, shape, sigmaF: scale, numFixed: held.count, normalMask: true }] : [],
  );
  return { family, graph: { ...exported.graph, parameters }, layers };
}

function familyName(written: string | null | undefined, where: string): ExportedFamily {
  const found = exportedFamilyName(written);
  if (found) return found;
  const expected = `an exported network has ${exportedFamilies.join(' or ')}`;
  throw new UserError(
    written == null
      ? `${where}: model.family.name is missing; ${expected}.`
      : `${where}: model.family.name is "${written}"; ${expected}.${didYouMean(written, exportedFamilies)}`,
    {
      hint: 'Families with an F where weights are trained would need two tensors for one key of the state dict; docs/pytorch.md says more.',
    },
  );
}

function sigmaOf({ sigma_f: sigma }: FamilySection, where: string): number {
  if (typeof sigma === 'number' && Number.isFinite(sigma) && sigma >= 0) return sigma;
  const found = sigma == null ? 'is missing' : `is ${sigma}`;
  throw new UserError(`${where}: model.family.sigma_f ${found}; a number of at least 0 was expected.`);
}

const example = '["layer*.conv*.weight"]';

function patternsOf({ parameters }: FamilySection, where: string): string[] {
  const patterns = typeof parameters === 'string' ? [parameters] : (parameters ?? []);
  if (patterns.length > 0) return patterns;
  throw new UserError(
    `${where}: model.family.parameters is missing; patterns of names of weights were expected, such as ${example}.`,
  );
}

/** `*`: any characters, dots too; `?`: any one. */
function matcherOf(pattern: string): RegExp {
  const escaped = pattern.replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`);
}

/** Weights have rows; a bias, or the weight of a norm, has one number for each unit. */
const isWeight = ({ role, shape }: Parameter): boolean =>
  role === 'trained' && shape.length > 1 && rowSize(shape) > 1;

/** @throws UserError for a pattern that chooses no weight, saying what else it matches */
function chosenBy(patterns: readonly string[], { graph, tied }: Exported, where: string): Parameter[] {
  const read = new Set(graph.nodes.flatMap(({ parameters }) => Object.values(parameters)));
  const weights = graph.parameters.filter((parameter) => isWeight(parameter) && read.has(parameter.name));
  // Of a tensor with several keys, any of them.
  const keysOfTensor = (name: string): string[] => [
    name,
    ...Object.keys(tied).filter((key) => tied[key] === name),
  ];
  const chosen = new Set<Parameter>();
  for (const pattern of patterns) {
    const matcher = matcherOf(pattern);
    const matches = (name: string): boolean => keysOfTensor(name).some((key) => matcher.test(key));
    const own = weights.filter(({ name }) => matches(name));
    if (own.length === 0)
      throw nothingChosen(
        pattern,
        graph.parameters.filter(({ name }) => matches(name)),
        weights,
        where,
      );
    for (const parameter of own) chosen.add(parameter);
  }
  return [...chosen];
}

function nothingChosen(
  pattern: string,
  others: readonly Parameter[],
  weights: readonly Parameter[],
  where: string,
): UserError {
  const [other] = others;
  const kind = (parameter: Parameter): string =>
    parameter.role === 'trained'
      ? `a tensor [${parameter.shape.join(', ')}] whose rows have one number each, such as a bias`
      : 'a buffer or constant, which is not trained';
  const found = other
    ? `it matches "${other.name}", ${kind(other)}${others.length > 1 ? `, and ${others.length - 1} more like it` : ''}; weights with rows were expected`
    : 'it matches no name';
  const names = weights.slice(0, 8).map(({ name }) => name);
  const more = weights.length > 8 ? ` and ${weights.length - 8} more` : '';
  return new UserError(`${where}: model.family.parameters: "${pattern}" chooses no weight: ${found}.`, {
    hint: `Weights are ${names.join(', ')}${more}.`,
  });
}

/** Held entries of a row by parameter, at least one of which is above 0. */
function countsOf(section: FamilySection, chosen: readonly Parameter[], where: string): Map<string, number> {
  const { num_fixed: number, share } = section;
  if ((number == null) === (share == null))
    throw new UserError(
      `${where}: model.family has ${number == null ? 'neither num_fixed nor share' : 'num_fixed and share'}; one of them was expected: how many entries of every row stay fixed.`,
    );
  if (share != null) {
    if (!(share > 0 && share < 1))
      throw new UserError(`${where}: model.family.share is ${share}; a number between 0 and 1 was expected.`);
    const counts = new Map(chosen.map(({ name, shape }) => [name, zerosOf(share, rowSize(shape))]));
    if ([...counts.values()].some((count) => count > 0)) return counts;
    throw new UserError(
      `${where}: model.family.share is ${share}: of ${rowSize(chosen[0]!.shape)} entries and fewer that is less than half an entry, so nothing would be fixed.`,
    );
  }
  if (!Number.isInteger(number) || number! < 1)
    throw new UserError(
      `${where}: model.family.num_fixed is ${number}; a whole number of at least 1 was expected.`,
    );
  const short = chosen.find(({ shape }) => rowSize(shape) <= number!);
  if (short)
    throw new UserError(
      `${where}: model.family.num_fixed is ${number}, but a row of "${short.name}" has only ${rowSize(short.shape)} entries; at least one must stay trainable.`,
      { hint: 'Lower it, set model.family.share instead, or choose other parameters.' },
    );
  return new Map(chosen.map(({ name }) => [name, number!]));
}
