/** The entries of a matrix that tell most: neurons that are all but the same. */
import type { Matrix } from '../../src-shared/matrix.ts';

export interface Extreme {
  row: number;
  column: number;
  value: number;
}

/**
 * The lowest (or highest) entries, the most extreme first. Of a matrix of one model (`own`) without the diagonal, where
 * each neuron meets itself, and with one of two entries that are the same pair with the same value.
 */
export function extremesOf(
  { rows, columns, data }: Matrix,
  { most, highest, own }: { most: number; highest: boolean; own: boolean },
): Extreme[] {
  const found: Extreme[] = [];
  const sign = highest ? -1 : 1;
  let worst = Infinity;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const value = data[row * columns + column]!;
      const rank = sign * value;
      // What is no number is not below anything.
      if (!(rank < worst)) continue;
      if (own && (row === column || (row > column && data[column * columns + row] === value))) continue;
      const at = found.findIndex((one) => rank < sign * one.value);
      found.splice(at < 0 ? found.length : at, 0, { row, column, value });
      if (found.length > most) found.pop();
      if (found.length === most) worst = sign * found[most - 1]!.value;
    }
  }
  return found;
}
