/** `model.family`: how W_eff = F + D * W is set where `model.symmetry` does not say it. */
import { z } from 'zod';
import { generalFamilies } from '../domain.ts';
import { UserError } from '../errors.ts';
import type { MlpSpec } from '../model.ts';
import { didYouMean } from '../near-miss.ts';
import type { GeneralFamily, GivenPart } from '../networks/families.ts';
import { isResidual } from '../networks/general-family.ts';
import { linearName } from '../networks/mlp-names.ts';

type Name = (typeof generalFamilies)[number];

/** Any of its keys may be missing or null; which of them a family has is checked when it is resolved. */
export const familySectionSchema = z.looseObject({
  name: z.string().nullish(),
  /** Linear residual: F = alpha I. */
  alpha: z.number().nullish(),
  /** Sparse: share of every neuron's weights that are 0. */
  share: z.number().nullish(),
  /** Bias-only: F = sigma_f times a normal draw. */
  sigma_f: z.number().nullish(),
  /** Of an exported network: which weights have fixed entries, by patterns of their names, and how many in each row. */
  parameters: z.union([z.string(), z.array(z.string())]).nullish(),
  num_fixed: z.number().nullish(),
  /** Given: where F and D are. */
  file: z.string().nullish(),
  /** Given: of the contents, and what they are; recorded by training. */
  sha256: z.string().nullish(),
  parts: z.array(z.record(z.string(), z.unknown())).nullish(),
});
export type FamilySection = z.output<typeof familySectionSchema>;

const keysOf: Record<Name, readonly (keyof FamilySection)[]> = {
  'linear-residual': ['alpha'],
  sparse: ['share'],
  'bias-only': ['sigma_f'],
  given: ['file', 'sha256', 'parts'],
};

/** The families that read a key of `model.family`. */
export const familiesWith = (key: string): Name[] =>
  generalFamilies.filter((name) => (keysOf[name] as readonly string[]).includes(key));

/** The name in a config's `model.family`; undefined if it is none. */
export const generalFamilyName = (written: unknown): Name | undefined =>
  generalFamilies.find((name) => name === written);

/** As resolved: sigma_F is a number of the layers, and kept there. */
export interface ReadFamily {
  general: GeneralFamily;
  sigmaF: number;
}

/**
 * @param where the file, for messages
 * @returns undefined if the section is missing or empty
 * @throws UserError naming the key, what it holds and what was expected
 */
export function readFamilySection(
  section: FamilySection | null | undefined,
  where: string,
): ReadFamily | undefined {
  const written = Object.entries(section ?? {}).filter(([, value]) => value !== null && value !== undefined);
  if (!section || written.length === 0) return undefined;
  const name = familyName(section.name, where);
  const known: readonly string[] = ['name', ...keysOf[name]];
  const idle = written.find(([key]) => !known.includes(key));
  if (idle)
    throw new UserError(
      `${where}: model.family.${idle[0]} has no effect: model.family.name is ${name}, which has ${keysOf[name].join(', ')}.`,
      { hint: 'Take it out, or set it to null.' },
    );
  switch (name) {
    case 'linear-residual':
      return { general: { name, alpha: numberIn(section, 'alpha', where) }, sigmaF: 0 };
    case 'sparse':
      return { general: { name, share: shareIn(section, where) }, sigmaF: 0 };
    case 'bias-only':
      return { general: { name }, sigmaF: sigmaIn(section, where) };
    case 'given':
      return { general: { name, ...givenIn(section, where) }, sigmaF: 0 };
  }
}

function familyName(written: string | null | undefined, where: string): Name {
  const found = generalFamilyName(written);
  if (found) return found;
  const expected = `expected one of ${generalFamilies.join(', ')}`;
  const hint =
    'The other families are numbers of model.symmetry: 0 standard, 1 W-asymmetric, 2 σ-asymmetric, 3 SYRE.';
  throw new UserError(
    written == null
      ? `${where}: model.family.name is missing; ${expected}.`
      : `${where}: model.family.name is "${written}"; ${expected}.${didYouMean(written, generalFamilies)}`,
    { hint },
  );
}

function numberIn(section: FamilySection, key: 'alpha' | 'share' | 'sigma_f', where: string): number {
  const value = section[key];
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  const found = value == null ? 'is missing' : `is ${value}`;
  throw new UserError(`${where}: model.family.${key} ${found}; a number was expected.`);
}

