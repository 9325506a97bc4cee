/** How many numbers of a network are trained, and how many are fixed. */
import type { Graph, Parameter } from './graph.ts';
import { sizeOf } from '../shapes.ts';

export interface Counts {
  /** All entries of trained tensors. */
  total: number;
  /** Those that training moves: without the zeros of D. */
  trained: number;
  /** Entries at which something stands that training cannot change: zeros of D, F elsewhere, the C of gates. */
  fixed: number;
}

/** Of one model. */
export function countsOf({ parameters, nodes }: Graph): Counts {
  const families = parameters.flatMap(({ family }) => family ?? []);
  const masks = new Set(families.map(({ mask }) => mask));
  // At the zeros of D, which are counted already.
  const hidden = new Set(
    families.flatMap(({ fixed, support }) => (support === 'fixed' && fixed?.tensor) || []),
  );
  const ofNorms = new Set(
    nodes.flatMap(({ op, parameters: words }) => (op === 'norm' ? Object.values(words) : [])),
  );
  const counts: Counts = { total: 0, trained: 0, fixed: 0 };
  for (const parameter of parameters) {
    const { name, role, shape, constant, packed, held } = parameter;
    if (role === 'trained') {
      counts.total += sizeOf(shape);
      const still = held ? held.count * shape[0]! : 0;
      counts.trained += sizeOf(shape) - still;
      counts.fixed += still;
    }
    // Constants stand for what a person's files lack.
    if (
      role !== 'fixed' ||
      constant !== undefined ||
      packed !== undefined ||
      hidden.has(name) ||
      ofNorms.has(name)
    )
      continue;
    const fixes = entriesFixedBy(parameter);
    counts.fixed += fixes;
    if (masks.has(name)) counts.trained -= fixes;
  }
  return counts;
}

function entriesFixedBy({ shape, initial }: Parameter): number {
  switch (initial?.kind) {
    case 'mask':
      return initial.zeros * shape[0]!;
    case 'file':
      return initial.fixes;
    case 'identity':
      return shape[0]!;
    default:
      return sizeOf(shape);
  }
}
