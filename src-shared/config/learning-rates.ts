/** By optimizer, if the config does not say it. Published are 0.001 (AdamW) and 0.1 (SGD); the others are PyTorch's. */
export const defaultLearningRates = { adamw: 0.001, adam: 0.001, sgd: 0.1, rmsprop: 0.01 } as const;
