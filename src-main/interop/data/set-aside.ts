/** Examples that are kept from training, to test with. */
import { UserError } from '../../../src-shared/errors.ts';
import type { StoredPart } from '../../formats/added-data.ts';
import { torchPermutation } from '../../compute/random.ts';

/** Of the draw: the same files, the same set. */
export const testSeed = 42;

interface Draw {
  /** Numbers of an example. */
  features: number;
  share: number;
  /** Every class is to have an example left to train on. */
  byClass: boolean;
}

/**
 * Draws examples to test with. The last example of a class is never drawn, so that every class can be trained on.
 * @returns what is left to train on, and what was set aside; each in the order of the file
 * @throws UserError if nothing can be set aside
 */
export function setAside(part: StoredPart, draw: Draw): { parts: StoredPart[]; notes: string[] } {
  const { features, share, byClass } = draw;
  const count = part.data.length / features;
  const wanted = Math.floor(count * share);
  const left = new Map<number, number>();
  if (byClass) for (const label of part.labels) left.set(label, (left.get(label) ?? 0) + 1);
  const drawn = new Set<number>();
  for (const index of torchPermutation(testSeed, count).toReversed()) {
    if (drawn.size === wanted) break;
    const label = part.labels[index]!;
    if (byClass && left.get(label) === 1) continue;
    drawn.add(index);
    if (byClass) left.set(label, left.get(label)! - 1);
  }
  if (drawn.size < 1) {
    const [classes, every] = byClass
      ? [` of ${left.size} classes`, ', and one of every class to train on']
      : ['', ''];
    throw new UserError(
      `testShare: ${share} of ${count} examples${classes} are ${drawn.size} to test with; at least one is needed${every}.`,
      { hint: 'Choose another testShare, add examples, or give test inputs.' },
    );
  }
  const all = Int32Array.from({ length: count }, (_, i) => i);
  const [train, test] = [all.filter((i) => !drawn.has(i)), all.filter((i) => drawn.has(i))];
  const notes =
    drawn.size === wanted
      ? []
      : [
          `${drawn.size} examples were set aside to test with instead of ${wanted}: the last example of a class stays to train on.`,
        ];
  const each = part.labels.length / count;
  const rowsOf = (indices: Int32Array): StoredPart => ({
    data: picked(part.data, indices, features),
    labels: picked(part.labels, indices, each),
  });
  return { parts: [rowsOf(train), rowsOf(test)], notes };
}

type Numbers = Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>;

function picked<T extends Numbers>(from: T, indices: Int32Array, width: number): T {
  const length = indices.length * width;
  const to = (
    from instanceof Uint8Array
      ? new Uint8Array(length)
      : from instanceof Int32Array
        ? new Int32Array(length)
        : new Float32Array(length)
  ) as T;
  for (const [row, index] of indices.entries())
    to.set(from.subarray(index * width, (index + 1) * width), row * width);
  return to;
}
