/** The table of barriers as text for a paper or a spreadsheet. */
import type { BarrierName } from '../../src-shared/barriers.ts';
import { numbersAsCsv } from '../../src-shared/figures/index.ts';
import type { Split } from '../../src-shared/domain.ts';
import type { Metric } from '../../src-shared/presentations/interpolation-figure.ts';
import { barrierSummary, endpointSummary, type Summary } from './curves.ts';
import type { Measured } from './measurement.svelte.ts';

interface Shown {
  unaligned: readonly Measured[];
  aligned: readonly Measured[];
  split: Split;
  metric: Metric;
  barrier: BarrierName;
}

interface Line {
  group: string;
  pairs: number;
  ends: Summary;
  /** Loss barrier, then accuracy drop; unaligned, then aligned. */
  barriers: (Summary | undefined)[];
}

function linesOf({ unaligned, aligned, split, metric, barrier }: Shown): Line[] {
  return unaligned.map((measured, index) => ({
    group: measured.group.key,
    pairs: measured.pairs.length,
    ends: endpointSummary(measured, split, metric),
    barriers: (['loss', 'accuracy'] as const).flatMap((of) =>
      [measured, aligned[index]].map((source) => source && barrierSummary(source, split, of, barrier)),
    ),
  }));
}

/** All digits; `_n` counts the pairs (of `_of`) that have a number. */
export function barriersAsCsv(shown: Shown): string {
  const names = ['loss_barrier', 'accuracy_drop'].flatMap((of) => [`${of}_unaligned`, `${of}_aligned`]);
  const columns = [`${shown.split}_${shown.metric}`, ...names];
  const head = [
    'group',
    'pairs',
    ...columns.flatMap((name) => [name, `${name}_std`, `${name}_n`, `${name}_of`]),
  ];
  const cells = (summary: Summary | undefined) => [
    summary?.spread?.mean ?? null,
    summary?.spread && summary.spread.n > 1 ? summary.spread.std : null,
    summary?.spread?.n ?? (summary ? 0 : null),
    summary?.all ?? null,
  ];
  const lines = linesOf(shown).map(({ group, pairs, ends, barriers }) => [
    ...[group, pairs, ...cells(ends)],
    ...barriers.flatMap(cells),
  ]);
  return numbersAsCsv({ columns: head, rows: lines });
}

const special: Record<string, string> = {
  '\\': '\\textbackslash{}',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
  σ: '$\\sigma$',
  λ: '$\\lambda$',
};

/** A name as LaTeX sets it; `σ_F` and `sigma_F` as the symbol. */
export const latexText = (text: string): string =>
  text
    .split(/(σ_F|sigma_F)/u)
    .map((part) =>
      part === 'σ_F' || part === 'sigma_F'
        ? '$\\sigma_F$'
        : part.replace(/[\\~^σλ&%$#_{}]/gu, (letter) => special[letter] ?? `\\${letter}`),
    )
    .join('');

function latexCell(summary: Summary | undefined, digits: number): string {
  if (!summary?.spread) return '--';
  const { mean, std, n } = summary.spread;
  const deviation = n > 1 ? ` \\pm ${std.toFixed(digits)}` : '';
  const count = summary.missing > 0 ? `~(${n} of ${summary.all})` : '';
  return `$${mean.toFixed(digits)}${deviation}$${count}`;
}

/** A `tabular` for the package booktabs; mean ± standard deviation over pairs. `against`: what barriers are above. */
export function barriersAsLatex(shown: Shown, against: string): string {
  const { split, metric } = shown;
  const digits = (of: Metric): number => (of === 'accuracy' ? 1 : 3);
  const unit = metric === 'accuracy' ? ' (\\%)' : '';
  const body = linesOf(shown).map(({ group, pairs, ends, barriers }) => {
    const cells = barriers.map((summary, i) => latexCell(summary, digits(i < 2 ? 'loss' : 'accuracy')));
    return `${[latexText(group), pairs, latexCell(ends, digits(metric)), ...cells].join(' & ')} \\\\`;
  });
  return [
    `% Barriers above ${against}, ${split} split, mean and standard deviation over pairs. Needs \\usepackage{booktabs}.`,
    '\\begin{tabular}{lrrrrrr}',
    '\\toprule',
    `& & & \\multicolumn{2}{c}{Loss barrier} & \\multicolumn{2}{c}{Accuracy drop (points)} \\\\`,
    '\\cmidrule(lr){4-5} \\cmidrule(lr){6-7}',
    `Group & Pairs & ${split} ${metric}${unit} & unaligned & aligned & unaligned & aligned \\\\`,
    '\\midrule',
    ...body,
    '\\bottomrule',
    '\\end{tabular}',
    '',
  ].join('\n');
}
