/** The demo's table, and what it means, in words that follow from the numbers. */
import type { Style } from '../terminal.ts';
import type { FamilySummary, Spread, Treatment } from './summary.ts';

const columns: { title: string; treatment: Treatment }[] = [
  { title: 'as they are', treatment: 'none' },
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
    [
      blank,
      cell('test'),
      bracket(`accuracy lost on the line between two, % (${pairs} pairs)`, columns.length),
    ],
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

function join(names: readonly string[]): string {
  return names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)!}`;
}

function range(families: readonly FamilySummary[], treatment: Treatment): string {
  const drops = families.map((family) => Math.abs(family.test_barrier_height[treatment].mean));
  const [low, high] = [Math.min(...drops).toFixed(0), Math.max(...drops).toFixed(0)];
  return low === high ? `${low} %` : `${low} to ${high} %`;
}

/** What the numbers say, one sentence each. Says nothing that they do not show. */
export function demoMeaning(families: readonly FamilySummary[]): string[] {
  const mean = (family: FamilySummary, treatment: Treatment): number =>
    family.test_barrier_height[treatment].mean;
  const apart = families.filter((family) => mean(family, 'none') < large);
  const together = families.filter((family) => mean(family, 'none') > small);
  const healed = apart.filter((family) => mean(family, 'activation') > -10);
  const names = (some: readonly FamilySummary[]): string => join(some.map((family) => family.name));
  const sentences: string[] = [];
  if (apart.length > 0) {
    sentences.push(
      `Two networks trained apart cannot simply be merged: ${names(apart)} lose ${range(apart, 'none')} of their accuracy on the way.`,
    );
  }
  if (together.length > 0 && apart.length === 0) {
    sentences.push(
      `${names(together)} lose only ${range(together, 'none')} and no family much more, so this shows nothing about fixed weights: networks as wide as these need more images (--data-dir) before something stands between them. --size demo shows the effect.`,
    );
  } else if (together.length > 0) {
    sentences.push(
      `${names(together)} lose only ${range(together, 'none')}: with these fixed weights networks can be merged as they are.`,
    );
  }
  if (healed.length > 0) {
    sentences.push(
      `With its hidden units put in the other's order (by activations), ${names(healed)} lose only ${range(healed, 'activation')}: what stood between them was a permutation.`,
    );
  }
  return sentences.length > 0
    ? sentences
    : ['No family shows a clear barrier, or the clear absence of one, at this size.'];
}

/** The star of the last column: what the published script's alignment does, where the numbers show the trap. */
export function trapSentence(families: readonly FamilySummary[]): string {
  const hurt = families.filter(
    (family) =>
      family.test_barrier_height.reference_lmc_script.mean < family.test_barrier_height.activation.mean - 10,
  );
  const what =
    '* The alignment trap: the published LMC script maximises 1 - |ρ|, so it pairs the LEAST correlated units';
  if (hurt.length === 0) return `${what}; shown for comparison.`;
  return `${what}: networks aligned its way lose ${range(hurt, 'reference_lmc_script')}. Basin maximises ρ; this column is only for comparison.`;
}

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
