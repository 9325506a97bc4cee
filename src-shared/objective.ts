/** What a network is trained for, if it is anything else than the one class of every example. */
import { z } from 'zod';

/** What the targets of a data set are: of a data set that was added its `task`, and `dataset.task` of a config. */
export const tasks = ['classification', 'next-token', 'regression'] as const;
export const taskSchema = z.enum(tasks);
export type Task = (typeof tasks)[number];

/**
 * `binary-cross-entropy`: mean over the labels of -y log sigmoid(z) - (1 - y) log sigmoid(-z), PyTorch's BCEWithLogitsLoss.
 * `soft-labels`: -sum over the labels of y log softmax(z), with y as they are (they do not add up to 1): what PyTorch's
 * CrossEntropyLoss makes of them, with which neuron-identifiability would train.
 */
export const multilabelLosses = ['binary-cross-entropy', 'soft-labels'] as const;
export const multilabelLossSchema = z.enum(multilabelLosses);
export type MultilabelLoss = (typeof multilabelLosses)[number];

/**
 * `next-token`: mean over the tokens that count of -log softmax(z)[token], PyTorch's F.cross_entropy of all positions of a
 * batch, tokens left out by `ignore_index`. `mean-squared-error`: mean over the numbers of an example, and over the
 * examples, of (z - y)^2, PyTorch's F.mse_loss.
 */
export const lossNames = [...multilabelLosses, 'next-token', 'mean-squared-error'] as const;
export const lossNameSchema = z.enum(lossNames);
export type LossName = (typeof lossNames)[number];

export interface Objective {
  readonly loss: LossName;
  /** How many numbers label an example: binary labels, tokens (-1: does not count), or numbers to be predicted. */
  readonly labels: number;
}

/** What the numbers that label an example are. */
export type TargetKind = 'binary' | 'tokens' | 'numbers';

export const targetKindOf: Readonly<Record<LossName, TargetKind>> = {
  'binary-cross-entropy': 'binary',
  'soft-labels': 'binary',
  'next-token': 'tokens',
  'mean-squared-error': 'numbers',
};

/** "8 binary labels each", of targets or an objective's; undefined: "one class each". */
export function targetsText(targets: { kind: TargetKind; each: number } | undefined): string {
  if (!targets) return 'one class each';
  const { kind, each } = targets;
  const [one, many] = {
    binary: ['binary label', 'binary labels'],
    tokens: ['token to predict', 'tokens to predict'],
    numbers: ['number to predict', 'numbers to predict'],
  }[kind] as [string, string];
  return `${each} ${each === 1 ? one : many} each`;
}

/** The targets of an objective, as examples have them. */
export const targetsOf = (objective: Objective | undefined): { kind: TargetKind; each: number } | undefined =>
  objective && { kind: targetKindOf[objective.loss], each: objective.labels };

/**
 * What is wrong with a network that gives this for one example; undefined: its loss can be computed.
 * @param shape of the network's output
 */
export function objectiveMismatch(
  shape: readonly number[],
  objective: Objective | undefined,
): string | undefined {
  const gives = `the network gives [${shape.join(', ')}] for an example`;
  const targets = targetsOf(objective);
  if (targets?.kind === 'tokens')
    return shape.length === 2 && shape[0] === targets.each
      ? undefined
      : `${gives}; a row of logits for each token was expected, [tokens, vocabulary].`;
  if (targets?.kind === 'numbers')
    return shape.length < 2 && (shape[0] ?? 1) === targets.each
      ? undefined
      : `${gives}; the numbers that it predicts were expected, [numbers].`;
  if (shape.length === 1) return undefined;
  return `${gives}; losses, accuracies and kernels of data with ${targetsText(targets)} are those of one row of logits per example.`;
}

/** As axes and columns have them. */
export const lossTitles: Record<LossName, string> = {
  'binary-cross-entropy': 'binary cross entropy (nats, mean over labels)',
  'soft-labels': 'cross entropy with soft labels (nats)',
  'next-token': 'cross entropy (nats, mean over tokens)',
  'mean-squared-error': 'mean squared error',
};

/** Behind a number of a loss or a barrier of it. */
export const lossUnit = (loss: LossName | undefined): string =>
  loss === 'mean-squared-error' ? 'of the mean squared error' : 'nats';

const accuracyNames: Record<TargetKind, string | undefined> = {
  binary: 'label accuracy',
  tokens: 'token accuracy',
  numbers: undefined,
};

/** What the share of right answers is called; undefined if there is none. */
export const accuracyName = (loss: LossName | undefined): string | undefined =>
  loss === undefined ? 'accuracy' : accuracyNames[targetKindOf[loss]];

/** As axes and columns have it. @throws Error if there is none */
export function accuracyTitle(loss: LossName | undefined): string {
  const name = accuracyName(loss);
  if (name === undefined) throw new Error(`there is no accuracy with the loss ${loss}`);
  return `${name} (%)`;
}

/** " of labels", " of tokens": behind a number; empty of one class each. */
export const accuracyOf = (loss: LossName | undefined): string =>
  loss === undefined ? '' : { binary: ' of labels', tokens: ' of tokens', numbers: '' }[targetKindOf[loss]];

/** Whether there is a share of right answers. */
export const hasAccuracy = (loss: LossName | undefined): boolean => accuracyName(loss) !== undefined;

/** The number that people of the field read beside a loss, and that follows from it; undefined if there is none. */
export function familiarForm(
  loss: LossName | undefined,
): { name: string; of: (loss: number) => number } | undefined {
  if (loss === 'next-token') return { name: 'perplexity', of: Math.exp };
  if (loss === 'mean-squared-error') return { name: 'RMSE', of: Math.sqrt };
  return undefined;
}

const lossTexts: Record<LossName, string> = {
  'binary-cross-entropy': 'Loss: binary cross entropy, mean over the labels of an example.',
  'soft-labels':
    'Loss: cross entropy with soft labels, -sum y log softmax(z), not divided by the number of labels that are 1.',
  'next-token':
    'Loss: cross entropy of the next token, mean over all tokens that count; perplexity is exp(loss).',
  'mean-squared-error':
    'Loss: mean squared error, over all numbers of all examples; RMSE is its square root. There is no accuracy.',
};

const accuracyTexts: Record<TargetKind, string> = {
  binary: 'Accuracy: share of all binary labels that are right if a label counts as 1 for a logit above 0.',
  tokens: 'Accuracy: share of the tokens that count whose logit is the largest.',
  numbers: '',
};

/** What loss and accuracy are, as one or two sentences for captions and notes. */
export const objectiveText = (loss: LossName): string =>
  `${lossTexts[loss]} ${accuracyTexts[targetKindOf[loss]]}`.trim();
