/** What of the benchmarks can be wrong without a machine to measure: options, rows, tables. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { jobKindNamed } from '../../../src-shared/jobs/index.ts';
import { tableOf } from '../../bench/published/table.ts';
import { works } from '../../bench/published/works.ts';
import {
  benchOptions,
  digits,
  markdownTable,
  performancePage,
  publishedRowSchema,
  scalingRowSchema,
  withTable,
} from '../../bench/support/report.ts';

describe('options of a benchmark', () => {
  const known = ['training', 'ridge'];

  it('have defaults', () => {
    expect(benchOptions([], known, 3)).toEqual({ json: false, write: false, turns: 3 });
  });

  it('are read', () => {
    const options = benchOptions(['--json', '--only', 'ridge', '--turns', '5'], known, 3);
    expect(options).toEqual({ json: true, write: false, only: 'ridge', turns: 5 });
    expect(benchOptions(['--write', '--turns=2'], known, 3)).toMatchObject({ write: true, turns: 2 });
  });

  it.each([
    [['--only', 'rigde'], '--only rigde: there is no such work; there are training, ridge.'],
    [['--turns', '0'], '--turns 0: a whole number from 1 on was expected.'],
    [['--turns', '1.5'], '--turns 1.5: a whole number from 1 on was expected.'],
    [['--write', '--only', 'ridge'], '--write with --only: the table in docs/performance.md holds all rows.'],
  ])('%j are refused', (args, message) => {
    expect(() => benchOptions(args, known, 3)).toThrow(message);
  });

  it('that there are not are refused with those that there are', () => {
    const hint = expect.stringContaining('--only training|ridge') as string;
    expect(() => benchOptions(['--fast'], known, 3)).toThrow(expect.objectContaining({ hint }));
    expect(() => benchOptions(['ridge'], known, 3)).toThrow(expect.objectContaining({ hint }));
  });
});

describe('rows', () => {
  const row = { work: 'ridge', basin_s: 2, published_s: 20, ratio: 10 };

  it('of the comparison have these fields and no others', () => {
    expect(publishedRowSchema.parse(row)).toEqual(row);
    expect(publishedRowSchema.safeParse({ ...row, basin: 2 }).success).toBe(false);
    expect(publishedRowSchema.safeParse({ ...row, basin_s: undefined }).success).toBe(false);
    expect(publishedRowSchema.safeParse({ ...row, basin_s: 0 }).success).toBe(false);
    expect(publishedRowSchema.safeParse({ ...row, ratio: NaN }).success).toBe(false);
  });

  it('of growth name the quantity, its value and the peak', () => {
    const found = {
      ...{ quantity: 'models', value: 16, basin_s: 1.5 },
      ...{ gflops: 80, peak_gflops: 100, share_of_peak: 0.8 },
    };
    expect(scalingRowSchema.parse(found)).toEqual(found);
    expect(scalingRowSchema.safeParse({ ...found, value: 1.5 }).success).toBe(false);
    expect(scalingRowSchema.safeParse({ ...found, peak_gflops: Infinity }).success).toBe(false);
  });
});

describe('tables', () => {
  it('are Markdown', () => {
    expect(markdownTable(['work', 'seconds'], [['ridge', 2]])).toBe(
      '| work | seconds |\n|---|--:|\n| ridge | 2 |',
    );
  });

  it('show three digits without an exponent', () => {
    expect([1234.5, 123.4, 12.34, 1.234, 0.1234, 0.01234].map(digits)).toEqual([
      ...['1235', '123', '12.3', '1.23', '0.123', '0.012'],
    ]);
  });

  it('replace what is between their marks, and nothing else', () => {
    const page = 'a\n<!-- bench x -->\n\nold\n\n<!-- /bench x -->\nb <!-- bench y --><!-- /bench y -->\n';
    const once = withTable(page, 'x', '| new |');
    expect(once).toBe(
      'a\n<!-- bench x -->\n\n| new |\n\n<!-- /bench x -->\nb <!-- bench y --><!-- /bench y -->\n',
    );
    expect(withTable(once, 'x', '| new |')).toBe(once);
  });

  it.each([
    '',
    '<!-- bench x -->',
    '<!-- /bench x --><!-- bench x -->',
    '<!-- bench x --><!-- bench x --><!-- /bench x -->',
  ])('are not put into a page without a place for them: %j', (page) => {
    expect(() => withTable(page, 'x', 'new')).toThrow('were expected once each');
  });

  it('have their places in docs/performance.md', () => {
    const page = readFileSync(performancePage, 'utf8');
    for (const name of ['published', 'scaling']) expect(withTable(page, name, 'new')).toContain('new');
  });
});

describe('works', () => {
  it.each(Object.entries(works))(
    '%s asks a question that its kind of job takes',
    (_name, { kind, params }) => {
      const job = jobKindNamed(kind);
      const parsed = job.params.safeParse(params('/tmp/x'));
      expect(parsed.error).toBeUndefined();
    },
  );
});

describe('the table of whole jobs', () => {
  const row = { work: 'ridge', basin_s: 2, published_s: 30, ratio: 15 };

  it('has a row per work', () => {
    const lines = tableOf([row], []).split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[2]).toBe(`| ${works['ridge']!.title} | 2.00 s | 30.0 s | 15.0 | 10 |`);
  });

  it('says of which works there is no row', () => {
    const failed = ['training', 'matching'].map((name) => works[name]!.title).join('; ');
    const text = tableOf([row], ['training', 'matching']);
    expect(text.startsWith(`${tableOf([row], [])}\n\n`)).toBe(true);
    expect(text).toContain(
      `No row, because the two sides found different numbers or one of them failed: ${failed}.`,
    );
  });
});
