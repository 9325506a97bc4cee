/** Weights that lie in a file of their own, without a config: plain state dicts, safetensors, pairs with an accuracy. */
import { extname } from 'node:path';
import { openCheckpoint } from '../../formats/checkpoint.ts';
import type { LazyTensor } from '../../formats/tensor.ts';
import { openTorchFile } from '../../formats/torch/torch-file.ts';
import { isStateDict, isTreeMap } from '../../formats/torch/tree.ts';
import { UnknownContent } from './fit.ts';
import { recogniseStateDict } from './state-dicts.ts';

export interface Weights {
  tensors: ReadonlyMap<string, LazyTensor>;
  epoch: number | undefined;
  /** How the file holds them, in a person's words. */
  form: string;
  close(): void;
}

/** True for files of weights; what holds anything else is left to the readers of results. */
export function isStateDictFile(path: string): boolean {
  if (extname(path) === '.safetensors') return true;
  if (!['.pt', '.pth', '.bin', '.ckpt'].includes(extname(path))) return false;
  const { root, close } = torchRoot(path);
  close();
  if (Array.isArray(root)) return isStateDict(root[0]);
  return (
    isStateDict(root) ||
    (isTreeMap(root) && ['model_state_dict', 'state_dict', 'model'].some((key) => root.has(key)))
  );
}

function torchRoot(path: string) {
  const file = openTorchFile(path);
  return { root: file.root, close: () => file.close() };
}

/** @throws UserError if the file is damaged or holds no weights */
export function openWeights(path: string): Weights {
  if (extname(path) !== '.safetensors') {
    const { root, close } = torchRoot(path);
    const [tensors] = Array.isArray(root) ? root : [];
    if (isStateDict(tensors)) {
      // asymmetric-networks, metanet_data/train_cifar.py: torch.save((state_dict, test_acc), ...)
      return {
        tensors,
        epoch: undefined,
        form: 'a state dict with a test accuracy, as asymmetric-networks saves it',
        close,
      };
    }
    close();
  }
  const checkpoint = openCheckpoint(path);
  return {
    tensors: checkpoint.tensors,
    epoch: checkpoint.epoch,
    form: checkpoint.trainable ? 'a checkpoint' : 'a plain state dict',
    close: () => checkpoint.close(),
  };
}

/** What the import report says about the file: recognised as what, and what is missing for a run. */
export function describeStateDict(path: string): string {
  const weights = openWeights(path);
  try {
    const found = recogniseStateDict(weights.tensors);
    if (found.kind === 'other') throw new UnknownContent(`${path}: ${weights.form}: ${found.reason}.`);
    const { family, widths, norm } = found;
    return (
      `${weights.form} of a ${family} MLP ${widths.join('-')} (norm ${norm}), without a config.yaml: ` +
      '`basin run adopt` makes a run of such files'
    );
  } finally {
    weights.close();
  }
}
