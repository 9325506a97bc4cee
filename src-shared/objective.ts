/** What a network is trained for, if its examples have several binary labels each instead of one class. */
import { z } from 'zod';

/**
 * `binary-cross-entropy`: mean over the labels of -y log sigmoid(z) - (1 - y) log sigmoid(-z), PyTorch's BCEWithLogitsLoss.
 * `soft-labels`: -sum over the labels of y log softmax(z), with y as they are (they do not add up to 1): what PyTorch's
 * CrossEntropyLoss makes of them, with which neuron-identifiability would train.
 */
export const multilabelLosses = ['binary-cross-entropy', 'soft-labels'] as const;
export const multilabelLossSchema = z.enum(multilabelLosses);
export type MultilabelLoss = (typeof multilabelLosses)[number];

/** Each is the mean over the examples. */
export interface Objective {
  readonly loss: MultilabelLoss;
  /** Binary labels of an example; the network has as many outputs. */
  readonly labels: number;
}

/** As axes and columns have them. */
export const multilabelLossNames: Record<MultilabelLoss, string> = {
  'binary-cross-entropy': 'binary cross entropy (nats, mean over labels)',
  'soft-labels': 'cross entropy with soft labels (nats)',
};

export const labelAccuracyName = 'label accuracy (%)';

/** What loss and accuracy are, as one or two sentences for captions and notes. */
export function objectiveText(loss: MultilabelLoss): string {
  const what =
    loss === 'binary-cross-entropy'
      ? 'Loss: binary cross entropy, mean over the labels of an example.'
      : 'Loss: cross entropy with soft labels, -sum y log softmax(z), not divided by the number of labels that are 1.';
  return `${what} Accuracy: share of all binary labels that are right if a label counts as 1 for a logit above 0.`;
}
