import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { UsageError } from '../../src-main/cli/errors.ts';
import type { Flag } from '../../src-main/cli/flags.ts';
import { completeParams, flagsOf, kebab, parseFlag, setAt, valueHint } from '../../src-main/cli/flags.ts';
import { dataSourceSchema } from '../../src-shared/domain.ts';

const schema = z.strictObject({
  run: z.string().meta({ path: true }),
  models: z.array(z.int().positive()).min(1),
  epoch: z.int().nonnegative(),
  recordingPoint: z.enum(['post_linear', 'post_norm']).default('post_norm').describe('where'),
  data: dataSourceSchema.partial().optional(),
  numbers: z.union([z.literal('all'), z.array(z.number())]).optional(),
  exact: z.boolean().default(true),
  seed: z.int().nullable().default(null),
  groups: z.array(z.object({ key: z.string() })).optional(),
});

const flags = flagsOf(schema);
const flag = (name: string): Flag => {
  const found = flags.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no flag ${name}`);
  return found;
};

describe('flags derived from params', () => {
  test('are named after the fields, nested ones by their own name', () => {
    expect(flags.map((f) => f.name)).toEqual([
      'run',
      'models',
      'epoch',
      'recording-point',
      'data',
      'data-dir',
      'split-file',
      'numbers',
      'exact',
      'seed',
      'groups',
    ]);
    expect(flags.filter((f) => f.required).map((f) => f.name)).toEqual(['run', 'models', 'epoch']);
    expect(kebab('recordingPoint')).toBe('recording-point');
    expect(kebab('num_fixed')).toBe('num-fixed');
  });

  test('parse what a person types', () => {
    expect(parseFlag(flag('models'), '1,2')).toEqual([1, 2]);
    expect(parseFlag(flag('models'), '1-3,7')).toEqual([1, 2, 3, 7]);
    expect(parseFlag(flag('models'), '1,10-31/10')).toEqual([1, 10, 20, 30]);
    expect(() => parseFlag(flag('models'), '1-9/0')).toThrow(/"1-9\/0" is not a range/);
    expect(parseFlag(flag('epoch'), '5')).toBe(5);
    expect(parseFlag(flag('numbers'), 'all')).toBe('all');
    expect(parseFlag(flag('numbers'), '0.5,-1e-3')).toEqual([0.5, -0.001]);
    expect(parseFlag(flag('groups'), '[{"key":"a"}]')).toEqual([{ key: 'a' }]);
    expect(parseFlag(flag('run'), 'some/folder')).toBe(resolve('some/folder'));
    expect(parseFlag(flag('split-file'), '/a/b.json')).toBe('/a/b.json');
  });

  test.each([
    ['models', '1,x', /--models "1,x": expected a whole number/],
    ['models', '4-1', /not a range/],
    ['epoch', '1.5', /whole number/],
    ['epoch', '', /whole number/],
    ['recording-point', 'post_nrm', /post_linear, post_norm.*Did you mean "post_norm"/],
    ['groups', '{', /JSON/],
  ])('say what is wrong with --%s %s', (name, text, message) => {
    expect(() => parseFlag(flag(name), text)).toThrow(message);
    expect(() => parseFlag(flag(name), text)).toThrow(UsageError);
  });

  test('show what they expect', () => {
    expect(valueHint(flag('recording-point').node)).toBe('post_linear|post_norm');
    expect(valueHint(flag('models').node)).toBe('LIST');
    expect(valueHint(flag('numbers').node)).toBe('all|LIST');
  });

  test('complete params through the schema, and speak of flags where that fails', () => {
    const params: Record<string, unknown> = { run: '/r', models: [1], epoch: 0 };
    setAt(params, ['data', 'dataDir'], '/d');
    expect(completeParams(schema, params, flags)).toMatchObject({
      recordingPoint: 'post_norm',
      data: { dataDir: '/d' },
    });
    expect(() => completeParams(schema, { run: '/r', models: [1] }, flags)).toThrow(/--epoch is missing/);
    expect(() => completeParams(schema, { run: '/r', models: [0], epoch: 0 }, flags)).toThrow(/--models: /);
    expect(() => completeParams(schema, { ...params, modls: 1 }, flags)).toThrow(
      /unknown parameter "modls".*"models"/,
    );
  });
});
