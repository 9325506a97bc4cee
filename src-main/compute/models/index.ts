/** Models: what their files hold, and how they are drawn. */
export { numParameters } from './count.ts';
export { freshModels, initialise } from './initialise.ts';
export { assertSameFixedPart, stateDictFromCheckpoint, tensorOf, withTied } from './state-dict.ts';
export type { HostTensor, StateDict } from './tensors.ts';
