/** The look of axes that a reader of the figure may choose: range, scale, label. Refuses what would hide or lose values. */
import { z } from 'zod';
import { UserError } from '../errors.ts';
import type { AxisSpec } from './axis.ts';
import type { FigureSpec, PanelSpec } from './layout.ts';
import { valuesOn } from './marks.ts';
import { plainText } from './text.ts';

const rangeSchema = z
  .tuple([z.number(), z.number()])
  .refine(([low, high]) => low < high, 'expected two different numbers, the lower one first');

export const axisStyleSchema = z.strictObject({
  /** Shown values, in the axis' units. */
  range: rangeSchema.optional(),
  scale: z.enum(['linear', 'log']).optional(),
  label: z.string().trim().min(1, 'expected some text').max(300).optional(),
  /** Number from 1, in reading order; else all panels. */
  panel: z.int().positive().optional(),
});
export type AxisStyle = z.output<typeof axisStyleSchema>;

type Made = Pick<FigureSpec, 'rows' | 'shareX' | 'shareY'>;
type Which = 'x' | 'y';
export interface Style {
  x?: AxisStyle | undefined;
  y?: AxisStyle | undefined;
}

/** The panels as asked for, and what the caption must say of it. Throws UserError that names the field. */
export function styled(made: Made, style: Style): { rows: FigureSpec['rows']; notes: string[] } {
  let rows = made.rows;
  const notes: string[] = [];
  for (const which of ['x', 'y'] as const) {
    const wanted = style[which];
    if (wanted === undefined || Object.values(wanted).every((value) => value === undefined)) continue;
    const chosen = panelsFor({ ...made, rows }, which, wanted);
    checkValues([...chosen], which, wanted);
    rows = rows.map((row) =>
      row.map((panel) => (chosen.has(panel) ? restyled(panel, which, wanted) : panel)),
    );
    notes.push(...cutNote([...chosen], which, wanted));
  }
  return { rows, notes };
}

const fieldOf = (which: Which, name: keyof AxisStyle): string => `figure.options.${which}.${name}`;
const given = (style: AxisStyle): (keyof AxisStyle)[] =>
  (['range', 'scale', 'label'] as const).filter((name) => style[name] !== undefined);

function panelsFor(made: Made, which: Which, style: AxisStyle): Set<PanelSpec> {
  const all = made.rows.flat();
  const [first] = given(style);
  if (style.panel !== undefined) {
    const only = all[style.panel - 1];
    const field = fieldOf(which, 'panel');
    if (only === undefined)
      throw new UserError(
        `${field}: ${style.panel}, but the figure has ${all.length} panel${all.length === 1 ? '' : 's'}.`,
      );
    if (all.length > 1 && (which === 'x' ? made.shareX === true : made.shareY !== undefined))
      throw new UserError(`${field}: all panels share their ${which} axis.`, {
        hint: 'Leave the panel out.',
      });
    return new Set([only]);
  }
  const labels = [...new Set(all.map((panel) => plainText(panel[which].label)))];
  if (labels.length > 1 && first !== undefined)
    throw new UserError(
      `${fieldOf(which, first)}: the panels have different ${which} axes (${labels.join('; ')}).`,
      { hint: `Name one panel, from 1 to ${all.length}.` },
    );
  return new Set(all);
}

const number = (value: number): string => String(Number(value.toPrecision(4)));

/** Lowest and highest value that the panels draw along an axis; undefined if they draw none. */
function endsOf(panels: readonly PanelSpec[], which: Which): [number, number] | undefined {
  const values = panels.flatMap((panel) => valuesOn(panel.marks)[which]);
  return values.length === 0 ? undefined : [Math.min(...values), Math.max(...values)];
}

function checkValues(panels: readonly PanelSpec[], which: Which, style: AxisStyle): void {
  const refuse = (name: keyof AxisStyle, why: string, hint?: string): never => {
    throw new UserError(`${fieldOf(which, name)}: ${why}`, hint === undefined ? {} : { hint });
  };
  for (const name of ['range', 'scale'] as const) {
    if (style[name] === undefined) continue;
    if (panels.some((panel) => panel.framed === true))
      refuse(name, `a matrix or a plane shows all its values; its ${which} axis has no ${name} to choose.`);
    if (panels.some((panel) => panel[which].scale === 'category'))
      refuse(name, `the ${which} axis has names, not numbers.`);
  }
  const ends = endsOf(panels, which);
  const log = panels.some((panel) => (style.scale ?? panel[which].scale) === 'log');
  const { range } = style;
  if (style.scale === 'log' && ends !== undefined && ends[0] <= 0)
    refuse(
      'scale',
      `a logarithmic axis shows only values above 0, and the lowest here is ${number(ends[0])}.`,
      'Choose the linear scale.',
    );
  if (range === undefined) return;
  if (log && range[0] <= 0)
    refuse('range', `${range.map(number).join(' to ')}: a logarithmic axis begins above 0.`);
  if (ends !== undefined && (range[1] < ends[0] || range[0] > ends[1]))
    refuse(
      'range',
      `${range.map(number).join(' to ')} shows none of the values, which lie from ${ends.map(number).join(' to ')}.`,
    );
}

function restyled(panel: PanelSpec, which: Which, { range, scale, label }: AxisStyle): PanelSpec {
  const { ticks, tickLabels, include, limit, ...rest } = panel[which];
  const log = (scale ?? rest.scale) === 'log';
  const inside = (ticks ?? []).filter((v) => range === undefined || (v >= range[0] && v <= range[1]));
  // Ticks of the kind's own that a range leaves too few of give way to round numbers.
  const kept =
    ticks !== undefined && (inside.length >= 3 || inside.length === ticks.length) && scale === undefined;
  const ends = endsOf([panel], which);
  const axis: AxisSpec = {
    ...rest,
    ...(kept && { ticks, ...(tickLabels !== undefined && { tickLabels }) }),
    ...(include !== undefined && { include: log ? include.filter((v) => v > 0) : include }),
    ...(limit !== undefined && !(log && limit[0] <= 0) && { limit }),
    ...(scale !== undefined && { scale }),
    ...(label !== undefined && { label }),
    ...(range !== undefined && { domain: range }),
    ...(range !== undefined && ends !== undefined && { cut: ends[0] < range[0] || ends[1] > range[1] }),
  };
  return { ...panel, [which]: axis };
}

function cutNote(panels: readonly PanelSpec[], which: Which, { range }: AxisStyle): string[] {
  const ends = endsOf(panels, which);
  if (range === undefined || ends === undefined || (ends[0] >= range[0] && ends[1] <= range[1])) return [];
  return [
    `The ${which} axis shows ${range.map(number).join(' to ')}; the values lie from ${ends.map(number).join(' to ')}, and those beyond the axis are cut off.`,
  ];
}
