/** State dicts that are no chain of linear layers: what they are, by their right name, and what to do about it. */
import { isBookkeeping } from '../../formats/tensor-names.ts';

export interface TensorFacts {
  readonly shape: readonly number[];
  /** Absent where only shapes are known. */
  readonly dtype?: string;
}

/** One tensor: its name in the file, and what is known of it. */
export interface Entry {
  name: string;
  facts: TensorFacts;
}

export interface Refusal {
  kind: 'other';
  /** What it is, and why Basin cannot compute with it. */
  reason: string;
  /** What to do about it. */
  hint?: string;
}

export const refusal = (reason: string, hint?: string): Refusal => ({
  kind: 'other',
  reason,
  ...(hint !== undefined && { hint }),
});

export const declareHint =
  'Declare the network in a small file: basin run adopt --architecture FILE (docs/architectures.md).';

/** Undefined if no name gives another kind of network away. */
export function foreignModule(bare: ReadonlyMap<string, Entry>): Refusal | undefined {
  const names = [...bare.keys()].filter((name) => !isBookkeeping(name));
  const shapeOf = (name: string): readonly number[] => bare.get(name)!.facts.shape;
  const convolution = names.find((name) => shapeOf(name).length === 4);
  if (convolution !== undefined) return refusal(convolutional(convolution, names));
  const reparametrised = reparametrisation(names);
  if (reparametrised) return reparametrised;
  const kernel = names.find((name) => /(?:^|[./])kernel(?::0)?$/.test(name));
  if (kernel !== undefined)
    return refusal(
      `weights of Flax or Keras ("${kernel}"), whose kernels are [inputs, outputs]`,
      `Save them in PyTorch's layout: state["layers.0.weight"] = torch.tensor(kernel.T), state["layers.0.bias"] = torch.tensor(bias), and so on in the order of the layers.`,
    );
  const many = names.find((name) => shapeOf(name).length > 2);
  if (many !== undefined)
    return refusal(
      `a network with a tensor "${many}" of ${shapeOf(many).length} axes; linear layers have two`,
    );
  const word = names.map((name) => [name, foreignWord(name)] as const).find(([, kind]) => kind !== undefined);
  if (word)
    return refusal(
      `a network with ${word[1]} ("${word[0]}"), which by its name is not a plain chain of linear layers`,
      `If it has only linear layers, norms, activations and sums: ${declareHint}`,
    );
  const whole = names.find((name) => /^(?:u?int|bool)/.test(bare.get(name)!.facts.dtype ?? ''));
  if (whole === undefined) return undefined;
  return refusal(
    `a tensor "${whole}" of ${bare.get(whole)!.facts.dtype}: quantised weights, or not weights`,
    'Save the model in floating point: model.float() before model.state_dict().',
  );
}

function convolutional(example: string, names: readonly string[]): string {
  const has = (suffix: string): boolean => names.some((name) => name.endsWith(suffix));
  const asymmetric = has('.normal_mask')
    ? ' with W-asymmetric layers (mask, normal_mask), as asymmetric-networks has them'
    : has('.F_mat')
      ? ' with sigma-asymmetric gates (F_mat), as asymmetric-networks has them'
      : '';
  return `a convolutional network${asymmetric} (${example} has four axes); Basin computes with multilayer perceptrons`;
}

const loop = (condition: string, call: string): string =>
  `Fold it into the weights before saving, in Python: model.eval(); [${call} for m in list(model.modules()) if ${condition}]`;

/** Weights that a module computes from other tensors, each kind with the code that folds them. */
const reparametrisations: [pattern: RegExp, what: string, hint: string][] = [
  [
    /(?:^|\.)parametrizations\.\w+\.original[01]$/,
    'weight norm (torch.nn.utils.parametrizations.weight_norm)',
    loop(
      'torch.nn.utils.parametrize.is_parametrized(m, "weight")',
      'torch.nn.utils.parametrize.remove_parametrizations(m, "weight")',
    ),
  ],
  [
    /(?:^|\.)parametrizations\./,
    'a parametrized weight, such as spectral norm (torch.nn.utils.parametrizations)',
    loop(
      'torch.nn.utils.parametrize.is_parametrized(m, "weight")',
      'torch.nn.utils.parametrize.remove_parametrizations(m, "weight")',
    ),
  ],
  [
    /(?:^|\.)weight_g$/,
    'weight norm (torch.nn.utils.weight_norm)',
    loop('hasattr(m, "weight_g")', 'torch.nn.utils.remove_weight_norm(m)'),
  ],
  [
    /(?:^|\.)weight_mask$/,
    'pruned weights (torch.nn.utils.prune)',
    loop('hasattr(m, "weight_mask")', 'torch.nn.utils.prune.remove(m, "weight")'),
  ],
  [
    /(?:^|\.)weight_(?:orig|u)$/,
    'spectral norm (torch.nn.utils.spectral_norm)',
    loop('hasattr(m, "weight_orig")', 'torch.nn.utils.remove_spectral_norm(m)'),
  ],
];

function reparametrisation(names: readonly string[]): Refusal | undefined {
  for (const [pattern, what, hint] of reparametrisations) {
    const example = names.find((name) => pattern.test(name));
    if (example !== undefined)
      return refusal(`${what}: "${example}" is not a weight but a value a weight is computed from`, hint);
  }
  return undefined;
}

const words: [pattern: RegExp, what: string][] = [
  [/lora/i, 'LoRA adapters'],
  [/attn|attention|in_proj|[._](?:q|k|v)_?proj|(?:^|[._])(?:query|key|value)[._]/i, 'attention'],
  [/weight_[ih]h|(?:^|[._])(?:rnn|lstm|gru)\d*[._]/i, 'recurrent layers'],
  [/embed|(?:^|[._])emb\d*[._]/i, 'an embedding'],
  [/(?:^|[._])conv\d*[._]/i, 'a convolution'],
  [/skip|shortcut|resid|(?:^|[._])res(?:_?block|_?net)?\d*[._]|downsample/i, 'residual connections'],
  [/expert|ensemble|(?:^|[._])(?:branch|tower|member)(?:e?s)?\d*[._]/i, 'several branches'],
];

function foreignWord(name: string): string | undefined {
  return words.find(([pattern]) => pattern.test(name))?.[1];
}

/** Linear layers that have no bias: their modules. */
export function withoutBias(paths: readonly string[], norms: boolean): Refusal {
  const shown = paths.slice(0, 3).map((path) => `"${path === '' ? 'weight' : path}"`);
  const more = paths.length > 3 ? ` and ${paths.length - 3} more` : '';
  return refusal(
    `linear layers without a bias (${shown.join(', ')}${more})${norms ? ', as is common before a batch norm' : ''}`,
    `${declareHint} In it, a bias may be omitted.`,
  );
}
