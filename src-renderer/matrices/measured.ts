/** What a matrix was measured on, in words. */
import { z } from 'zod';
import { splitSchema } from '../../src-shared/domain.ts';
import type { MatrixSource } from './sources.ts';

const paramsSchema = z.object({
  split: splitSchema.optional().catch(undefined),
  alignSplit: splitSchema.optional().catch(undefined),
});

const splitNames = { train: 'training', val: 'validation', test: 'test' } as const;

/** @param params those of the job that measured it */
export function measuredText({ kindName, facets, place }: MatrixSource, params: unknown): string[] {
  const { split, alignSplit } = paramsSchema.safeParse(params).data ?? {};
  const used = kindName === 'similarity' ? (alignSplit ?? 'train') : split;
  const neurons = place?.params.checkpoints.length === 2 ? 'Activations of both models' : 'Measured';
  const shown: [string, string | number | null][] = [
    ['run', facets.run],
    ['layer', facets.layer],
    ['epoch', facets.epoch],
  ];
  const where = shown.flatMap(([name, value]) => (value === null ? [] : [`${name} ${value}`])).join(', ');
  return [
    used === undefined ? '' : `${neurons} on all examples of the ${splitNames[used]} split.`,
    where === '' ? '' : `${where.charAt(0).toUpperCase()}${where.slice(1)}.`,
    kindName === 'similarity'
      ? 'The correlation next to it, of two neurons, uses the first 10,000 examples of the same split: with more examples, or another measure of similarity, the two numbers differ.'
      : '',
  ];
}
