/**
 * Figures. A recipe (kind, data, options) is plain JSON and always draws the same file; `figureKinds` names all kinds.
 */
import { z } from 'zod';
import { UserError } from '../errors.ts';
import { provenanceSchema } from '../provenance.ts';
import { figureOptionsSchema, type FigureDocument, type NumberTable } from './document.ts';
import { barrierMatrix } from './kinds/barrier-matrix.ts';
import { boundedCurves } from './kinds/bounded-curves.ts';
import { barrierOverEpochs } from './kinds/barrier-over-epochs.ts';
import { boxes } from './kinds/boxes.ts';
import { coherenceBarrier, coherenceEndpoints } from './kinds/coherence.ts';
import { forkBarrier } from './kinds/fork-barrier.ts';
import { gammaOut } from './kinds/gamma-out.ts';
import { histogram } from './kinds/histogram.ts';
import { interpolation } from './kinds/interpolation.ts';
import { matchingObjective } from './kinds/matching-objective.ts';
import { matrix } from './kinds/matrix.ts';
import { measureOverSetting } from './kinds/measure-over-setting.ts';
import { pairedBoxes } from './kinds/paired-boxes.ts';
import { planeContour } from './kinds/plane-contour.ts';
import { chordDeviation, rescalingBarrier } from './kinds/power-law.ts';
import { scatter } from './kinds/scatter.ts';
import { skipPlane, symmetryCurve } from './kinds/symmetry.ts';
import { trainingCurves } from './kinds/training-curves.ts';
import type { Viewing } from './viewing.ts';

export const figureKinds = {
  interpolation,
  'training-curves': trainingCurves,
  matrix,
  'barrier-matrix': barrierMatrix,
  'barrier-over-epochs': barrierOverEpochs,
  'matching-objective': matchingObjective,
  histogram,
  scatter,
  boxes,
  'paired-boxes': pairedBoxes,
  'bounded-curves': boundedCurves,
  'measure-over-setting': measureOverSetting,
  'gamma-out': gammaOut,
  'coherence-barrier': coherenceBarrier,
  'coherence-endpoints': coherenceEndpoints,
  'fork-barrier': forkBarrier,
  'chord-deviation': chordDeviation,
  'symmetry-curve': symmetryCurve,
  'rescaling-barrier': rescalingBarrier,
  'skip-plane': skipPlane,
  'plane-contour': planeContour,
};

export type FigureKindName = keyof typeof figureKinds;
export const figureKindNames = Object.keys(figureKinds) as FigureKindName[];

/** What a kind takes as data, before checking. */
export type FigureData<Kind extends FigureKindName> = z.input<(typeof figureKinds)[Kind]['schema']>;

/** A figure as it is asked for and stored. */
export interface FigureRecipe<Kind extends FigureKindName = FigureKindName> {
  kind: Kind;
  data: FigureData<Kind>;
  options?: z.input<typeof figureOptionsSchema>;
  caption?: string | undefined;
  provenance?: z.input<typeof provenanceSchema> | undefined;
}

const envelopeSchema = z.object({
  kind: z.string(),
  data: z.unknown(),
  options: figureOptionsSchema.prefault({}),
  caption: z.string().optional(),
  provenance: provenanceSchema.optional(),
});

/** The recipe of unknown origin, checked. Throws a UserError that names the field. */
function readRecipe(recipe: unknown) {
  const envelope = parseOrExplain(envelopeSchema, recipe, 'figure');
  if (!Object.hasOwn(figureKinds, envelope.kind)) {
    throw new UserError(
      `figure kind ${JSON.stringify(envelope.kind)}: unknown; one of ${figureKindNames.join(', ')}`,
    );
  }
  return { ...envelope, kind: envelope.kind as FigureKindName };
}

function parseOrExplain<T extends z.ZodType>(schema: T, value: unknown, where: string): z.output<T> {
  return explain(where, () => schema.parse(value));
}

/** Turns what a schema has to say about bad data into a UserError that names the field. */
function explain<T>(where: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    const issue = error.issues[0];
    const path = [where, ...(issue?.path ?? []).map(String)].join('.');
    throw new UserError(`${path}: ${issue?.message ?? 'not valid'}`, { cause: error });
  }
}

/** Draws any recipe. The same recipe gives the same bytes, here and on every machine. `viewing`: for a screen. */
export function drawFigure(recipe: unknown, viewing?: Viewing): FigureDocument {
  const { kind, data, options, caption, provenance } = readRecipe(recipe);
  const { draw } = figureKinds[kind] as unknown as AnyKind;
  return explain('figure.data', () => draw(data, options, { caption, provenance }, viewing));
}

/** The numbers behind a recipe, one row per plotted value (spread and single values too). */
export function figureNumbers(recipe: unknown): NumberTable {
  const { kind, data } = readRecipe(recipe);
  const { schema, numbers } = figureKinds[kind] as unknown as AnyKind;
  return numbers(parseOrExplain(schema, data, 'figure.data'));
}

/** All kinds seen alike: data unknown until their own schema has read them. */
interface AnyKind {
  schema: z.ZodType;
  draw: (data: unknown, options: object, notes: object, viewing?: Viewing) => FigureDocument;
  numbers: (data: unknown) => NumberTable;
}

/** RFC 4180: comma, CRLF, quotes where needed; missing values are empty. */
export function numbersAsCsv(table: NumberTable): string {
  const field = (value: string | number | null): string => {
    const text = value === null ? '' : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [table.columns, ...table.rows].map((row) => `${row.map(field).join(',')}\r\n`).join('');
}

export { figureOptionsSchema, legendPlaces } from './document.ts';
export type { AxisStyle } from './style.ts';
export type {
  FigureDocument,
  FigureOptions,
  FigureOptionsInput,
  NumberTable,
  PanelGeometry,
} from './document.ts';
export { lackingWarning, forShippedFonts } from './coverage.ts';
export { packMatrix } from './matrix-data.ts';
export type { Viewing, Zoom } from './viewing.ts';
export { sizePresetLabels, sizePresetNames, type SizePreset } from './size.ts';
export { themeNames } from './theme.ts';
