/** What the catalog shows of a config; tolerant, since any file can lie in a run folder. */
import { resolveModel } from '../../../src-shared/config/resolve.ts';
import type { RunConfig } from '../../../src-shared/config/schema.ts';
import { readTolerantly } from '../../../src-shared/config/tolerant.ts';
import { familyOfSymmetry, generalFamilies, hasSigma, type Family } from '../../../src-shared/domain.ts';
import { isExportedSpec, widths, type ModelSpec } from '../../../src-shared/model.ts';
import { graphOf } from '../../../src-shared/networks/of-model.ts';

export type Property = string | number | boolean | null;

export interface Summary {
  architecture: string;
  family: Family | null;
  sigmaF: number | null;
  dataset: string | null;
  widths: number[] | null;
}

function attempt<T>(work: () => T): T | null {
  try {
    return work();
  } catch {
    return null;
  }
}

/** Nothing here throws: what a config does not say is null, an unknown kind of network is `unknown`. */
export function summarise(config: Record<string, unknown>): Summary {
  const read = readTolerantly(config).config;
  const spec = attempt(() => resolveModel(read));
  const symmetry = attempt(() => read.model?.symmetry);
  const general = attempt(() => generalFamilies.find((name) => name === read.model?.family?.name));
  return {
    architecture: attempt(() => architectureOf(read)) ?? 'unknown',
    family:
      familyOf(spec) ??
      general ??
      (symmetry === undefined || symmetry === null ? null : familyOfSymmetry(symmetry)),
    sigmaF: spec ? sigmaOf(spec) : null,
    dataset: attempt(() => read.dataset?.name) ?? null,
    widths: spec?.architecture === 'mlp' ? widths(spec) : null,
  };
}

/** Whether batch norms of the network that a config describes keep running statistics; false if it describes none. */
export function keepsRunningStatistics(config: Record<string, unknown>): boolean {
  const graph = attempt(() => graphOf(resolveModel(readTolerantly(config).config)));
  return graph?.parameters.some(({ role }) => role === 'statistics') ?? false;
}

/** A declared network is of no family, and an exported one only if something in it is fixed. */
function familyOf(spec: ModelSpec | null): Family | undefined {
  if (spec === null) return undefined;
  if (spec.architecture !== 'declared') return spec.family;
  return isExportedSpec(spec) && spec.family !== 'standard' ? spec.family : undefined;
}

function sigmaOf(spec: ModelSpec): number | null {
  if (spec.architecture === 'declared' && !isExportedSpec(spec)) return null;
  return hasSigma(spec.family) ? (spec.layers[0]?.sigmaF ?? null) : null;
}

/** `mlp`, `resnet` ...: the first word of the model's name or of the function that makes it. */
function architectureOf(config: RunConfig): string {
  const target = config.model?._target_
    ?.split('.')
    .at(-1)
    ?.replace(/^create_/, '');
  const name = config.model?.name ?? target;
  return /^[a-z]+/i.exec(name ?? '')?.[0].toLowerCase() ?? 'unknown';
}

/** A config as dotted keys with plain values; lists are written as JSON. */
export function flatten(value: Record<string, unknown>, prefix = ''): Record<string, Property> {
  const flat: Record<string, Property> = {};
  for (const [key, item] of Object.entries(value)) {
    const path = prefix + key;
    if (item !== null && typeof item === 'object' && !Array.isArray(item)) {
      Object.assign(flat, flatten(item as Record<string, unknown>, `${path}.`));
    } else if (item === null || ['string', 'number', 'boolean'].includes(typeof item)) {
      flat[path] = item as Property;
    } else {
      flat[path] = JSON.stringify(item);
    }
  }
  return flat;
}
