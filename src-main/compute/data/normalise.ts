/** From bytes to the numbers that networks see. */

export interface Normalisation {
  mean: number;
  std: number;
}

/**
 * (byte / 255 - mean) / std in float32 steps, as torchvision's ToTensor and Normalize round: 256 numbers for each of the
 * channels.
 */
export function pixelTable(channels: readonly Normalisation[]): Float32Array {
  const { fround } = Math;
  const table = new Float32Array(256 * channels.length);
  for (const [c, { mean, std }] of channels.entries()) {
    for (let value = 0; value < 256; value++)
      table[256 * c + value] = fround(fround(fround(value / 255) - fround(mean)) / fround(std));
  }
  return table;
}
