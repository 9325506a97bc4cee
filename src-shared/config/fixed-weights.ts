/** `sigma_f` and `num_fixed`: one setting for the fixed weights of every layer, over `model.mask_params`. */
import { UserError } from '../errors.ts';
import { isGnn } from './gnn.ts';
import { isResnet } from './resnet.ts';
import { isPlainObject, resnetMaskSections } from './schema.ts';

type Plain = Record<string, unknown>;

/** The setting's name -> the key of `model.mask_params` that it stands for. */
export const fixedWeightSettings = { sigma_f: 'mask_constant', num_fixed: 'num_fixed' } as const;
export type FixedWeightSetting = keyof typeof fixedWeightSettings;

export function isFixedWeightSetting(name: string): name is FixedWeightSetting {
  return Object.hasOwn(fixedWeightSettings, name);
}

const allowed: Record<FixedWeightSetting, { what: string; fits: (value: number) => boolean }> = {
  sigma_f: { what: 'a number of at least 0', fits: (value) => Number.isFinite(value) && value >= 0 },
  num_fixed: {
    what: 'a whole number of at least 0',
    fits: (value) => Number.isSafeInteger(value) && value >= 0,
  },
};

/**
 * Sets sigma_F, or the number of fixed weights per neuron, in every layer of a config: `model.mask_params.default` and
 * each `linear_mask_params_{i}` that has a value of its own. A list gives one value per layer, first layer first.
 * `num_fixed` is the number as a config has it: `model.n_mul` multiplies it.
 * @throws UserError for a value that is no such number, or a list that is not as long as the network
 */
export function setFixedWeights(
  config: Plain,
  setting: FixedWeightSetting,
  value: unknown,
  override: string,
): void {
  const model = section(config, 'model', override);
  const params = section(model, 'mask_params', override);
  const key = fixedWeightSettings[setting];
  if (Array.isArray(value)) {
    if (isResnet(model))
      throw new UserError(
        `override "${override}": a residual network takes one value for all layers; for single layers set model.mask_params.SECTION.${key}.`,
        { hint: `SECTION is one of ${resnetMaskSections.join(', ')}.` },
      );
    if (isGnn(model))
      throw new UserError(`override "${override}": a graph network takes one value for all layers.`);
    const layers = layerCount(model);
    if (value.length !== layers) {
      throw new UserError(
        `override "${override}": ${value.length} values for ${layers} layers; give one for all layers, or a list of ${layers}.`,
      );
    }
    const numbers = value.map((item: unknown) => checked(setting, item, override));
    section(params, 'default', override)[key] = numbers[0];
    for (const [i, number] of numbers.entries())
      section(params, `linear_mask_params_${i}`, override)[key] = number;
    return;
  }
  const number = checked(setting, value, override);
  section(params, 'default', override)[key] = number;
  setWhereWritten(params, key, number);
}

/** In every section, and in those inside them, that has a value of its own. */
function setWhereWritten(sections: Plain, key: string, number: number): void {
  for (const inner of Object.values(sections)) {
    if (!isPlainObject(inner)) continue;
    if (Object.hasOwn(inner, key)) inner[key] = number;
    setWhereWritten(inner, key, number);
  }
}

/** What the config itself says of a setting, one value per layer; undefined if it does not say it for every layer. */
export function writtenFixedWeights(
  config: Plain,
  setting: FixedWeightSetting,
): readonly number[] | undefined {
  const model = config['model'];
  const params = isPlainObject(model) ? model['mask_params'] : undefined;
  if (!isPlainObject(model) || !isPlainObject(params)) return undefined;
  const key = fixedWeightSettings[setting];
  const values = ownSections(model, params).map((layer) => {
    const own = isPlainObject(layer) && Object.hasOwn(layer, key) ? layer : params['default'];
    return isPlainObject(own) ? own[key] : undefined;
  });
  return values.every((value) => typeof value === 'number') ? values : undefined;
}

/** The sections of single layers; undefined for those without one. */
function ownSections(model: Plain, params: Plain): unknown[] {
  if (isResnet(model)) return resnetMaskSections.map((path) => path.split('.').reduce(inside, params));
  // All layers of a graph network have the default.
  if (isGnn(model)) return [undefined];
  return Array.from({ length: layerCount(model) }, (_, i) => params[`linear_mask_params_${i}`]);
}

const inside = (outer: unknown, key: string): unknown => (isPlainObject(outer) ? outer[key] : undefined);

/** As it is typed after `sigma_f=`: one number if all layers have it, else a list. */
export function fixedWeightsText(values: readonly number[]): string {
  return new Set(values).size === 1 ? String(values[0]) : `[${values.join(',')}]`;
}

function layerCount(model: Plain): number {
  const layers = model['num_layers'];
  return typeof layers === 'number' && Number.isSafeInteger(layers) && layers > 0 ? layers : 0;
}

function section(parent: Plain, key: string, override: string): Plain {
  const found = parent[key];
  if (isPlainObject(found)) return found;
  if (found !== undefined && found !== null) {
    throw new UserError(
      `override "${override}": ${key} is ${JSON.stringify(found)}, not a section; it has no keys.`,
    );
  }
  const made: Plain = {};
  parent[key] = made;
  return made;
}

function checked(setting: FixedWeightSetting, value: unknown, override: string): number {
  const { what, fits } = allowed[setting];
  if (typeof value === 'number' && fits(value)) return value;
  throw new UserError(
    `override "${override}": ${setting} is ${JSON.stringify(value)}; ${what} was expected, or a list of them, one per layer.`,
  );
}
