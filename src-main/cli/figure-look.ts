/** `--colours`, `--range`, `--share` of `basin figure`: how values become colours. */
import { InvalidArgumentError } from 'commander';
import { UserError } from '../../src-shared/errors.ts';
import type { FigureKindName } from '../../src-shared/figures/index.ts';

export interface ColourFlags {
  colours?: string;
  range?: [number, number];
  share?: string;
}

/** Kinds of figure that have the field in their data. */
const takers: Record<keyof ColourFlags, readonly FigureKindName[]> = {
  colours: ['matrix', 'barrier-matrix', 'plane-contour'],
  range: ['matrix', 'barrier-matrix', 'plane-contour'],
  share: ['matrix'],
};

/** Reads `-2,30`. */
export function parseRange(text: string): [number, number] {
  const parts = text.split(',').map((part) => (part.trim() === '' ? NaN : Number(part)));
  const [low, high] = parts;
  if (parts.length === 2 && Number.isFinite(low) && Number.isFinite(high) && low! < high!)
    return [low!, high!];
  throw new InvalidArgumentError('Expected two numbers, the lower one first, such as --range=-2,30.');
}

/**
 * The recipe with the colours asked for.
 * @throws UserError if figures of its kind have no such choice
 */
export function withColours<R extends { kind: string; data: unknown }>(recipe: R, flags: ColourFlags): R {
  const { colours, range, share } = flags;
  const given = {
    ...(colours !== undefined && { colours }),
    ...(range && { range }),
    ...(share !== undefined && { share }),
  };
  for (const name of Object.keys(given) as (keyof ColourFlags)[]) {
    if (takers[name].some((kind) => kind === recipe.kind)) continue;
    throw new UserError(`--${name}: a figure of the kind ${recipe.kind} has no such choice.`, {
      hint: `Kinds that have it: ${takers[name].join(', ')}.`,
    });
  }
  return Object.keys(given).length === 0
    ? recipe
    : { ...recipe, data: { ...(recipe.data as object), ...given } };
}
