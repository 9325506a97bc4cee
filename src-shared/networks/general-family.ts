/**
 * W_eff = F + D * W with an F and D of other kinds than the reference's: the families of `model.family`. F and D are
 * buffers named after what they belong to: `fc.weight.F`, `fc.weight.D`.
 */
import type { LayerSpec, MlpSpec, TrainableSpec } from '../model.ts';
import type { GeneralFamily } from './families.ts';
import type { Initial, Parameter } from './graph.ts';
import { heldText } from './held.ts';
import { linearName } from './mlp-names.ts';

/** Entries of each row that a share fixes: rounded, and one stays trainable. */
export const zerosOf = (share: number, inputs: number): number =>
  Math.min(Math.round(share * inputs), inputs - 1);

/** Hidden layers with as many units as inputs. */
export const isResidual = ({ layers }: Pick<MlpSpec, 'layers'>, layer: LayerSpec): boolean =>
  layer.index < layers.length - 1 && layer.inputs === layer.outputs;

/** @param own the weight and bias of the layer, without a family @returns the same with it, and with its F and D */
export function withGeneralFamily(spec: MlpSpec, layer: LayerSpec, own: Parameter[]): Parameter[] {
  const { general } = spec;
  if (!general) return own;
  const parts = own.map((parameter) => withPart(parameter, partOf(general, spec, layer, parameter)));
  return [...parts.map(({ parameter }) => parameter), ...parts.flatMap(({ buffers }) => buffers)];
}

/** How F and D begin, and what F is multiplied by. */
interface Part {
  fixed?: { initial: Initial; scale: number };
  mask?: Initial;
}

function partOf(general: GeneralFamily, spec: MlpSpec, layer: LayerSpec, { name }: Parameter): Part {
  const { index, sigmaF, numFixed } = layer;
  const isWeight = name.endsWith('.weight');
  switch (general.name) {
    case 'linear-residual':
      return isWeight && isResidual(spec, layer)
        ? { fixed: { initial: { kind: 'identity' }, scale: general.alpha } }
        : {};
    case 'sparse':
      return isWeight ? { mask: { kind: 'mask', zeros: numFixed, stream: `mask/${index}` } } : {};
    case 'bias-only': {
      const initial: Initial = { kind: 'normal', deviation: 1, stream: `bias_noise/${index}` };
      return isWeight ? {} : { fixed: { initial, scale: sigmaF } };
    }
    case 'given': {
      const part = general.parts.find(({ parameter }) => parameter === name);
      const file = (fixes: number): Initial => ({ kind: 'file', fixes });
      return {
        ...(part?.tensors.includes('F') && { fixed: { initial: file(part.fixed - part.zeros), scale: 1 } }),
        ...(part?.tensors.includes('D') && { mask: file(part.zeros) }),
      };
    }
  }
}

function withPart(
  parameter: Parameter,
  { fixed, mask }: Part,
): { parameter: Parameter; buffers: Parameter[] } {
  if (!fixed && !mask) return { parameter, buffers: [] };
  const { name, shape } = parameter;
  const [f, d] = [`${name}.F`, `${name}.D`];
  const buffer = (of: string, initial: Initial): Parameter => ({ name: of, shape, role: 'fixed', initial });
  const family = {
    ...(fixed && { fixed: { tensor: f, scale: fixed.scale } }),
    ...(mask && { mask: d }),
    support: 'all' as const,
  };
  return {
    parameter: { ...parameter, family },
    buffers: [...(fixed ? [buffer(f, fixed.initial)] : []), ...(mask ? [buffer(d, mask)] : [])],
  };
}

/** What stays as it is, in words, such as which layers have alpha I. Undefined if sigma_F says all. */
export function fixedPartText(spec: TrainableSpec): string | undefined {
  if (spec.architecture === 'declared') return heldText(spec.graph);
  if (spec.architecture !== 'mlp') return undefined;
  const { general, layers } = spec;
  const named = (some: readonly LayerSpec[]): string => some.map(({ index }) => linearName(index)).join(', ');
  switch (general?.name) {
    case 'linear-residual': {
      const plain = layers.filter((layer) => !isResidual(spec, layer));
      const square = layers.filter((layer) => isResidual(spec, layer));
      return `F = ${general.alpha} I on ${named(square)}; ${named(plain)} ${plain.length === 1 ? 'is' : 'are'} plain`;
    }
    case 'sparse': {
      const counts = layers.map(({ numFixed, inputs }) => `${numFixed} of ${inputs}`).join(', ');
      return `share ${general.share}: ${counts} weights of every neuron are 0, layer by layer`;
    }
    case 'bias-only':
      return 'on the biases only';
    case 'given': {
      const parts = general.parts.map(({ parameter, tensors, fixed }) => {
        return `${tensors.join(' and ')} of ${parameter} (${fixed} entries)`;
      });
      return `${parts.join(', ')}; contents ${general.sha256.slice(0, 12)}`;
    }
    default:
      return undefined;
  }
}
