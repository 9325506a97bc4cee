/** What training needs of the models beyond their public face. */
export { fixedWeight, linearScale } from './effective.ts';
export { sizeOf, stateLayout, storedFamily } from './layout.ts';
export { normEpsilon } from './stack.ts';
export { tensorOf } from './state-dict.ts';
