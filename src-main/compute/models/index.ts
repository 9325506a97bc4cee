/** Models: what their files hold, and how they are drawn. */
export { fixedWeight, toEffective } from './effective.ts';
export { freshModels, initialise } from './initialise.ts';
export { numParameters, stateLayout, storedFamily } from './layout.ts';
export type { EffectiveLayer, EffectiveNetwork, HostTensor, StateDict } from './network.ts';
export { assertSameFixedPart, sameFixedPart, stateDictFromCheckpoint, tensorOf } from './state-dict.ts';
