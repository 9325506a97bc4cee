/**
 * Values as other programs write them into a config: numbers, switches and lists as text, `None`, the class of an
 * activation, one width per hidden layer. What means one thing only becomes that; everything else stays as written.
 */
import { z } from 'zod';
import { activations, norms } from '../domain.ts';
import { isPlainObject, maskParamsSchema, runConfigSchema } from './schema.ts';

type Plain = Record<string, unknown>;

/** A copy of the config with the values of known keys understood. Understanding the result again changes nothing. */
export function understandValues(config: Plain): Plain {
  const plain = withoutTracker(config);
  const known = understandSection(plain, runConfigSchema);
  const model = known['model'];
  if (!isPlainObject(model)) return known;
  const written = plain['model'] as Plain;
  const masks = model['mask_params'];
  return {
    ...known,
    model: {
      ...model,
      ...('activation' in model && { activation: activationOf(written['activation']) }),
      ...('norm' in model && { norm: normOf(model['norm']) }),
      ...('hidden_dim' in model && { hidden_dim: widthOf(model['hidden_dim'], model['num_layers']) }),
      ...(isPlainObject(masks) && { mask_params: understandMasks(masks) }),
    },
  };
}

function understandMasks(masks: Plain): Plain {
  return Object.fromEntries(
    Object.entries(masks).map(([key, entry]) => [
      key,
      isPlainObject(entry) ? understandSection(entry, maskParamsSchema) : entry,
    ]),
  );
}

/** Weights & Biases marks the settings that it records with `_wandb` or `wandb_version`. */
export function isTrackerRecord(config: Plain): boolean {
  return '_wandb' in config || 'wandb_version' in config;
}

/** Weights & Biases keeps every setting as `{desc, value}`. */
function withoutTracker(config: Plain): Plain {
  if (!isTrackerRecord(config)) return config;
  const settings = Object.entries(config).filter(([key]) => key !== '_wandb' && key !== 'wandb_version');
  const wrapped = settings.every(([, item]) => isPlainObject(item) && 'value' in item);
  return wrapped
    ? Object.fromEntries(settings.map(([key, item]) => [key, (item as Plain)['value']]))
    : config;
}

function understandSection(values: Plain, schema: z.ZodType): Plain {
  const shape = shapeOf(schema);
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => {
      const inner = shape && Object.hasOwn(shape, key) ? shape[key] : undefined;
      if (inner === undefined) return [key, value];
      if (isPlainObject(value)) return [key, understandSection(value, inner)];
      return [key, understandValue(value, inner)];
    }),
  );
}

/** The fields of a section's schema, undefined for a single value. */
function shapeOf(schema: z.ZodType): Record<string, z.ZodType> | undefined {
  let inner: unknown = schema;
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodNullable) inner = inner.unwrap();
  return inner instanceof z.ZodObject ? (inner.shape as Record<string, z.ZodType>) : undefined;
}

/** The first reading of a text that the key's schema takes; what it takes as it is stays, `None` excepted. */
function understandValue(value: unknown, schema: z.ZodType): unknown {
  if (typeof value === 'string' && value.trim() === 'None' && schema.safeParse(null).success) return null;
  if (schema.safeParse(value).success) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => (typeof item === 'string' ? (scalarOf(item) ?? item) : item));
    return schema.safeParse(items).success ? items : value;
  }
  if (typeof value !== 'string') return value;
  const reading = listOf(value) ?? scalarOf(value);
  return reading !== undefined && schema.safeParse(reading).success ? reading : value;
}

const numberText = /^[+-]?(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:e[+-]?\d+)?$/i;
const switches: Record<string, boolean> = {
  true: true,
  yes: true,
  on: true,
  false: false,
  no: false,
  off: false,
};

/** A number or switch written as text (YAML 1.1 and Python); undefined for any other text. */
function scalarOf(text: string): number | boolean | null | undefined {
  const trimmed = text.trim();
  if (numberText.test(trimmed)) return Number(trimmed.replaceAll('_', ''));
  if (trimmed === 'null' || trimmed === '~') return null;
  const word = trimmed.toLowerCase();
  return Object.hasOwn(switches, word) ? switches[word] : undefined;
}

