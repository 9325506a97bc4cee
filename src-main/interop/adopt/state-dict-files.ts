/** Weights that lie in a file of their own, without a config: plain state dicts, safetensors, pairs with an accuracy. */
import { openCheckpoint } from '../../formats/checkpoint.ts';
import type { Checkpoint } from '../../formats/checkpoint.ts';
import { isResultEnding, isWeightsEnding } from '../../formats/endings.ts';
import { findWeights, holdsWeights } from '../../formats/find-weights.ts';
import { kindOfFile } from '../../formats/kind-of-file.ts';
import type { FileKind } from '../../formats/kind-of-file.ts';
import { openSource } from '../../formats/source.ts';
import type { LazyTensor } from '../../formats/tensor.ts';
import { openTorchFile } from '../../formats/torch/torch-file.ts';
import { isForeignZip } from '../../formats/torch/zip-kinds.ts';
import type { Tree } from '../../formats/torch/tree.ts';
import { neededFlags, unsupported } from './adopt-model.ts';
import { UnknownContent } from '../../formats/results/fit.ts';
import { recogniseStateDict } from './state-dicts.ts';

export interface Weights {
  tensors: ReadonlyMap<string, LazyTensor>;
  epoch: number | undefined;
  /** How the file holds them, in a person's words. */
  form: string;
  /** What a person should know: other weights in the file, facts that could not be used. Each a sentence. */
  notes: readonly string[];
  close(): void;
}

/**
 * True for files of weights, and for those of other formats that `openWeights` refuses by name; told from their bytes.
 * What holds anything else is left to the readers of results.
 * @throws UserError if it is a damaged file of torch.save
 */
export function isStateDictFile(path: string): boolean {
  const kind = kindOf(path);
  if (kind?.kind === 'safetensors') return true;
  if (isResultEnding(path) && kind?.kind !== 'torch-legacy') return false;
  if (kind === undefined) return isWeightsEnding(path);
  if (kind.kind === 'foreign' || (kind.kind === 'zip' && isForeignZip(path))) return true;
  const { root, close } = openTorchFile(path);
  close();
  return isPair(root) || holdsWeights(root);
}

function kindOf(path: string): FileKind | undefined {
  const source = openSource(path);
  try {
    return kindOfFile(source);
  } finally {
    source.close();
  }
}

/** asymmetric-networks, metanet_data/train_cifar.py: torch.save((state_dict, test_acc), ...) */
function isPair(root: Tree): root is readonly [Tree, Tree] {
  return Array.isArray(root) && root.length === 2 && holdsWeights(root[0] as Tree);
}

/** @throws UserError if the file is damaged, holds no weights or several networks, or is of another format, named */
export function openWeights(path: string): Weights {
  const kind = kindOf(path);
  if (kind?.kind === 'zip' || kind?.kind === 'torch-legacy') {
    const { root, close } = openTorchFile(path);
    if (isPair(root)) {
      try {
        return {
          tensors: findWeights(root[0], path).tensors,
          epoch: undefined,
          form: 'a state dict with a test accuracy, as asymmetric-networks saves it',
          notes: [],
          close,
        };
      } catch (thrown) {
        close();
        throw thrown;
      }
    }
    close();
  }
  const checkpoint = openCheckpoint(path);
  return {
    tensors: checkpoint.tensors,
    epoch: checkpoint.epoch,
    form: formOf(checkpoint),
    notes: [...besideNotes(checkpoint), ...checkpoint.notes],
    close: () => checkpoint.close(),
  };
}

function formOf({ trainable, under }: Checkpoint): string {
  if (under === undefined) return 'a plain state dict';
  return trainable ? 'a checkpoint' : `a state dict under ${JSON.stringify(under)}`;
}

/** Such as a moving average of the weights: which of them was read must be known. */
function besideNotes({ under, besides }: Checkpoint): string[] {
  if (besides.length === 0) return [];
  const others = besides.map((key) => JSON.stringify(key)).join(', ');
  return [`The tensors under ${JSON.stringify(under)} are used; those under ${others} are not read.`];
}

/** What the import report says about the file: recognised as what, and what is missing for a run. */
export function describeStateDict(path: string): string {
  const weights = openWeights(path);
  try {
    const found = recogniseStateDict(weights.tensors);
    if (found.kind === 'other') {
      const advice = found.hint === undefined ? '' : ` ${found.hint}`;
      throw new UnknownContent(`${path}: ${weights.form}: ${found.reason}.${advice}`);
    }
    const problem = unsupported(found);
    if (problem !== undefined) throw new UnknownContent(`${path}: ${weights.form}: ${problem}.`);
    const { family, widths, norm } = found;
    const flags = neededFlags(found);
    return (
      `${weights.form} of a ${family} MLP ${widths.join('-')} (norm ${norm}), without a config.yaml: ` +
      [
        `\`basin run adopt\`${flags.length > 0 ? ` with ${flags.join(' and ')}` : ''} makes a run from such files`,
        ...weights.notes,
      ]
        .join('. ')
        .replace(/\.$/, '')
    );
  } finally {
    weights.close();
  }
}
