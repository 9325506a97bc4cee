/** What forms say of values that cannot be used: every field at once, and what is expected of it. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { problemsOf, textsOf, textsWithin } from '../../../src-renderer/analysis/validation.ts';
import { problemsByField, shortProblem } from '../../../src-renderer/training/field-problems.ts';
import { paramSchema } from '../../../src-shared/jobs/schema.ts';
import { jobKinds, type AnyJobKind } from '../../../src-shared/jobs/index.ts';

const params = z
  .object({
    run: z.string().min(1).meta({ label: 'Run' }),
    samples: z.int().positive().max(1000).default(10).meta({ label: 'Examples' }),
    rates: z.array(z.number().min(0)).optional().meta({ label: 'Rates' }),
    mode: z.enum(['fast', 'exact']).default('fast').meta({ label: 'Mode' }),
    data: z.object({ name: z.string(), size: z.number() }).optional().meta({ label: 'Data' }),
    low: z.number().optional().meta({ label: 'Low' }),
    either: z
      .union([z.int(), z.array(z.int())])
      .optional()
      .meta({ label: 'Either' }),
  })
  .superRefine(({ low, samples }, context) => {
    if (low !== undefined && low > samples)
      context.addIssue({ code: 'custom', path: ['low'], message: 'at most the number of examples' });
  });
const texts = (given: unknown) => textsOf(problemsOf(params, paramSchema(params), given));

describe('the settings of an analysis', () => {
  it('are all judged at once, each in words', () => {
    expect(
      texts({
        ...{ samples: 1.5, rates: [1, -1, 'x'], mode: 'slow', data: { name: 'a', size: 'big' } },
        either: 'many',
      }),
    ).toEqual({
      run: 'This is needed.',
      samples: 'A whole number was expected.',
      rates: 'A number of at least 0 was expected.',
      mode: 'One of fast, exact was expected.',
      'data.size': 'A number was expected.',
      either: 'A number, or a list was expected.',
    });
    expect(texts({ run: 'r', samples: 0 })).toEqual({ samples: 'A number of more than 0 was expected.' });
    expect(texts({ run: 'r', samples: 2000 })).toEqual({ samples: 'A number of at most 1000 was expected.' });
    expect(texts({ run: 'r', samples: NaN })).toEqual({ samples: 'A number was expected.' });
    expect(texts({ run: 'r', low: 11 })).toEqual({ low: 'At most the number of examples.' });
    expect(texts({ run: 'r' })).toEqual({});
  });

  it('name the field by its label, and a section’s fields within it', () => {
    const [problem] = problemsOf(params, paramSchema(params), { run: 'r', samples: 0 });
    expect(problem).toMatchObject({ path: ['samples'], label: 'Examples' });
    expect(textsWithin({ 'data.size': 'x', data: 'y', other: 'z' }, 'data')).toEqual({ size: 'x' });
  });

  it.each(Object.values<AnyJobKind>(jobKinds).map((kind) => [kind.kind, kind] as const))(
    'of %s say nothing in the words of the library',
    (_name, kind) => {
      const schema = paramSchema(kind.params);
      const bad = Object.fromEntries(
        Object.keys(schema.properties ?? {}).map((name) => [name, Symbol.iterator]),
      );
      for (const { text } of problemsOf(kind.params, schema, bad))
        expect(text).not.toMatch(/Invalid input|Too (small|big)|received/);
    },
  );
});

describe('the problems of a config', () => {
  const paths = ['dataset', 'seed', 'model.norm', 'sigma_f', 'optimizer.lr', 'init_seed'];

  it('belong to the setting that they name', () => {
    const problems = [
      'optimizer.lr is "abc": a number was expected.',
      'the config: model.norm is "xx"; expected one of layer, batch.',
      'override "sigma_f=x": sigma_f is "x"; a number was expected.',
      'init_seed is 1.5: a whole number was expected.',
      'data set "nope" is unknown.',
      'dataset.name is 3: text was expected.',
    ];
    const { byPath, others } = problemsByField(problems, paths);
    expect([...byPath.keys()].toSorted()).toEqual(['init_seed', 'model.norm', 'optimizer.lr', 'sigma_f']);
    expect(others).toEqual(problems.slice(4));
  });

  it.each([
    ['optimizer.lr', 'optimizer.lr is "abc": a number was expected.', 'A number was expected.'],
    ['model.norm', 'the config: model.norm is "xx"; expected one of a, b.', 'Expected one of a, b.'],
    ['sigma_f', 'override "sigma_f=x": sigma_f is "x"; a number was expected.', 'A number was expected.'],
    ['seed', 'config: seed has no effect.', 'Seed has no effect.'],
  ])('%s: %s', (path, problem, short) => {
    expect(shortProblem(problem, path)).toBe(short);
  });
});