/** `(0.9, 0.999)` or `[0.9, 0.999]` as text. */
function listOf(text: string): unknown[] | undefined {
  const inside = /^\s*(?:\(([^()]*)\)|\[([^[\]]*)\])\s*$/.exec(text);
  if (!inside) return undefined;
  const parts = (inside[1] ?? inside[2] ?? '').split(',').filter((part) => part.trim() !== '');
  const items = parts.map(scalarOf);
  return items.every((item) => typeof item === 'number') ? items : undefined;
}

interface Module {
  /** The class or function without its package, in small letters. */
  name: string;
  /** Argument -> value as text. */
  args: Map<string, string>;
}

/** A PyTorch class as a mapping with `_target_`, or as text: `GELU`, `nn.GELU()`, `<class 'torch.nn...GELU'>`. */
function moduleOf(value: unknown): Module | undefined {
  if (isPlainObject(value)) {
    const { _target_: target, ...rest } = value;
    const inner = typeof target === 'string' ? moduleOf(target) : undefined;
    if (!inner) return undefined;
    const args = Object.entries(rest).filter(([key]) => key !== '_partial_' && key !== '_convert_');
    return { name: inner.name, args: new Map(args.map(([key, item]) => [key, String(item)])) };
  }
  if (typeof value !== 'string') return undefined;
  const text = value
    .trim()
    .replace(/^<class '(.*)'>$/, '$1')
    .replace(/^!!python\/name:/, '');
  const match = /^(?:(?:torch|nn|F)\.(?:\w+\.)*)?([A-Za-z]\w*)(?:\(([^()]*)\))?$/.exec(text);
  if (!match) return undefined;
  const pairs = (match[2] ?? '').split(',').filter((part) => part.trim() !== '');
  const args = pairs.map((pair, i): [string, string] => {
    const [key, item] = pair.split('=');
    return item === undefined
      ? [`argument ${i + 1}`, key!]
      : [key!.trim(), item.trim().replace(/^["'](.*)["']$/, '$1')];
  });
  return { name: match[1]!.toLowerCase(), args: new Map(args) };
}

/** Arguments that leave the function as Basin computes it. */
function isPlain({ args }: Module, harmless: Record<string, RegExp>): boolean {
  return [...args].every(([key, value]) => Object.hasOwn(harmless, key) && harmless[key]!.test(value));
}

/** `None` stays: it could mean the default of the published code or no activation at all. */
function activationOf(value: unknown): unknown {
  const found = moduleOf(value);
  if (!found || !isPlain(found, { inplace: /./, approximate: /^none$/i })) return value;
  return activations.find((activation) => activation === found.name) ?? value;
}

const normClasses: Record<string, string> = {
  ...Object.fromEntries(norms.map((norm) => [norm, norm])),
  layernorm: 'layer',
  layer_norm: 'layer',
  batchnorm: 'batch',
  batch_norm: 'batch',
  batchnorm1d: 'batch',
  rmsnorm: 'rms',
  rms_norm: 'rms',
  identity: 'none',
};

function normOf(value: unknown): unknown {
  if (typeof value === 'string' && /^(?:no|off|false|null|~)$/i.test(value.trim())) return null;
  const found = moduleOf(value);
  const harmless = { eps: /^(?:1e-0?5|0?\.00001)$/i, momentum: /^0?\.1$/, affine: /^true$/i };
  if (!found || !isPlain(found, harmless)) return value;
  return Object.hasOwn(normClasses, found.name) ? normClasses[found.name] : value;
}

/** One width per hidden layer is one width if all are equal and there are as many as hidden layers. */
function widthOf(value: unknown, layers: unknown): unknown {
  const widths = typeof value === 'string' ? listOf(value) : value;
  if (!Array.isArray(widths) || widths.length === 0) return value;
  const numbers = widths.map((width: unknown) => (typeof width === 'string' ? scalarOf(width) : width));
  const alike = numbers.every((width) => typeof width === 'number' && width === numbers[0]);
  return alike && typeof layers === 'number' && widths.length === layers - 1 ? numbers[0] : value;
}
