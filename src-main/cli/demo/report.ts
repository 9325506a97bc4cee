/** The demo's table, and what it means, in words that follow from the numbers. */
import { familySentences, trapText, type FamilyLoss } from '../../../src-shared/verdicts/families.ts';
import type { Sample } from '../../../src-shared/verdicts/rules.ts';
import type { Style } from '../terminal.ts';
import type { FamilySummary, Spread, Treatment } from './summary.ts';

const columns: { title: string; treatment: Treatment }[] = [
  { title: 'unaligned', treatment: 'none' },
  { title: 'activations', treatment: 'activation' },
  { title: 'weights', treatment: 'weight' },
  { title: 'LMC script*', treatment: 'reference_lmc_script' },
];

/** A barrier below this is what people call mergeable; above the other, clearly not. Percent. */
const small = -7;
const large = -20;

function spreadText({ mean, std }: Spread): string {
  return `${mean.toFixed(1).padStart(6)} ±${std.toFixed(1).padStart(5)}`;
}

const cellWidth = 14;
const gap = '  ';

function barrierCell(value: Spread, style: Style): string {
  const text = spreadText(value).padStart(cellWidth);
  if (value.mean > small) return style.good(text);
  return value.mean < large ? style.bad(text) : text;
}

/** A title centred above cells, with the ends that show how far it reaches. */
function bracket(title: string, cells: number): string {
  const width = cells * cellWidth + (cells - 1) * gap.length;
  const dashes = Math.max(2, width - title.length - 4);
  const left = Math.floor(dashes / 2);
  return `┌${'─'.repeat(left)} ${title} ${'─'.repeat(dashes - left)}┐`;
}

export function demoTable(families: readonly FamilySummary[], style: Style): string {
  const nameWidth = Math.max(...families.map((family) => family.name.length), 'networks'.length);
  const pairs = families[0]?.pairs.length ?? 0;
  const blank = ' '.repeat(nameWidth);
  const cell = (text: string): string => text.padStart(cellWidth);
  const header = [
    [blank, cell('test'), bracket(`accuracy lost between two networks, % (${pairs} pairs)`, columns.length)],
    [blank, cell('accuracy'), cell(''), bracket("second one's units reordered by", columns.length - 1)],
    ['networks'.padEnd(nameWidth), cell('%'), ...columns.map(({ title }) => cell(title))],
  ].map((line) => style.bold(line.join(gap)));
  const rule = style.dim('─'.repeat(nameWidth + (columns.length + 1) * (cellWidth + gap.length)));
  const rows = families.map((family) =>
    [
      family.name.padEnd(nameWidth),
      cell(spreadText(family.test_accuracy)),
      ...columns.map(({ treatment }) => barrierCell(family.test_barrier_height[treatment], style)),
    ].join(gap),
  );
  return [...header, rule, ...rows].join('\n');
}

function lossesOf({ name, pairs, test_barrier_height: heights }: FamilySummary): FamilyLoss {
  const lost = ({ mean, std }: Spread): Sample => ({ mean: -mean, std, count: pairs.length });
  const { none, activation, reference_lmc_script: script } = heights;
  return { name, asTrained: lost(none), matched: lost(activation), script: lost(script) };
}

/** What the numbers say, one sentence each. Says nothing that they do not show. */
export const demoMeaning = (families: readonly FamilySummary[]): string[] =>
  familySentences(families.map(lossesOf));

/** The star of the last column: what the published script's alignment does, if the numbers show the trap. */
export const trapSentence = (families: readonly FamilySummary[]): string => trapText(families.map(lossesOf));

/** Breaks a text at spaces, so that no line is longer than `width`; further lines are indented by `indent`. */
export function wrap(text: string, width: number, indent = ''): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent + word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].join('\n');
}
