/** Whether the tokens of a data set are those that a network knows. */
import { UserError } from '../../../src-shared/errors.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { takesWholes, vocabularyOf } from '../../../src-shared/networks/tokens.ts';
import { rowsOf } from './dataset.ts';
import type { Dataset, Examples } from './dataset.ts';

/**
 * @param who takes them, in messages
 * @throws UserError for tokens in place of numbers, numbers in place of tokens, and a token outside the vocabulary
 */
export function requireTokens(network: Network, { name, train, test }: Dataset, who: string): void {
  const takes = takesWholes(network);
  if (takes !== (train.tokens === true))
    throw takes
      ? new UserError(
          `${who} take tokens, whole numbers; the examples of ${name} are numbers to compute with.`,
          {
            hint: 'Add the data set as tokens: basin data add NAME --inputs FILE.npy --tokens (next-token data are tokens anyway).',
          },
        )
      : new UserError(`${who} take numbers to compute with; the examples of ${name} are tokens.`, {
          hint: 'Choose a network with an embedding, or add the data without --tokens.',
        });
  const size = vocabularyOf(network);
  if (size === undefined) return;
  for (const [part, examples] of Object.entries({ train, test })) {
    const bad = firstBeyond(examples, size);
    if (bad === undefined) continue;
    throw new UserError(
      `${name}, ${part}: example ${Math.floor(bad.index / examples.features)} (the first is 0), token ${bad.index % examples.features}: ${bad.token} is outside the vocabulary of the network, 0 to ${size - 1}.`,
      { hint: 'Export the network with a larger vocabulary, or give the tokens other numbers.' },
    );
  }
}

function firstBeyond(examples: Examples, size: number): { index: number; token: number } | undefined {
  const x = rowsOf(examples, 0, examples.count);
  const index = x.findIndex((token) => !(token >= 0 && token < size));
  return index < 0 ? undefined : { index, token: x[index]! };
}
