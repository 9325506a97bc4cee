/** Names of the modules of a multilayer perceptron, as the published code has them (src/models/mlp.py). */

/** The linear layer of that number, the first is 0. */
export const linearName = (index: number): string => `lins.${index}`;