function shareIn(section: FamilySection, where: string): number {
  const share = numberIn(section, 'share', where);
  if (share > 0 && share < 1) return share;
  throw new UserError(
    `${where}: model.family.share is ${share}; a number between 0 and 1 was expected: the share of every neuron's weights that are 0.`,
  );
}

function sigmaIn(section: FamilySection, where: string): number {
  const sigma = numberIn(section, 'sigma_f', where);
  if (sigma >= 0) return sigma;
  throw new UserError(`${where}: model.family.sigma_f is ${sigma}; a number of at least 0 was expected.`);
}

const count = z.int().nonnegative();
const partsSchema = z
  .array(
    z.strictObject({
      parameter: z.string(),
      tensors: z.array(z.enum(['F', 'D'])).min(1),
      zeros: count,
      fixed: count,
    }),
  )
  .min(1);

function givenIn(section: FamilySection, where: string): { sha256: string; parts: GivenPart[] } {
  const { file, sha256, parts } = section;
  if (sha256 == null || parts == null) {
    if (file == null)
      throw new UserError(
        `${where}: model.family.file is missing; a .safetensors, .npz or folder of .npy with F and D was expected.`,
      );
    throw new UserError(`${where}: what ${file} (model.family.file) holds is not recorded.`, {
      hint: 'Training records it, as model.family.sha256 and model.family.parts: use the config.yaml of the run.',
    });
  }
  const parsed = partsSchema.safeParse(parts);
  if (parsed.success) return { sha256, parts: parsed.data };
  const issue = parsed.error.issues[0]!;
  throw new UserError(`${where}: ${['model.family.parts', ...issue.path].join('.')}: ${issue.message}.`);
}

/** `model.family` stands in place of an asymmetric `model.symmetry`, and for networks of one width only. */
export function refuseBesideFamily(
  model: { symmetry?: number | null | undefined; layers?: unknown },
  name: Name,
  where: string,
): void {
  if (model.layers != null)
    throw new UserError(`${where}: model.family has no effect on layers that are listed in model.layers.`);
  if ((model.symmetry ?? 0) === 0) return;
  throw new UserError(
    `${where}: model.symmetry is ${model.symmetry} and model.family.name is ${name}; a network is of one family.`,
    { hint: 'Set model.symmetry to 0, or take model.family out.' },
  );
}

/** @throws UserError if the family would change nothing, or not what it is meant to */
export function checkFamily(
  { general }: ReadFamily,
  { layers, norm }: Pick<MlpSpec, 'layers' | 'norm'>,
  where: string,
): void {
  if (norm === 'layer_linear' || norm === 'batch_linear')
    throw new UserError(
      `${where}: model.norm is "${norm}"; ${general.name} networks take layer, batch, rms or null.`,
    );
  switch (general.name) {
    case 'linear-residual':
      if (layers.some((layer) => isResidual({ layers }, layer))) return;
      throw new UserError(
        `${where}: model.family.name is linear-residual, but no hidden layer has as many units as inputs; alpha I needs one.`,
        { hint: 'Set model.num_layers to at least 3.' },
      );
    case 'sparse':
      if (layers.some(({ numFixed }) => numFixed > 0)) return;
      throw new UserError(
        `${where}: model.family.share is ${general.share}: of ${layers[0]!.inputs} inputs and fewer that is less than half a weight, so nothing would be fixed.`,
      );
    case 'bias-only':
      if (norm !== 'batch') return;
      throw new UserError(
        `${where}: model.norm is "batch", which takes the biases of hidden layers out again; F on biases would do nothing there.`,
        { hint: 'Set model.norm to layer, rms or null.' },
      );
    case 'given': {
      const known = layers.flatMap(({ index }) =>
        ['weight', 'bias'].map((word) => `${linearName(index)}.${word}`),
      );
      const names = general.parts.map(({ parameter }) => parameter);
      const unknown = names.find((name, i) => !known.includes(name) || names.indexOf(name) !== i);
      if (unknown === undefined) return;
      throw new UserError(
        `${where}: model.family.parts: "${unknown}" is ${known.includes(unknown) ? 'listed twice' : 'no weight or bias of this network'}.${didYouMean(unknown, known)}`,
      );
    }
  }
}
