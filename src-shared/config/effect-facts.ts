/** What a config says of the things on which the effect of its keys depends. */
import { familyOfSymmetry } from '../domain.ts';
import type { Family } from '../domain.ts';
import { exportedFamilyName } from './exported-family.ts';
import { exportedName } from './exported.ts';
import { generalFamilyName } from './family.ts';
import { geometryKindOf } from './geometry.ts';
import type { GeometryKind } from './geometry.ts';
import { isGnn } from './gnn.ts';
import { isResnet } from './resnet.ts';
import { isPlainObject } from './schema.ts';

export type Plain = Record<string, unknown>;

/** What decides whether the keys of a config have an effect. */
export interface Facts {
  config: Plain;
  family: Family | undefined;
  resnet: boolean;
  gnn: boolean;
  /** Read from PyTorch. */
  exported: boolean;
  /** `model.layers` describes them one by one. */
  oneByOne: boolean;
  layers: number;
  hasNorm: boolean;
  optimizer: string;
  scheduler: string;
  geometry: GeometryKind | undefined;
  splitFile: boolean;
  models: number;
}

export type Reason = string | undefined;
export type Rule = (facts: Facts) => Reason;

export function factsOf(config: Plain): Facts {
  const [model, dataset] = [part(config, 'model'), part(config, 'dataset')];
  const { symmetry, num_layers: layers, norm } = model;
  const known = symmetry === 0 || symmetry === 1 || symmetry === 2 || symmetry === 3;
  const name = (section: string, fallback: string): string => {
    const written = part(config, section)['name'];
    return typeof written === 'string' ? written : fallback;
  };
  const general = part(model, 'family')['name'];
  const exported = model['name'] === exportedName;
  return {
    config,
    family: exported
      ? (exportedFamilyName(general) ?? 'standard')
      : (generalFamilyName(general) ?? (known ? familyOfSymmetry(symmetry) : undefined)),
    exported,
    resnet: isResnet(model),
    gnn: isGnn(model) && !isResnet(model),
    oneByOne: model['layers'] != null,
    layers: typeof layers === 'number' ? layers : 0,
    hasNorm: norm !== null && norm !== false && norm !== '' && norm !== 'none',
    optimizer: name('optimizer', 'adamw'),
    scheduler: name('scheduler', 'none'),
    geometry: geometryKindOf(name('dataset', '')),
    splitFile: dataset['split_file'] != null,
    models: typeof config['num_models'] === 'number' ? config['num_models'] : 2,
  };
}

/** A section; empty if there is none. */
export function part(parent: Plain, key: string): Plain {
  const found = parent[key];
  return isPlainObject(found) ? found : {};
}
