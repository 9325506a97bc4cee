/** The form for a figure's look: from a recipe's options to its fields and back. */
import {
  figureOptionsSchema,
  sizePresetNames,
  type AxisStyle,
  type FigureOptions,
  type FigureOptionsInput,
  type SizePreset,
} from '../../src-shared/figures/index.ts';
import { units } from '../../src-shared/figures/size.ts';

export interface AxisForm {
  low: number | null;
  high: number | null;
  scale: 'auto' | 'linear' | 'log';
  label: string;
}

export interface StyleForm {
  size: SizePreset | 'custom';
  width: number | null;
  height: number | null;
  unit: 'in' | 'mm';
  theme: 'paper' | 'screen-light' | 'screen-dark';
  fontSize: number | null;
  letters: boolean;
  title: string;
  legend: FigureOptions['legend'];
  x: AxisForm;
  y: AxisForm;
  /** Which panel's axes the choices are about; null: those of all. */
  panel: number | null;
}

const noAxis: AxisForm = { low: null, high: null, scale: 'auto', label: '' };

const axisForm = ({ range, scale, label }: AxisStyle = {}): AxisForm => ({
  low: range?.[0] ?? null,
  high: range?.[1] ?? null,
  scale: scale ?? 'auto',
  label: label ?? '',
});

/** The fields for a recipe's options; options that this version does not know leave all fields as they are by default. */
export function styleForm(options: unknown): StyleForm {
  const parsed = figureOptionsSchema.safeParse(options ?? {});
  const {
    size = 'double',
    theme,
    fontSize,
    letters,
    title,
    legend,
    x,
    y,
  } = parsed.success ? parsed.data : {};
  const form: StyleForm = {
    ...{ size: 'custom', width: 6, height: null, unit: 'in' },
    theme: theme ?? 'paper',
    fontSize: fontSize ?? null,
    letters: letters ?? false,
    title: title ?? '',
    legend: legend ?? 'bottom',
    x: x ? axisForm(x) : { ...noAxis },
    y: y ? axisForm(y) : { ...noAxis },
    panel: y?.panel ?? x?.panel ?? null,
  };
  if (typeof size === 'string') return { ...form, size };
  const unit = size.unit === 'mm' || size.unit === 'cm' ? 'mm' : 'in';
  const convert = (length: number): number =>
    size.unit === unit ? length : Number(((length * units[size.unit]) / units[unit]).toFixed(4));
  const height = size.height === undefined ? null : convert(size.height);
  return { ...form, unit, width: convert(size.width), height };
}

/** An empty field of a browser is null or undefined. */
const isNumber = (value: number | null | undefined): value is number => typeof value === 'number';

function axisOptions(axis: AxisForm, panel: number | null): object | undefined {
  const ends = [axis.low, axis.high];
  const label = axis.label.trim();
  const style = {
    // One end alone is passed on, and refused by the figure.
    ...(ends.some(isNumber) && { range: ends }),
    ...(axis.scale !== 'auto' && { scale: axis.scale }),
    ...(label !== '' && { label }),
  };
  return Object.keys(style).length === 0 ? undefined : { ...style, ...(isNumber(panel) && { panel }) };
}

/** A recipe's options for the fields; whether a figure can be drawn so is for `drawFigure` to say. */
export function styleOptions(form: StyleForm): FigureOptionsInput & Record<string, unknown> {
  const { size, width, height, unit, theme, fontSize, letters, legend, panel } = form;
  const custom = { width, unit, ...(isNumber(height) && { height }) };
  const title = form.title.trim();
  const [x, y] = [axisOptions(form.x, panel), axisOptions(form.y, panel)];
  return {
    theme,
    letters,
    size: size === 'custom' ? custom : size,
    ...(isNumber(fontSize) && { fontSize }),
    ...(title !== '' && { title }),
    ...(legend !== 'bottom' && { legend }),
    ...(x && { x }),
    ...(y && { y }),
  } as FigureOptionsInput & Record<string, unknown>;
}

export interface StyleProblem {
  /** As the options call it: `y.range`; undefined if it is about no field alone. */
  field: string | undefined;
  text: string;
}

/** What is wrong, without the field's name, which stands beside it. */
export function styleProblem(message: string): StyleProblem {
  const found =
    /^figure\.options\.(?:([xy])\.(range|scale|label|panel)|(size|fontSize|title))[.\w]*: (.*)$/s.exec(
      message,
    );
  if (found === null) return { field: undefined, text: message };
  const [, axis, name, other, text = ''] = found;
  if (other !== undefined) return { field: other, text };
  const ends = name === 'range' && text.startsWith('Invalid input') ? 'Give both ends, or none.' : text;
  return { field: name === 'panel' ? 'panel' : `${axis}.${name}`, text: ends };
}

export const sizeChoices = [...sizePresetNames, 'custom'] as const;
