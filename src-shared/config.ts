/** A run's config.yaml: reading it, overriding it, and what it means. */
export * from './config/schema.ts';
export * from './config/overrides.ts';
export * from './config/resolve.ts';
export type { Augmentation } from './config/augmentation.ts';
export { sizeOverrides } from './config/data-sizes.ts';
export * from './config/geometry.ts';
export { objectiveFor, shareOf } from './config/objective.ts';
export * from './config/tolerant.ts';
export { isTrackerRecord } from './config/understand.ts';
export * from './config/family.ts';
export { defaultLearningRates } from './config/learning-rates.ts';
export { isGnn } from './config/gnn.ts';
export { isResnet, resnetNorms } from './config/resnet.ts';
export * from './config/fixed-weights.ts';
export * from './config/effects.ts';
export * from './config/never-read.ts';
export * from './config/trackers.ts';
export * from './config/settings.ts';
