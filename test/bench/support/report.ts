/** What the benchmarks that fill docs/performance.md have in common: options, rows, tables. */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { UserError } from '../../../src-shared/errors.ts';

export interface BenchOptions {
  /** Rows as JSON on stdout, everything else on stderr. */
  json: boolean;
  /** Puts the table into docs/performance.md. */
  write: boolean;
  /** The one work or quantity to measure; absent: all. */
  only?: string;
  turns: number;
}

/**
 * @param known what `--only` may name
 * @throws UserError for an option that there is not, or a value that cannot be used
 */
export function benchOptions(args: readonly string[], known: readonly string[], turns: number): BenchOptions {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        json: { type: 'boolean', default: false },
        write: { type: 'boolean', default: false },
        only: { type: 'string' },
        turns: { type: 'string', default: String(turns) },
      },
    }));
  } catch (thrown) {
    throw new UserError((thrown as Error).message, {
      hint: `Options are --json, --write, --turns NUMBER and --only ${known.join('|')}.`,
    });
  }
  const { json, write, only } = values;
  if (only !== undefined && !known.includes(only))
    throw new UserError(`--only ${only}: there is no such work; there are ${known.join(', ')}.`);
  const asked = Number(values.turns);
  if (!Number.isInteger(asked) || asked < 1)
    throw new UserError(`--turns ${values.turns}: a whole number from 1 on was expected.`);
  if (write && only !== undefined)
    throw new UserError('--write with --only: the table in docs/performance.md holds all rows.', {
      hint: 'Leave one of the two options out.',
    });
  return { json, write, turns: asked, ...(only !== undefined && { only }) };
}

const seconds = z.number().positive();

export const publishedRowSchema = z.strictObject({
  work: z.string().min(1),
  /** Medians over the turns. */
  basin_s: seconds,
  published_s: seconds,
  /** Times faster than the published way. */
  ratio: z.number().positive(),
});
export type PublishedRow = z.infer<typeof publishedRowSchema>;

export const scalingRowSchema = z.strictObject({
  /** What grows: models, width, pairs or points. */
  quantity: z.string().min(1),
  value: z.int().positive(),
  basin_s: seconds,
  /** Billions of floating-point operations that its matrix products take, per second. */
  gflops: z.number().positive(),
  /** The same of one large float32 product, measured in the same run. */
  peak_gflops: z.number().positive(),
  /** gflops / peak_gflops */
  share_of_peak: z.number().positive(),
});
export type ScalingRow = z.infer<typeof scalingRowSchema>;

export const resnetRowSchema = z.strictObject({
  norm: z.enum(['batch', 'group']),
  /** Of one step: medians over the turns. */
  basin_ms: z.number().positive(),
  torch_ms: z.number().positive(),
  /** basin_ms / torch_ms */
  ratio: z.number().positive(),
  /** The most that the ratio may be. */
  target: z.number().positive(),
  /** What all threads spent on a step: tells more than time on a machine that others use. */
  basin_cpu_ms: z.number().positive(),
  torch_cpu_ms: z.number().positive(),
});
export type ResnetRow = z.infer<typeof resnetRowSchema>;

/** Milliseconds per image: of the fastest batch of all turns; processor times are medians over the turns. */
export const exportedRowSchema = resnetRowSchema.omit({ norm: true }).extend({
  /** Pixels of a side. */
  size: z.int().positive(),
});
export type ExportedRow = z.infer<typeof exportedRowSchema>;

/** A Markdown table; columns after the first are numbers. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), `|${head.map((_, i) => (i === 0 ? '---' : '--:')).join('|')}|`, ...rows.map(line)].join(
    '\n',
  );
}

/** Three digits, without an exponent. */
export const digits = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value.toPrecision(value >= 0.1 ? 3 : 2);

/**
 * The text with everything between `<!-- bench NAME -->` and `<!-- /bench NAME -->` replaced.
 * @throws UserError if the two marks are not there once each, in this order
 */
export function withTable(text: string, name: string, table: string): string {
  const [open, close] = [`<!-- bench ${name} -->`, `<!-- /bench ${name} -->`];
  const [before, ...others] = text.split(open);
  const [old, after, ...more] = others[0]?.split(close) ?? [];
  if (others.length !== 1 || old === undefined || after === undefined || more.length > 0)
    throw new UserError(`${open} and ${close} were expected once each, one after the other.`);
  return `${before}${open}\n\n${table}\n\n${close}${after}`;
}

export const performancePage = new URL('../../../docs/performance.md', import.meta.url);

export function writeTable(name: string, table: string): void {
  writeFileSync(performancePage, withTable(readFileSync(performancePage, 'utf8'), name, table));
}
