/** A config.yaml that neuron-identifiability's own scripts can work with: they take every key below for granted. */
import { isMap, parseDocument, stringify } from 'yaml';
import { exportedName } from '../../src-shared/config/exported.ts';
import { declaredName } from '../../src-shared/config.ts';
import { isGnn } from '../../src-shared/config/gnn.ts';
import { isResnet } from '../../src-shared/config/resnet.ts';

/** What train.py:76-200 and the measure scripts read without a default; values of its configs/dataset/mnist.yaml. */
const takenForGranted: [path: string[], value: unknown][] = [
  [['model', '_target_'], 'src.models.mlp.create_mlp'],
  [['dataset', 'data_dir'], './data'],
  [['dataset', 'batch_size'], 64],
  [['dataset', 'val_split'], 0.1],
  [['dataset', 'num_workers'], 0],
  [['dataset', 'pin_memory'], false],
  [['dataset', 'enable_ffcv'], false],
  [['device'], 'cpu'],
  [['max_parallel_processes'], 1],
];

const targetOf = (model: { name: unknown }): string => {
  if (isResnet(model)) return 'src.models.resnet.create_resnet';
  return isGnn(model) ? 'src.models.gnn.create_gnn' : 'src.models.mlp.create_mlp';
};

/** The same config with the keys that are missing added; what is there stays, comments too. */
export function completeForReference(text: string): string {
  const document = parseDocument(text);
  if (document.errors.length > 0 || !isMap(document.contents)) return text;
  let changed = false;
  const name = document.getIn(['model', 'name']);
  for (const [path, usual] of takenForGranted) {
    const isTarget = path.join('.') === 'model._target_';
    // No function of theirs makes a declared network.
    if (isTarget && name === declaredName) continue;
    const value = isTarget ? targetOf({ name }) : usual;
    const there = document.getIn(path);
    const parent = path.length === 1 || isMap(document.getIn(path.slice(0, -1)));
    if (!parent || (there !== undefined && there !== null)) continue;
    document.setIn(path, value);
    changed = true;
  }
  const folder = document.getIn(['dataset', 'data_dir']);
  const root = typeof folder === 'string' ? torchvisionRoot(folder) : undefined;
  if (root !== undefined) {
    document.setIn(['dataset', 'data_dir'], root);
    changed = true;
  }
  return changed ? document.toString({ lineWidth: 0 }) : text;
}

/** torchvision names the folder that MNIST/raw lies in; Basin takes either. Undefined where it is named already. */
function torchvisionRoot(folder: string): string | undefined {
  return /^(.+?)[\\/](?:Fashion)?MNIST[\\/]raw[\\/]?$/.exec(folder)?.[1];
}

type Config = Record<string, unknown>;

const isObject = (value: unknown): value is Config =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

export interface Derived {
  symmetry: 0 | 2;
  /** Written out, since its default depends on the symmetry; undefined where gates stand in its place. */
  activation: string | undefined;
  models: number;
  /** From what, and how: kept in the config under this name. */
  derived: Config;
}

/**
 * `config` with a model of the non-asymmetric form. The seeds that its models were trained from are not its own. A
 * declared or exported network has one form and no settings beside its graph.
 */
export function derivedConfig(config: Config, { symmetry, activation, models, derived }: Derived): string {
  const model = isObject(config['model']) ? { ...config['model'] } : {};
  delete model['mask_params'];
  delete model['asym_init_only'];
  delete model['family'];
  const { init_seed: _init, optimization_seed: _optimization, ...rest } = config;
  const named = isResnet(model) || isGnn(model);
  const form = {
    symmetry,
    ...(activation !== undefined && !named && { activation }),
    // W-asymmetric graph networks have gates x * sigmoid(C x), whatever the config calls them.
    ...(isGnn(model) && model['symmetry'] === 1 && { model_type: null }),
  };
  const isGraph = model['name'] === declaredName || model['name'] === exportedName;
  const changed = isGraph ? model : { ...model, ...form };
  return stringify({ ...rest, model: changed, num_models: models, derived }, { lineWidth: 0 });
}
