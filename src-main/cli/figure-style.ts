/** `--legend`, `--x-range`, `--y-scale` and the like of `basin figure`: a recipe's options from the command line. */
import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { UserError } from '../../src-shared/errors.ts';
import { legendPlaces, sizePresetNames, themeNames } from '../../src-shared/figures/index.ts';
import { parseRange } from './figure-look.ts';

type Range = [number, number] | 'auto';

export interface StyleFlags {
  theme?: string;
  width?: string | { width: number; unit: string };
  title?: string;
  legend?: string;
  xRange?: Range;
  yRange?: Range;
  xScale?: string;
  yScale?: string;
  xLabel?: string;
  yLabel?: string;
  panel?: number;
}

/** `single`, `text`, `double`, or a width such as `86mm`. */
function parseWidth(text: string): string | { width: number; unit: string } {
  if (sizePresetNames.some((name) => name === text)) return text;
  const match = /^([\d.]+)(in|mm|cm|pt|px)$/.exec(text);
  if (match === null || !(Number(match[1]) > 0)) {
    throw new InvalidArgumentError(
      `Expected ${sizePresetNames.join(', ')}, or a length such as 86mm or 3.25in.`,
    );
  }
  return { width: Number(match[1]), unit: match[2]! };
}

const parseAxisRange = (text: string): Range => (text === 'auto' ? 'auto' : parseRange(text));

function parsePanel(text: string): number {
  const panel = Number(text);
  if (Number.isInteger(panel) && panel > 0) return panel;
  throw new InvalidArgumentError('Expected the number of a panel, from 1.');
}

export function addStyleFlags(command: Command): Command {
  const scales = ['linear', 'log', 'auto'];
  return command
    .addOption(new Option('--theme <name>', 'look').choices([...themeNames]))
    .addOption(
      new Option(
        '--width <size>',
        'single (3.25 in, a column of ICML), text (5.5 in, NeurIPS, ICLR), double (6.75 in, both columns of ICML), or a length such as 86mm',
      ).argParser(parseWidth),
    )
    .option('--title <text>', 'heading above all panels')
    .addOption(
      new Option(
        '--legend <place>',
        'inside: in an empty place of a panel, below if there is none; none: no legend',
      ).choices([...legendPlaces]),
    )
    .addOption(
      new Option('--x-range <low,high>', 'values at the ends of the x axis; auto: as the values').argParser(
        parseAxisRange,
      ),
    )
    .addOption(
      new Option(
        '--y-range <low,high>',
        'values at the ends of the y axis, such as --y-range=80,100',
      ).argParser(parseAxisRange),
    )
    .addOption(new Option('--x-scale <scale>', "auto: as the figure's kind has it").choices(scales))
    .addOption(new Option('--y-scale <scale>', "auto: as the figure's kind has it").choices(scales))
    .option('--x-label <text>', 'label of the x axis; auto: as the kind has it')
    .option('--y-label <text>', 'label of the y axis')
    .addOption(
      new Option(
        '--panel <n>',
        'if panels have different axes: the one, from 1, that the flags of axes are about',
      ).argParser(parsePanel),
    );
}

type Options = Record<string, unknown>;

/** The options that a recipe has, under those of the command line. `auto` takes away what the recipe chose. */
export function styledOptions(stored: Options, flags: StyleFlags): Options {
  const { theme, width, title, legend } = flags;
  const options: Options = {
    ...stored,
    ...(theme !== undefined && { theme }),
    ...(width !== undefined && { size: width }),
    ...(title !== undefined && { title }),
    ...(legend !== undefined && { legend }),
  };
  const axes = {
    x: { range: flags.xRange, scale: flags.xScale, label: flags.xLabel },
    y: { range: flags.yRange, scale: flags.yScale, label: flags.yLabel },
  };
  const wanted = Object.values<Options>(axes).some((axis) =>
    Object.values(axis).some((v) => v !== undefined),
  );
  if (flags.panel !== undefined && !wanted)
    throw new UserError('--panel: nothing is said about the axes of that panel.', {
      hint: 'Give it together with --y-range, --y-scale, --y-label or those of x.',
    });
  for (const [name, axis] of Object.entries<Options>(axes)) {
    const given = Object.entries(axis).filter(([, value]) => value !== undefined);
    if (given.length === 0) continue;
    const before = (stored[name] ?? {}) as Options;
    const panel = flags.panel === undefined ? {} : { panel: flags.panel };
    const merged = { ...before, ...panel, ...Object.fromEntries(given) };
    const kept = Object.fromEntries(Object.entries<unknown>(merged).filter(([, value]) => value !== 'auto'));
    options[name] = Object.keys(kept).some((key) => key !== 'panel') ? kept : undefined;
  }
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/** What is refused about a recipe's options, in the words of the command line. */
export async function inFlags<T>(draw: () => Promise<T>): Promise<T> {
  try {
    return await draw();
  } catch (error) {
    const text = error instanceof Error ? error.message : '';
    const found = /^figure\.options\.([xy])\.(range|scale|label|panel)(?:\.\d)?(?=:)/.exec(text);
    if (found === null) throw error;
    const flag = found[2] === 'panel' ? '--panel' : `--${found[1]}-${found[2]}`;
    const hint = error instanceof UserError ? error.hint : undefined;
    throw new UserError(text.replace(found[0], flag), hint === undefined ? {} : { hint });
  }
}
