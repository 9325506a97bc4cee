/** The settings that most runs change, under the config's own dotted names; everything else is in "All settings". */

export interface TrainingField {
  path: string;
  label: string;
  note?: string;
  options?: string[];
}

export const essentialFields: TrainingField[] = [
  { path: 'num_models', label: 'Models', note: 'trained at once; they share the fixed weights' },
  { path: 'training.num_epochs', label: 'Epochs' },
  { path: 'training.save_every', label: 'Save every … epochs', note: 'empty: first and last only' },
  { path: 'model.hidden_dim', label: 'Hidden units' },
  { path: 'model.num_layers', label: 'Linear layers' },
  { path: 'model.norm', label: 'Norm', options: ['layer', 'batch', 'layer_linear', 'batch_linear', 'none'] },
  { path: 'model.activation', label: 'Activation', options: ['gelu', 'relu', 'tanh', 'identity'] },
  { path: 'model.mask_params.default.mask_constant', label: 'σ_F, scale of the fixed weights' },
  { path: 'model.mask_params.default.num_fixed', label: 'Fixed weights per neuron' },
  { path: 'optimizer.lr', label: 'Learning rate' },
  { path: 'optimizer.weight_decay', label: 'Weight decay' },
  { path: 'dataset.batch_size', label: 'Batch size' },
  { path: 'seed', label: 'Seed', note: 'empty: drawn once and recorded' },
];

/** Every setting of a config with its dotted name, in the order of the file. */
export function leaves(config: Record<string, unknown>, prefix = ''): { path: string; value: unknown }[] {
  return Object.entries(config).flatMap(([key, value]) => {
    const path = prefix === '' ? key : `${prefix}.${key}`;
    const section = value !== null && typeof value === 'object' && !Array.isArray(value);
    return section ? leaves(value as Record<string, unknown>, path) : [{ path, value }];
  });
}

export function shownValue(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** `key.path=value` as it is typed on the command line; an emptied field means null. */
export function overrideOf(path: string, text: string): string {
  return `${path}=${text.trim() === '' ? 'null' : text.trim()}`;
}
