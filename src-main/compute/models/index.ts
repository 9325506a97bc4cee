/** Models: what their files hold, how they are drawn, and how many of them are evaluated at once. */
export { effectiveWeight, fixedWeight, linearScale, toEffective } from './effective.ts';
export { evaluateStacked, rowsPerPass, ScoreSum } from './evaluate.ts';
export type { Scores } from './evaluate.ts';
export { forwardStacked } from './forward.ts';
export type { Forward } from './forward.ts';
export { initialise } from './initialise.ts';
export type { InitialSeeds } from './initialise.ts';
export { fixedPartNames, numParameters, stateLayout, storedFamily } from './layout.ts';
export type { TensorPlace } from './layout.ts';
export type { EffectiveLayer, EffectiveNetwork, HostTensor, NormParameters, StateDict } from './network.ts';
export { stackNetworks } from './stack.ts';
export type { StackedLayer, StackedNetwork, StackedNorm } from './stack.ts';
export {
  assertSameFixedPart,
  describe,
  differenceOfFixedPart,
  sameFixedPart,
  stateDictFromCheckpoint,
  tensorOf,
} from './state-dict.ts';
export type { Model, ReadableTensor } from './state-dict.ts';
