/** Models: what their files hold, how they are drawn, and how many of them are evaluated at once. */
export { fixedWeight, toEffective } from './effective.ts';
export { evaluateStacked, rowsPerPass, ScoreSum } from './evaluate.ts';
export type { Scores } from './evaluate.ts';
export { forwardStacked } from './forward.ts';
export { freshModels, initialise } from './initialise.ts';
export { numParameters, stateLayout, storedFamily } from './layout.ts';
export type { EffectiveLayer, EffectiveNetwork, HostTensor, NormParameters, StateDict } from './network.ts';
export { stackNetworks } from './stack.ts';
export type { StackedNetwork, StackedNorm } from './stack.ts';
export { assertSameFixedPart, sameFixedPart, stateDictFromCheckpoint, tensorOf } from './state-dict.ts';
