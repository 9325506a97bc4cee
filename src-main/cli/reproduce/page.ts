/** docs/experiments.md, made by `basin reproduce NAME --page FILE` from what was found and kept beside the page. */
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { messageOf, UserError } from '../../../src-shared/errors.ts';
import { writeFileWhole } from '../out-file.ts';
import { duration } from '../progress-line.ts';
import { jsonText } from '../terminal.ts';
import type { Experiment, Limit } from './experiment.ts';
import { isLimited } from './limit.ts';
import { longTime, memoryText, takes } from './plan.ts';
import { recordSchema, tally, tallyText, type ExperimentRecord } from './record.ts';
import type { Reproduced } from './run-experiment.ts';

/** Where records and pictures of the page lie: beside it, in a folder of its name. */
const folderOf = (page: string): string => join(dirname(page), basename(page, extname(page)));

/** @throws UserError for what the page must not show */
export function refuseForPage({ size, limit }: { size: string; limit: Limit }): void {
  if (size === 'quick' && !isLimited(limit)) return;
  throw new UserError('--page: the page shows whole quick sizes only.', {
    hint: 'Leave out --size paper and --limit.',
  });
}

/** Puts an experiment's record and pictures beside the page, in place of older ones. */
export async function keepForPage(page: string, { record, figures }: Reproduced): Promise<void> {
  const folder = folderOf(page);
  await mkdir(folder, { recursive: true });
  const pictures: string[] = [];
  for (const path of figures.filter((each) => extname(each) === '.svg')) {
    const name = `${record.name}-${basename(path)}`.replace(`${record.name}-${record.name}`, record.name);
    await writeFileWhole(join(folder, name), await readFile(path));
    pictures.push(name);
  }
  // Folders of the machine say nothing to a reader of the page.
  const { families: _, ...kept } = record;
  const rows = record.rows.map(({ run_directory: __, ...row }) => row);
  await writeFileWhole(
    join(folder, `${record.name}.json`),
    `${jsonText({ ...kept, rows, figures: pictures }, 1)}\n`,
  );
}

const keptSchema = recordSchema.extend({ figures: recordSchema.shape.name.array() });
type Kept = ExperimentRecord & { figures: string[] };

async function readKept(folder: string): Promise<Map<string, Kept>> {
  const kept = new Map<string, Kept>();
  for (const file of (await readdir(folder)).filter((name) => name.endsWith('.json')).sort()) {
    const path = join(folder, file);
    try {
      const record = keptSchema.parse(JSON.parse(await readFile(path, 'utf8')));
      kept.set(record.name, record);
    } catch (error) {
      throw new UserError(`${path}: cannot be read as what an experiment found: ${messageOf(error)}`, {
        hint: 'Remove the file and run the experiment again.',
      });
    }
  }
  return kept;
}

const inCell = (text: string): string => text.trim().replaceAll('|', '\\|');
const signs = { yes: '✓', no: '✗', partly: '? partly', 'not clear': '? not clear' } as const;

function tableOf({ rows, expectations = [] }: Kept): string[] {
  const lines = [...rows, ...expectations].map(({ what, expected, measured, holds }) => {
    const cells = [what, expected, measured, holds === null ? '' : signs[holds]].map(inCell);
    return `| ${cells.join(' | ')} |`;
  });
  return ['| what | paper or theory | measured | held |', '| --- | --- | --- | --- |', ...lines];
}

function sectionOf(name: string, experiment: Experiment, kept: Kept | undefined, folder: string): string[] {
  const { quick, paper } = experiment.sizes;
  const lines = [
    ...[
      `## ${name}`,
      '',
      `**${experiment.title}.** ${experiment.paper.says} (${experiment.paper.source})`,
      '',
    ],
    `- Quick size: ${quick.setting}; ${takes(quick)}.${quick.remark === undefined ? '' : ` ${quick.remark}`}`,
    `- Paper size: ${paper.setting}; ${takes(paper)}.${paper.remark === undefined ? '' : ` ${paper.remark}`}`,
    '',
  ];
  if (!kept) return [...lines, 'Not run for this page.', ''];
  const { date, machine, seed, seconds, basin } = kept;
  return [
    ...lines,
    `Quick size, seed ${seed}, on ${date.slice(0, 10)}, Basin ${basin}, ${machine.cores} cores of ${machine.processor}, ` +
      `${machine.memory} GiB of memory: ${duration(seconds)}; ${tallyText(tally(kept))}.`,
    '',
    ...tableOf(kept),
    '',
    ...kept.figures.map((file) => `![${experiment.title}](${basename(folder)}/${file})`),
    '',
  ];
}

const opening = [
  '# Experiments: `basin reproduce NAME`',
  '',
  '<!-- Made by `basin reproduce all --page docs/experiments.md`: edits are lost. -->',
  '',
  'Each name repeats one experiment of the papers, or of their authors, with ordinary jobs (their runs and results are in the',
  'workspace), draws its figures as SVG, PDF and PNG and prints the published and the measured numbers side by side.',
  "`--size quick` takes minutes on two cores; `--size paper` is the authors' own grid as far as it is on record; `--dry-run` only says what is trained",
  'and measured and what that takes; `--limit epochs=1,models=2` cuts a size down to see that it runs; `--seed N`, `--out DIR`,',
  '`--json`. `basin reproduce all` runs every one.',
  '',
  'A tick marks an expectation that held, a cross one that did not, `? not clear` one that the numbers cannot decide',
  '([verdicts](verdicts.md) has the rules; in `--json` it is `holds`: `yes`, `partly`, `no`, `not clear`, or null if nothing is',
  'expected). Published numbers are quoted, never asserted: the quick sizes differ from the published experiments but point in',
  'the same direction. Times under a result are those of that run on that machine.',
  '',
];

/** Writes the page from everything that is kept beside it. */
export async function writePage(
  page: string,
  experiments: readonly (readonly [name: string, experiment: Experiment])[],
): Promise<void> {
  const folder = folderOf(page);
  await mkdir(folder, { recursive: true });
  const kept = await readKept(folder);
  const overview = experiments.map(([name, { sizes }]) => {
    const found = kept.get(name);
    const outcome = found ? `${tallyText(tally(found))} (${duration(found.seconds)})` : 'not run';
    const { seconds, memoryMiB } = sizes.paper;
    return `| [${name}](#${name}) | ${inCell(outcome)} | ${longTime(seconds)}, ${memoryText(memoryMiB)} |`;
  });
  const text = [
    ...opening,
    '| experiment | quick size found | paper size needs |',
    '| --- | --- | --- |',
    ...overview,
    '',
    ...experiments.flatMap(([name, experiment]) => sectionOf(name, experiment, kept.get(name), folder)),
  ];
  await writeFileWhole(page, `${text.join('\n').trimEnd()}\n`);
}
