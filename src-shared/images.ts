/** The shape of images, as data sets say it. */

/** Channels, height, width: a row of the data has them in this order. */
export type ImageShape = readonly [channels: number, height: number, width: number];

/** "3 x 32 x 32" */
export const shapeText = (shape: readonly number[]): string => shape.join(' x ');
