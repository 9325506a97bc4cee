/** Sizes of a network that its data decide. */
import { parseOverride } from './overrides.ts';
import { defaultInputShape, isResnet } from './resnet.ts';

type Plain = Record<string, unknown>;

const keys = [
  ['input_dim', 'features'],
  ['output_dim', 'classes'],
  ['num_classes', 'classes'],
  ['in_channels', 'features'],
  ['out_channels', 'classes'],
] as const;

/**
 * Overrides that make the model of a preset fit data that were chosen in place of the preset's: inputs and classes, as
 * far as the model has them and the person has not set them. Empty if no other data were chosen.
 */
export function sizeOverrides(
  config: Plain,
  overrides: readonly string[],
  facts: { features: number; classes: number; shape: readonly number[] | null } | undefined,
): string[] {
  const given = new Set(overrides.map((override) => parseOverride(override).path.join('.')));
  if (!facts || (!given.has('dataset') && !given.has('dataset.name'))) return [];
  const model = (config['model'] ?? {}) as Plain;
  const { shape } = facts;
  const written = model['input_shape'] ?? defaultInputShape;
  const otherShape =
    isResnet(model) && shape && !given.has('model.input_shape') && !given.has('model')
      ? JSON.stringify(shape) !== JSON.stringify(written)
      : false;
  const sizes = keys.flatMap(([key, fact]) => {
    const path = `model.${key}`;
    const idle = model[key] == null || model[key] === facts[fact] || given.has(path) || given.has('model');
    return idle ? [] : [`${path}=${facts[fact]}`];
  });
  return otherShape ? [`model.input_shape=${JSON.stringify(shape)}`, ...sizes] : sizes;
}
